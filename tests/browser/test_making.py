"""MidiNet in a real browser: eight bars are composed, heard, and composed anew to other chords."""

from __future__ import annotations

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
