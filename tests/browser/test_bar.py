"""The bar at the top and the controls: every page in two clicks, at the width of a desk, a projector and a phone."""

from __future__ import annotations

import pytest

from pages.catalogue import CATALOGUE
from pages.ui.frame import CONTROLS_WIDTH
from tests.browser.driver import go_to, open_page, until

WIDTHS = ((1440, 900), (1024, 768), (390, 844))


@pytest.mark.parametrize("size", WIDTHS, ids=lambda size: str(size[0]))
def test_every_page_is_two_clicks_away_and_the_bar_is_slim(page, server, page_errors, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_page(page, f"{server.url}/references")
    page.locator(".bar summary").click()
    for entry in CATALOGUE:
        link = page.locator(".pages").get_by_role("link", name=entry.title, exact=True)
        link.scroll_into_view_if_needed()
        box = link.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
    page.keyboard.press("Escape")
    assert not page.locator(".pages").is_visible()
    assert page.locator(".bar").bounding_box()["height"] <= 90
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    go_to(page, "Bayes' rule")
    page.get_by_label("Next page").click()
    page.wait_for_url("**/learning*")
    page.go_back()
    page.wait_for_url("**/bayes*")
    assert page_errors == []


def test_the_menu_is_for_the_keyboard_too(page, server):
    open_page(page, f"{server.url}/references")
    page.locator(".bar summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{CATALOGUE[0].slug}*")


def test_the_controls_are_a_drawer_on_a_narrow_screen(page, server):
    side = page.get_by_test_id("stSidebar")
    page.set_viewport_size({"width": 1440, "height": 900})
    open_page(page, f"{server.url}/gmm")
    # it may still be sliding in
    until(lambda: abs(side.bounding_box()["width"] - CONTROLS_WIDTH) <= 2, "the controls are not as wide as said")
    page.set_viewport_size({"width": 1024, "height": 768})
    open_page(page, f"{server.url}/gmm")
    until(lambda: side.get_attribute("data-collapsed") == "true", "the drawer stayed open")
    page.get_by_test_id("stExpandSidebarButton").click()
    until(lambda: side.get_attribute("data-collapsed") == "false", "one tap did not open the drawer")
    page.mouse.click(800, 600)
    until(lambda: side.get_attribute("data-collapsed") == "true", "a tap beside the drawer did not close it")
    page.set_viewport_size({"width": 1440, "height": 900})
    until(lambda: side.get_attribute("data-collapsed") == "false", "wide again, the controls stayed away")


def test_home_fits_two_and_a_half_screens(page, server):
    page.set_viewport_size({"width": 1440, "height": 900})
    open_page(page, server.url)
    assert page.get_by_test_id("stMain").evaluate("e => e.scrollHeight") <= 2.5 * 900


def test_in_a_space_the_outer_address_follows_and_opens_the_page_again(page, server):
    """The host is played by a page of the same origin that notes what it is told, and to whom it was addressed."""
    html = f"""<iframe src="{server.url}/?page=gmm&k=4" style="width:1200px;height:780px"></iframe>
        <script>window.told = []; window.postMessage = (data, to) => told.push({{ ...data, to }});</script>"""
    page.route("**/the-host", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(f"{server.url}/the-host")
    frame = page.frame_locator("iframe")
    frame.locator(".bar h1").filter(has_text="Gaussian mixtures").wait_for(timeout=30_000)

    def last() -> str:
        said = page.evaluate("told.filter(one => one.to === 'https://huggingface.co').map(one => one.queryString)")
        return said[-1] if said else ""

    until(lambda: "page=gmm" in last() and "k=4" in last(), "the host was not told of the page and its settings")
    frame.get_by_label("Next page").click()
    until(lambda: "page=variational-gmm" in last(), "the host was not told of the next page")


def test_the_link_is_copied(page, server):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, f"{server.url}/references?kind=book")
    page.locator("button.copy").click()
    until(lambda: page.locator("button.copy").inner_text() == "Copied", "nothing says that it was copied")
    assert page.evaluate("navigator.clipboard.readText()").endswith("/references?kind=book")
