"""The foundation pages in a real browser: beliefs that follow the data, y and then x, verse, a melody to hear."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.driver import Server, attribute, faults, finished, open_page, player, settled, until


def test_a_class_is_chosen_and_then_an_image_is_drawn(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/bayes-classifier?method=given&y=7")
    root = player(page, timeout=60)
    root.get_by_role("button", name="Pause").click()
    root.get_by_role("button", name="First step").click()
    for words in ("y = 7", "x is drawn from p(x | y = 7)"):
        at = int(attribute(page, "step"))
        page.keyboard.press("ArrowRight")
        until(lambda at=at: int(attribute(page, "step")) == at + 1, "no step was taken")
        expect(root.locator(".caption")).to_contain_text(words)
    open_page(page, f"{server.url}/bayes-classifier?view=directions")
    player(page)
    expect(page.locator(".numbers")).to_contain_text("sd")
    still = page.locator(".numbers").inner_text()
    page.get_by_role("button", name="A random draw").click()
    until(lambda: page.locator(".numbers").inner_text() != still, "nothing moved")  # all six stay put once in 17,000
    assert page_errors == []
    assert faults(page) == []


def test_verse_is_made_up_and_a_melody_can_be_heard(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/learning?view=text&length=40&order=6")
    root = player(page)
    page.get_by_label("Speed").first.select_option("max")
    finished(page)
    expect(root.locator(".numbers")).to_contain_text("add up to 1.000000")
    open_page(page, f"{server.url}/learning?view=melody")
    player(page)
    settled(page)
    sound = page.locator("audio")
    until(lambda: sound.evaluate("e => e.duration") > 5, "there is no sound to play")
    assert page_errors == []
    assert faults(page) == []


def test_a_belief_sharpens_flip_by_flip(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/bayes?n=30")
    root = player(page)
    page.get_by_label("Speed").first.select_option("max")
    finished(page)
    page.keyboard.press("Home")
    until(lambda: attribute(page, "step") == "0", "Home did not go to the start")
    first = root.locator(".caption").inner_text()
    page.keyboard.press("End")
    until(lambda: attribute(page, "step") == "30", "End did not go to the end")
    assert root.locator(".caption").inner_text() != first
    assert page_errors == []
    assert faults(page) == []
