"""SRGAN in a real browser: the edge moves by hand and by key over two enlargements, and another photo comes."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.driver import Server, faults, open_page, player, until


def test_the_edge_moves_and_another_photo_comes(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/srgan")
    root = player(page)
    canvas = root.get_by_role("slider", name="Edge between SRResNet and SRGAN")
    expect(canvas).to_be_visible(timeout=30_000)
    until(lambda: canvas.get_attribute("data-edge") == "0.500", "nothing is drawn")
    pixels = lambda: canvas.evaluate("c => c.toDataURL()")  # noqa: E731
    before = pixels()
    canvas.press("PageUp")
    until(lambda: canvas.get_attribute("data-edge") == "0.700", "the edge stayed")
    assert pixels() != before
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    until(lambda: float(canvas.get_attribute("data-edge") or 1) < 0.5, "the edge does not follow the hand")
    page.set_viewport_size({"width": 1024, "height": 768})  # once a resize broke the pane
    expect(page.get_by_role("button", name="Keep the enlargement")).to_be_visible()

    open_page(page, f"{server.url}/srgan?photo=cat&left=bicubic&right=true")
    expect(player(page).get_by_role("slider", name="Edge between bicubic and true photo")).to_be_visible(timeout=30_000)
    assert page_errors == []
    assert faults(page) == []
