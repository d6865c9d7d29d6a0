"""The page of imitation in a real browser: both episodes move, the game goes on and forks, and the hand drives."""

from __future__ import annotations

import contextlib

from playwright.sync_api import Page, expect

from tests.browser.driver import Server, attribute, faults, menu, open_page, player, player_state, until


def test_the_game_is_learned_while_both_episodes_move_and_it_forks(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/gail")
    root = player(page)
    canvas = root.locator("canvas.episodes")
    until(lambda: int(attribute(page, "step")) > 1, "it does not learn", timeout=60)
    drawn = int(canvas.get_attribute("data-drawn") or 0)
    until(lambda: int(canvas.get_attribute("data-drawn") or 0) > drawn + 5, "the episodes stand still", timeout=40)
    root.get_by_role("button", name="Pause").click()
    until(lambda: not player_state(page)["playing"], "it did not pause", timeout=30)
    expect(root.locator(".numbers")).to_contain_text("nearest of the expert", timeout=20_000)
    menu(page, "fork")
    page.get_by_role("button", name="Branch", exact=True).click()
    until(lambda: page.locator("[data-frames]").count() == 2, "there is no fork", timeout=30)
    assert page_errors == []
    assert faults(page) == []


def test_a_key_moves_the_cart_at_once_and_a_drive_becomes_a_demonstration(
    page: Page, server: Server, page_errors: list[str]
):
    open_page(page, f"{server.url}/gail?view=drive&speed=1")
    root = page.locator(".lab.drive")
    start = root.get_by_role("button", name="Start")
    expect(start).to_be_visible(timeout=30_000)
    start.click()
    page.keyboard.down("ArrowRight")
    # Where the page was still arranging itself, the place may have lost the keys: the button gives them back.
    for _ in range(3):
        with contextlib.suppress(AssertionError):
            until(lambda: int(root.get_attribute("data-length") or 0) > 3, "nothing moves", timeout=10)
            break
        page.keyboard.up("ArrowRight")
        start.click()
        page.keyboard.down("ArrowRight")
    assert int(root.get_attribute("data-length") or 0) > 3
    until(lambda: root.get_attribute("data-latency") is not None, "no latency was measured")
    # The next frame shows it, 17 ms later at 60 frames a second; how many a busy machine shows is its own matter.
    assert root.get_attribute("data-waited") == "1"
    expect(root.locator(".said")).to_contain_text("Start again for another", timeout=60_000)
    page.keyboard.up("ArrowRight")
    frame = page.get_by_test_id("stDataFrame")
    expect(frame).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Take all away").click()
    expect(frame).to_have_count(0, timeout=20_000)
    assert page_errors == []
    assert faults(page) == []
