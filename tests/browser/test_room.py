"""The picture is what a page is for: how much of the window it takes, and that what moves it is in view."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from pages.catalogue import CATALOGUE, entry
from tests.browser.driver import faults, go_to, menu, open_page, settled, shot, until
from tests.browser.room import share

PAGED = [item.slug for item in CATALOGUE if item.section != "Reading"]
WANTED, PRESENTED = 0.40, 0.55
CELLS = 0.005  # the share is counted in cells of 8 x 8 pixels
LOWEST = """() => Math.max(...[...document.querySelectorAll("*")].filter((one) => one.shadowRoot).flatMap((one) =>
  [...one.shadowRoot.querySelectorAll(".stage, .main > .bar")]).map((one) => one.getBoundingClientRect().bottom))"""


@pytest.fixture(scope="module")
def tour(context, server):
    """Goes from page to page by the menu in one tab, as a viewer does: the scripts are read once, not once a page."""
    tabs, errors = [], []

    def to(slug: str) -> tuple[Page, list[str]]:
        errors.clear()
        if not tabs:
            page = context.new_page()
            page.on("pageerror", lambda error: errors.append(f"uncaught: {error}"))
            page.set_viewport_size({"width": 1440, "height": 900})
            open_page(page, f"{server.url}/{slug}", timeout=90)
            tabs.append(page)
        else:
            tabs[0].set_viewport_size({"width": 1440, "height": 900})
            go_to(tabs[0], entry(slug).title)
        return tabs[0], errors

    yield to, tabs
    for page in tabs:
        page.close()


@pytest.mark.parametrize("slug", PAGED)
def test_a_page_opens_and_its_picture_has_the_room(tour, slug):
    """One page, resized: as it opens, with a scene open, presented."""
    to, tabs = tour
    try:
        look(*to(slug))
    except BaseException:  # the next page gets a tab of its own
        for page in tabs:
            shot(page, f"room-{slug}")
            page.close()
        tabs.clear()
        raise


def present(page: Page) -> None:
    """Presenter mode on or off: in the player's menu, or by a board's own button."""
    if page.locator(".stage").count():
        menu(page, "present")
    else:
        page.locator("[data-do=present]").click()


def look(page: Page, errors: list[str]) -> None:
    def check(width: int, height: int, floor: float, when: str) -> None:
        page.set_viewport_size({"width": width, "height": height})
        less = f"{when} it takes less than {floor:.0%} of {width} x {height}"
        until(lambda: share(page) >= floor - CELLS, less, every=0.2)
        if page.locator(".stage").count():  # once what a new size moves has come to rest
            lost = f"{when} the transport is out of view at {width} x {height}"
            until(lambda: page.evaluate(LOWEST) <= height, lost, every=0.2)

    page.locator(".stage, .latent, .colouring, .posing").first.wait_for()
    page.get_by_role("tab", name="Why").wait_for(timeout=60_000)  # drawn last: the controls stand
    check(1440, 900, WANTED, "as it opens")
    present(page)
    check(1440, 900, PRESENTED, "presented")
    present(page)
    scenes = page.locator(".st-key-lab-scenes-row button")
    if scenes.count():
        scenes.first.click()
        settled(page, timeout=60)
        check(1440, 900, WANTED, "with a scene open")
    check(1024, 768, WANTED, "made smaller")
    if page.locator(".stage").count() < 2:
        present(page)
        check(1024, 768, PRESENTED, "presented")
        present(page)
    assert faults(page) == []
    assert errors == []
