"""A walk over five pages with changed settings, back to its start and forward again."""

from __future__ import annotations

import contextlib

from playwright.sync_api import Page

from tests.browser import driver
from tests.browser.walk import address, at

# The page's name in the menu, its slug, a control to move to the right, by how many steps, and what the address says.
WALK = [
    ("The game of two networks", "gan", "gsteps", 2, {"gsteps": "3"}),
    ("Transposed convolution", "transposed-convolution", "n", 1, {"n": "4"}),
    ("Bayes' rule", "bayes", "n", 3, None),
    ("The mixture that finds its own size", "variational-gmm", "k", 1, None),
]


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
