"""Going from page to page with changed settings, back and forward again."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page

from pages.catalogue import Entry
from tests.browser import driver
from tests.pages.app import settings_of


def address(page: Page) -> tuple[str, dict[str, str]]:
    parts = urlsplit(driver.href(page))
    return parts.path.strip("/"), {key: values[-1] for key, values in parse_qs(parts.query).items()}


def at(page: Page, place: tuple[str, dict[str, str]]) -> None:
    driver.until(lambda: address(page) == place, f"the address {place}, not {address(page)}", timeout=40)
    driver.settled(page)
    assert driver.faults(page) == []
    assert page.locator(".stAlert").count() == 0


def change(control: Locator) -> bool:
    """Move a setting's control by one, whatever its kind; False where it is of no kind known here."""
    slider, number, switch = (control.locator(f"input[type={kind}]") for kind in ("range", "number", "checkbox"))
    if slider.count():
        handle = slider.first
        handle.focus()
        key = "ArrowLeft" if handle.input_value() == handle.get_attribute("max") else "ArrowRight"
        control.page.keyboard.press(key)
    elif number.count():
        number.first.focus()
        control.page.keyboard.press("ArrowUp")
        control.page.keyboard.press("Enter")
    elif switch.count():
        control.locator("label").first.click()
    elif (box := control.get_by_role("combobox")).count():
        box.first.focus()
        for key in ("ArrowDown", "ArrowDown", "Enter"):
            control.page.keyboard.press(key)
    else:
        return False
    return True


def walk_over(items: Sequence[Entry], page: Page, server: driver.Server) -> dict[str, int]:
    """From page to page by the menu, a setting changed on each, back to the start and forward again: how many pages
    there were, on how many a setting was changed, and where the address, a box or the page was not as it had been left.
    """
    driver.open_page(page, server.url)
    places, changed = [], 0
    for item in items:
        driver.go_to(page, item.title)
        assert address(page) == (item.slug, {}), "a setting of another page came along"
        for setting in settings_of(item):
            control = page.locator(f".st-key-lab-setting-{setting.key}").first
            if not (control.count() and control.is_visible() and change(control)):
                continue
            with contextlib.suppress(AssertionError):
                driver.until(lambda: address(page)[1], "it was missed", timeout=10)
                driver.settled(page)
                changed += 1
                break
        places.append(address(page))
    strange = 0
    for turn, way in ((page.go_back, places[-2::-1]), (page.go_forward, places[1:])):
        for place in way:
            turn()
            try:
                at(page, place)
            except AssertionError as error:
                print(
                    f"left as {place}, found as {address(page)}: {page.locator('.stAlert').all_inner_texts()} {error}"[
                        :400
                    ]
                )
                strange += 1
    return {"pages": len(places), "changed": changed, "strange": strange}
