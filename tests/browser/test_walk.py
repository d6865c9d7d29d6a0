"""A walk over five pages with changed settings, back to its start and forward again."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page

from pages.catalogue import Entry
from tests.browser import driver
from tests.pages.app import settings_of

START = ("gmm", {"data": "blobs", "k": "5"})
# The page's name in the menu, its slug, a control to move to the right, by how many steps, and what the address says.
WALK = [
    ("The game of two networks", "gan", "gsteps", 2, {"gsteps": "3"}),
    ("Transposed convolution", "transposed-convolution", "n", 1, {"n": "4"}),
    ("Bayes' rule", "bayes", "n", 3, None),
    ("The mixture that finds its own size", "variational-gmm", "k", 1, None),
]


def address(page: Page) -> tuple[str, dict[str, str]]:
    parts = urlsplit(driver.href(page))
    return parts.path.strip("/"), {key: values[-1] for key, values in parse_qs(parts.query).items()}


def slide(page: Page, key: str, steps: int) -> None:
    """Move a slider by the keyboard until its address says so; a page that is still drawing may miss a key."""
    handle = page.locator(f".st-key-lab-setting-{key} input[type=range]").first
    wanted = str(int(handle.input_value()) + steps)
    for _ in range(5):
        handle.focus()
        while int(handle.input_value()) < int(wanted):
            page.keyboard.press("ArrowRight")
        with contextlib.suppress(AssertionError):
            driver.until(lambda: address(page)[1].get(key) == wanted, "it was missed", timeout=5)
            driver.settled(page)
            return
    raise AssertionError(f"{key} did not come to {wanted}: {address(page)}")


def at(page: Page, place: tuple[str, dict[str, str]]) -> None:
    driver.until(lambda: address(page) == place, f"the address {place}, not {address(page)}", timeout=40)
    driver.settled(page)
    assert driver.faults(page) == []
    assert page.locator(".stAlert").count() == 0


def test_a_walk_with_changed_settings_goes_back_to_its_start_and_forward_again(page, server, page_errors):
    driver.open_page(page, f"{server.url}/gmm?data=blobs&k=5")
    slide(page, "k", 2)
    places = [("gmm", {"data": "blobs", "k": "7"})]
    at(page, places[0])
    for title, slug, key, steps, query in WALK:
        driver.go_to(page, title)
        assert address(page) == (slug, {})
        slide(page, key, steps)
        driver.until(lambda: address(page)[1], "the changed setting in the address", timeout=30)
        places.append(address(page))
        assert query is None or places[-1] == (slug, query)
    for place in reversed(places[:-1]):
        page.go_back()
        at(page, place)
    assert page.locator(".st-key-lab-setting-k input[type=range]").first.input_value() == "7"
    for place in places[1:]:
        page.go_forward()
        at(page, place)
    driver.go_to(page, "Gaussian mixtures and EM")  # the menu leads to a page as it was left
    at(page, places[0])
    assert page_errors == []


def test_a_page_left_in_the_middle_of_a_change_keeps_it_to_itself(page, server):
    for turn in range(4):
        driver.open_page(page, f"{server.url}/gmm?data=mnist")
        page.locator(".bar summary").click()
        link = page.locator(".pages").get_by_role("link", name="The game of two networks", exact=True)
        page.locator(".st-key-lab-setting-k input[type=range]").first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(60 * turn)
        link.evaluate("link => link.click()")
        page.locator(".bar h1").filter(has_text="The game of two networks").wait_for()
        at(page, ("gan", {}))


def test_what_streamlit_pushes_for_a_page_that_was_left_is_not_taken_for_how_another_was_left(page, server):
    """A late answer puts its settings behind the new page's path, goes back to its own page and comes here again."""
    driver.open_page(page, f"{server.url}/gan")
    page.evaluate("""() => {
        for (const address of ["/gan?data=mnist&k=4", "/gmm", "/gan"]) history.pushState({}, "", address);
    }""")
    assert address(page) == ("gan", {})


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
