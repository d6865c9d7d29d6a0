"""MidiNet in a real browser: eight bars are composed, heard, and composed anew to other chords."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.driver import Server, faults, open_page, player, player_state, set_theme, until


def test_a_melody_is_composed_heard_and_composed_anew(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/midinet")
    root = player(page)
    canvas = root.locator("canvas.roll")
    until(lambda: player_state(page)["frame"] == 8, "the eight bars were not composed", timeout=30)
    expect(root.locator(".caption")).to_contain_text("8 bars made", timeout=15_000)
    expect(page.get_by_role("button", name="MIDI")).to_be_visible()
    root.get_by_role("button", name="Listen").click()
    until(lambda: float(canvas.get_attribute("data-playhead") or 0) > 2, "nothing is heard")
    root.get_by_role("button", name="Stop the sound").click()
    pixels = lambda: canvas.evaluate("c => c.toDataURL()")  # noqa: E731
    whole = pixels()
    root.locator("[data-layer=track1]").click()
    until(lambda: pixels() != whole, "the chords stayed")

    open_page(page, f"{server.url}/midinet?beside=ngram&chords=minor")
    expect(page.locator("canvas.roll")).to_have_count(2, timeout=30_000)
    set_theme(page, "dark")
    assert page_errors == []
    assert faults(page) == []


def test_a_search_comes_nearer_to_an_image_and_strokes_are_laid_over_it(
    page: Page, server: Server, page_errors: list[str]
):
    open_page(page, f"{server.url}/anogan")
    root = player(page)
    until(lambda: player_state(page)["frame"] >= 20, "the search does not go on by itself", timeout=40)
    expect(root.locator(".caption")).to_contain_text("of normal test images score higher")
    open_page(page, f"{server.url}/anogan?image=over")
    until(lambda: player(page).get_attribute("data-state") == "finished", "the search did not end", timeout=60)
    page.get_by_text("Draw a defect").click()
    pad = page.get_by_role("application", name="Drawing board")
    pad.scroll_into_view_if_needed()
    pad = pad.bounding_box()
    before = page.locator(".stage canvas").first.evaluate("c => c.toDataURL()")
    page.mouse.move(pad["x"] + 0.2 * pad["width"], pad["y"] + 0.2 * pad["height"])
    page.mouse.down()
    page.mouse.move(pad["x"] + 0.8 * pad["width"], pad["y"] + 0.2 * pad["height"], steps=5)
    page.mouse.up()
    picture = lambda: page.locator(".stage canvas").first.evaluate("c => c.toDataURL()")  # noqa: E731
    until(lambda: picture() != before, "the stroke is not on the image")
    assert page_errors == []
    assert faults(page) == []


def test_a_sticker_is_shrunk_and_named_without_and_with_the_generator(
    page: Page, server: Server, page_errors: list[str]
):
    open_page(page, f"{server.url}/perceptual-gan?px=40")
    root = page.locator(".lab[data-answers]")
    until(lambda: int(root.get_attribute("data-answers") or 0) >= 1, "the sticker was not named", timeout=30)
    expect(root.locator(".words")).to_contain_text("nothing is added")
    root.get_by_label("Pixels of the object's long side").fill("9")
    expect(root.locator(".words")).to_contain_text("9 pixels: the plain network says", timeout=10_000)
    scene, answers = root.get_by_role("application"), int(root.get_attribute("data-answers") or 0)
    before = root.locator("canvas").nth(1).evaluate("c => c.toDataURL()")
    box = scene.bounding_box()
    page.mouse.click(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"])
    until(lambda: int(root.get_attribute("data-answers") or 0) > answers, "the click was not answered")
    assert root.locator("canvas").nth(1).evaluate("c => c.toDataURL()") != before
    assert int(root.get_attribute("data-ms") or 9999) < 1500  # on a busy machine; 150 ms is what `make bench` asks
    scene.press("+")
    expect(root.locator(".words")).to_contain_text("10 pixels", timeout=10_000)

    open_page(page, f"{server.url}/perceptual-gan?view=scenes")
    root = page.locator(".lab[data-answers]")
    until(lambda: int(root.get_attribute("data-answers") or 0) >= 1, "no object of the scene was named", timeout=30)
    box = root.get_by_role("application").bounding_box()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.6 * box["height"], steps=3)
    page.mouse.up()
    expect(root.locator(".words")).to_contain_text(re.compile("3[789] pixels"), timeout=10_000)
    assert page_errors == []
    assert faults(page) == []


def test_what_is_typed_is_drawn(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/stackgan?how=own")
    root = player(page)
    expect(root.locator(".caption")).to_contain_text("eight drawings", timeout=30_000)
    before = root.locator("canvas").first.evaluate("c => c.toDataURL()")
    words = page.get_by_role("textbox", name="Caption")
    words.fill("a small red bird on a pruple rock")
    words.press("Enter")
    expect(page.get_by_text("known: purple")).to_be_visible(timeout=15_000)
    until(lambda: player(page).locator("canvas").first.evaluate("c => c.toDataURL()") != before, "nothing was drawn")
    assert page_errors == []
    assert faults(page) == []


def test_a_texture_is_drawn_anew_and_raced_by_the_optimisation(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/mgan?size=64")
    root = player(page)
    canvas = page.locator(".stage canvas").first
    expect(root.locator(".caption")).to_contain_text("64 × 64 pixels in one pass", timeout=30_000)
    picture = lambda: canvas.evaluate("c => c.toDataURL()")  # noqa: E731
    before = picture()
    page.get_by_role("button", name="New seed").click()
    until(lambda: picture() != before, "other noise drew the same")
    open_page(page, f"{server.url}/mgan?view=race")
    until(lambda: player_state(page)["frame"] >= 2, "the optimisation does not go on by itself", timeout=40)
    expect(player(page).locator(".caption")).to_contain_text("times as long")
    assert page_errors == []
    assert faults(page) == []


def test_a_solid_is_turned_filled_and_kept(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/3dgan")
    root = player(page)
    canvas = root.locator("canvas.volume")
    expect(root.locator(".caption")).to_contain_text("Filled from an occupancy of 0.50", timeout=30_000)
    pixels = lambda: canvas.evaluate("c => c.toDataURL()")  # noqa: E731
    canvas.focus()
    before = pixels()
    page.keyboard.press("ArrowLeft")
    until(lambda: pixels() != before, "the solid did not turn")
    with page.expect_download() as kept:
        page.get_by_role("button", name="OBJ").click()
    assert kept.value.path().read_text().startswith("v ")
    set_theme(page, "dark")
    assert page_errors == []
    assert faults(page) == []
