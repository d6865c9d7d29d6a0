"""The autoregressive pages in a real browser: filled, asked, painted over, forked; compressed and damaged."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.driver import (
    Server,
    attribute,
    faults,
    finished,
    menu,
    open_page,
    player,
    player_state,
    set_theme,
    until,
)


def step(page: Page) -> int:
    """-1 while no picture has been painted yet."""
    return int(attribute(page, "step") or -1)


def pixels(page: Page, root: Locator, asked: str) -> tuple[float, float]:
    """A place on the stage whose tip begins with ``asked``: where an image's pixel answers."""
    stage = root.locator(".stage").bounding_box()
    for u in range(8, 60, 3):
        for v in range(20, 90, 7):
            x, y = stage["x"] + stage["width"] * u / 100, stage["y"] + stage["height"] * v / 100
            page.mouse.move(x, y)
            page.wait_for_timeout(200)  # the server answers, also on a busy machine
            if root.locator(".tip").is_visible() and root.locator(".tip").inner_text().startswith(asked):
                return x, y
    raise AssertionError(f"no pixel answered with {asked!r}")


def test_a_fill_plays_answers_jumps_and_forks(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/pixelcnn?n=1")
    root = player(page)
    until(lambda: step(page) > 20, "the fill does not play")
    root.get_by_label("Speed").select_option(label="600 steps/s")
    finished(page)
    until(lambda: step(page) == 392, "it does not reach the end")
    expect(root.locator(".caption")).to_contain_text("All 392 pixels are drawn")
    pixels(page, root, "P(white) = ")
    expect(root.locator(".numbers")).to_contain_text("pixels before it")
    # By keyboard, too: a pixel of the hidden half, then a click would go to the step that drew it.
    for label, value in (("image", "1"), ("row", "20"), ("column", "10")):
        box = page.get_by_label(f"{label} of the pixel to explain")
        box.fill(value)
        box.press("Enter")
    expect(root.locator(".numbers")).to_contain_text("row 20, column 10: drawn")
    root.get_by_role("button", name="First step").click()
    until(lambda: step(page) == 0, "it does not go back")
    menu(page, "row")
    until(lambda: step(page) == 28, "it does not go to the end of the row")
    menu(page, "fork")
    page.get_by_role("button", name="Branch", exact=True).click()
    until(lambda: page.locator("[data-frames]").count() == 2, "there is no fork")
    page.get_by_role("button", name="Back to one run").click()
    until(lambda: page.locator("[data-frames]").count() == 1, "the fork stayed")
    # Re-rolled in one click: a click on a pixel holds it, the button beside its numbers does it.
    for label, value in (("image", "1"), ("row", "20"), ("column", "10")):
        box = page.get_by_label(f"{label} of the pixel to explain")
        box.fill(value)
        box.press("Enter")
    page.get_by_role("button", name="Re-roll from this pixel").click()
    until(lambda: page.locator("[data-frames]").count() == 2, "nothing was re-rolled")
    assert page_errors == []
    assert faults(page) == []


def test_what_is_painted_over_is_filled_in(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/pixelcnn?n=1&hide=block")
    root = player(page)
    finished(page)
    x, y = pixels(page, root, "P(white) = ")
    root.get_by_role("button", name="Show pixels").click()
    root.get_by_role("button", name="Hide pixels").click()
    before = attribute(page, "state")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 4, y + 2, steps=3)
    page.mouse.up()
    page.wait_for_url(lambda url: "hide=painted." in url, timeout=20_000)  # the address carries the mask
    until(lambda: "of 132" not in root.locator(".counter").inner_text(), "the fill is the old one")
    finished(page)
    assert before == "finished"
    page.keyboard.press("End")
    expect(root.locator(".caption")).to_contain_text("pixels are drawn")
    assert page_errors == []
    assert faults(page) == []


def test_classes_and_the_blind_spot(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/gated-pixelcnn")
    player(page)
    until(lambda: step(page) > 10, "the classes are not drawn")
    set_theme(page, "dark")
    open_page(page, f"{server.url}/gated-pixelcnn?view=blind+spot")
    root = player(page)
    page.keyboard.press("End")
    expect(root.locator(".caption")).to_contain_text("Gated PixelCNN 0.")
    assert page_errors == []
    assert faults(page) == []


def test_diagonals_scales_and_a_mixture(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/pixelrnn")
    root = player(page)
    page.keyboard.press("End")
    expect(root.locator(".caption")).to_contain_text("Together, over all layers")
    open_page(page, f"{server.url}/pixelcnn-pp?n=1&hide=block")
    root = player(page)
    finished(page)
    pixels(page, root, "mean level")
    expect(root.locator(".numbers")).to_contain_text("mass in bin")
    assert page_errors == []
    assert faults(page) == []


def test_an_image_becomes_bytes_and_damage_is_an_error(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/likelihood?damage=7")
    root = player(page)
    until(lambda: player_state(page)["frames"] == 57, "the frames are missing")
    page.keyboard.press("End")
    expect(root.locator(".caption")).to_contain_text("An error, as it should be")
    open_page(page, f"{server.url}/likelihood")
    root = player(page)
    page.keyboard.press("End")
    expect(root.locator(".caption")).to_contain_text("Decoded bit for bit")
    page.get_by_text("An autoregressive model against a GAN").click()
    page.get_by_role("button", name="Measure the times on this machine").click()
    expect(page.get_by_text("without keeping what was computed")).to_contain_text("ms", timeout=90_000)
    assert page_errors == []
    assert faults(page) == []
