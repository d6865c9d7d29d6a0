"""The app starts, and every page of the catalogue opens without a fault."""

from __future__ import annotations

import shutil

from playwright.sync_api import expect

from pages.catalogue import CATALOGUE
from tests.browser.driver import ROOT, faults, go_to, open_page, player, set_theme, settled


def test_it_starts_quickly(server):
    assert server.start_seconds < 20  # 2 s on a machine that has nothing else to do


def test_the_home_page_lists_every_page(page, server, page_errors):
    open_page(page, server.url)
    assert page.locator("h1").first.inner_text() == "Generative Models Lab"
    main = page.get_by_test_id("stMain")
    for entry in CATALOGUE:
        expect(main.locator(".card").get_by_role("link", name=entry.title, exact=True)).to_have_count(1)
    assert faults(page) == []
    assert page_errors == []


def test_the_references_open(page, server, page_errors):
    """Every other page is opened by test_room.py."""
    open_page(page, f"{server.url}/references")
    assert page.get_by_text("Auto-Encoding Variational Bayes").count() == 1
    assert faults(page) == []
    assert page_errors == []


def test_a_page_opens_from_the_home_page(page, server, page_errors):
    open_page(page, server.url)
    page.locator(".card").get_by_role("link", name=CATALOGUE[0].title, exact=True).last.click()
    page.wait_for_url(f"**/{CATALOGUE[0].slug}*")
    settled(page)
    player(page)
    go_to(page, "Home")
    go_to(page, CATALOGUE[-1].title)
    go_to(page, "Home")
    assert page.locator("h1").first.inner_text() == "Generative Models Lab"
    assert faults(page) == []
    assert page_errors == []


def test_light_and_dark_follow_the_system(page, server):
    open_page(page, server.url)
    for theme in ("dark", "light"):
        set_theme(page, theme)


def test_nothing_is_asked_of_another_machine(page, server, outside, page_errors):
    open_page(page, server.url)
    open_page(page, f"{server.url}/{CATALOGUE[0].slug}")
    player(page)
    assert outside == []
    assert page_errors == []  # Playwright does not report the page's icon as a request; the console does


def test_no_traceback_reaches_a_viewer(page, serve, tmp_path):
    (tmp_path / ".streamlit").mkdir()
    shutil.copy(ROOT / ".streamlit" / "config.toml", tmp_path / ".streamlit")
    (tmp_path / "app.py").write_text("raise ValueError('a secret')\n")
    broken = serve(app=tmp_path / "app.py")
    open_page(page, broken.url)
    assert len(faults(page)) == 1
    assert "secret" not in page.inner_text("body")
    assert "a secret" in broken.log()
    broken.stop()
