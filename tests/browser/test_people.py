"""The pages of people in a real browser: a head is turned by the slider, and its front stands beside it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.driver import Server, faults, href, open_page, player, player_state, until


def test_a_head_is_turned_by_the_slider(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/tpgan?person=5")
    root = player(page)
    until(lambda: player_state(page)["frames"] == 13, "not every turn is there")
    for turn, said in ((12, "turned by 90°"), (6, "turned by 0°"), (0, "turned by −90°")):
        page.get_by_label("Step of the run").fill(str(turn))
        until(lambda turn=turn: player_state(page)["frame"] == turn, "the head did not turn")
        expect(root.locator(".caption")).to_contain_text(said)
    expect(root.locator(".caption")).to_contain_text("Person 5")
    assert page_errors == []
    assert faults(page) == []


def test_a_character_is_clicked_on_and_one_thing_changed(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/anime?view=sheet")
    root = player(page)
    expect(root.locator(".caption")).to_contain_text("36 characters", timeout=20_000)
    box = root.locator("canvas.images").bounding_box()
    page.mouse.click(box["x"] + 0.47 * box["width"], box["y"] + 0.47 * box["height"])
    expect(player(page).locator(".caption")).to_contain_text("The noise and all else stay", timeout=20_000)
    until(lambda: "pick=" in href(page), "the address does not say which character")
    assert page_errors == []
    assert faults(page) == []


def test_a_face_is_changed_by_a_click(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/icgan?face=5")
    root = player(page)
    expect(root.locator(".caption")).to_contain_text("One attribute more", timeout=20_000)
    box = root.locator("canvas.images").bounding_box()
    page.mouse.click(box["x"] + 0.42 * box["width"], box["y"] + 0.4 * box["height"])
    expect(player(page).locator(".caption")).to_contain_text("Changed: ", timeout=20_000)
    until(lambda: "&" in page.evaluate("location.search"), "the address has no change")
    page.get_by_text("Compose a face").first.click()
    expect(player(page).locator(".caption")).to_contain_text("Twelve z, one y", timeout=20_000)
    assert page_errors == []
    assert faults(page) == []


def test_a_face_is_aged_by_the_slider(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/age-cgan?person=5")
    root = player(page)
    until(lambda: player_state(page)["frames"] == 8, "not every age is there")
    for place, said in ((7, "asked for at 80 years"), (0, "asked for at 1 year")):
        page.get_by_label("Step of the run").fill(str(place))
        until(lambda place=place: player_state(page)["frame"] == place, "the face did not change its age")
        expect(root.locator(".caption")).to_contain_text(said)
    expect(root.locator(".caption")).to_contain_text("Person 5")
    assert page_errors == []
    assert faults(page) == []
