"""The kinds of picture that pages have or will have, each on a page of the small app in tests/browser/kinds/."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driver import ROOT, Server, open_page, player, player_state, rate, until

APP = ROOT / "tests" / "browser" / "kinds" / "app.py"
# How many different colours a canvas holds, and the share of its box that is not left transparent.
INK = """canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    let inked = 0;
    for (let i = 0; i < data.length; i += 4) {
        if (!data[i + 3]) continue;
        inked++;
        seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    }
    return { colours: seen.size, share: inked / (data.length / 4) };
}"""


@pytest.fixture(scope="module")
def kinds(serve) -> Server:
    return serve(app=APP)


def opened(page: Page, kinds: Server, kind: str):
    page.set_viewport_size({"width": 1440, "height": 900})
    open_page(page, f"{kinds.url}/?kind={kind}")
    return player(page)


@pytest.mark.parametrize(
    ("kind", "canvas"), [("images", "images"), ("rows", "images"), ("maps", "images"), ("world", "world")]
)
def test_it_is_painted_in_colour_and_plays(page: Page, kinds: Server, page_errors, kind, canvas):
    root = opened(page, kinds, kind)
    ink = root.locator(f"canvas.{canvas}").evaluate(INK)
    assert ink["colours"] > (5 if kind == "world" else 1000)
    # How fast is a matter of the machine: make bench ARGS=browser asks for 25 a second.
    assert max(rate(page) for _ in range(2)) > 2
    assert page_errors == []


def test_cells_fill_the_room_they_have(page: Page, kinds: Server):
    root = opened(page, kinds, "images")
    box = root.locator(".stage").bounding_box()
    assert box
    share = root.locator("canvas.images").evaluate(INK)["share"]
    assert share * box["width"] * box["height"] >= 0.40 * 1440 * 900


def test_rows_keep_their_meaning_at_every_width(page: Page, kinds: Server):
    root = opened(page, kinds, "rows")
    for width in (1440, 700):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        canvas = root.locator("canvas.images")
        box = canvas.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2 + 45, box["y"] + box["height"] / 2)  # right of the middle
        expect(root.locator(".tip")).to_have_text("cell 12")


def test_a_map_says_its_value_under_the_pointer(page: Page, kinds: Server):
    root = opened(page, kinds, "maps")
    box = root.locator("canvas.images").bounding_box()
    assert box
    x = box["x"] + box["width"] / 2 - 60
    values = []
    for y in (60, 200):
        page.mouse.move(x, box["y"] + y)
        expect(root.locator(".tip")).to_contain_text("share called real 0.")
        values.append(float(root.locator(".tip").inner_text().split()[-1]))
    assert 0 <= values[0] < values[1] <= 1


def test_an_edge_moves_by_hand_and_by_key(page: Page, kinds: Server):
    root = opened(page, kinds, "compare")
    canvas = root.get_by_role("slider", name="Edge between bicubic and SRGAN")
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 150, box["y"] + 100)
    page.mouse.up()
    held = float(canvas.get_attribute("data-edge"))
    assert 0.6 < held < 0.9
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    assert float(canvas.get_attribute("data-edge")) == pytest.approx(held - 0.02, abs=1e-3)
    assert player_state(page)["frame"] == 0  # the arrow moved the edge, not the run


def test_a_volume_turns_by_hand_and_by_key(page: Page, kinds: Server):
    root = opened(page, kinds, "volume")
    canvas = root.locator("canvas.volume")
    before = canvas.evaluate("c => c.toDataURL()")
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + 100, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 200, steps=3)
    page.mouse.up()
    assert float(canvas.get_attribute("data-turn")) == pytest.approx(-0.1, abs=0.02)
    canvas.focus()
    page.keyboard.press("ArrowUp")
    assert float(canvas.get_attribute("data-tilt")) == pytest.approx(0.57, abs=0.01)
    assert canvas.evaluate("c => c.toDataURL()") != before


def test_a_roll_is_heard_while_its_head_moves(page: Page, kinds: Server):
    root = opened(page, kinds, "roll")
    root.get_by_role("button", name="Listen").click()
    canvas = root.locator("canvas.roll")
    until(lambda: float(canvas.get_attribute("data-playhead") or 0) > 4, "the play head stood still")
    root.get_by_role("button", name="Stop the sound").click()
    before = canvas.evaluate(INK)["colours"]
    root.locator("[data-layer=track1]").click()
    until(lambda: canvas.evaluate(INK)["colours"] != before, "the drums stayed")
