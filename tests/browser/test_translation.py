"""The translation pages in a real browser: an outline drawn, erased and taken back while it is coloured."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.driver import Server, attribute, faults, href, open_page, player, player_state, set_theme, until


def test_an_outline_is_coloured_while_it_is_drawn(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/pix2pix")
    root = page.locator("[data-answers]")
    expect(root).to_be_visible()
    told = lambda name: int(root.get_attribute(f"data-{name}") or 0)  # noqa: E731
    until(lambda: told("answers") >= 1, "the test outline was not coloured", timeout=30)
    root.get_by_role("button", name="Clear").click()
    until(lambda: told("row") == -1 and root.get_attribute("data-asking") == "0", "the sheet was not cleared")
    before, at = told("answers"), root.locator(".sheet").bounding_box()
    pixels = lambda: root.locator("canvas.made").evaluate("c => c.toDataURL()")  # noqa: E731
    blank = pixels()
    x, y, side = at["x"], at["y"], at["width"]
    page.mouse.move(x + 0.3 * side, y + 0.3 * side)
    page.mouse.down()
    for dx, dy in ((0.7, 0.3), (0.7, 0.7), (0.3, 0.7)):
        page.mouse.move(x + dx * side, y + dy * side, steps=6)
        until(lambda before=before: told("answers") > before, "it is not coloured while it is drawn")
    page.mouse.up()
    settled = lambda: root.get_attribute("data-asking") == "0"  # noqa: E731
    until(lambda: settled() and pixels() != blank, "the stroke changed nothing")
    assert told("strokes") == 1
    assert told("ms") > 0  # how long it takes is in the bench
    drawn = pixels()

    root.get_by_role("button", name="Eraser").click()
    page.mouse.move(x + 0.7 * side, y + 0.2 * side)
    page.mouse.down()
    page.mouse.move(x + 0.7 * side, y + 0.8 * side, steps=4)
    page.mouse.up()
    until(lambda: told("strokes") == 2 and settled() and pixels() != drawn, "the eraser changed nothing")
    erased = told("answers")
    root.get_by_role("button", name="Undo").click()
    until(
        lambda: told("strokes") == 1 and told("answers") > erased and settled() and pixels() == drawn,
        "undo did not go back",
    )

    root.get_by_role("button", name="What the discriminator says").click()
    expect(root.locator("canvas.map")).to_be_visible()
    made = root.locator("canvas.made").bounding_box()
    page.mouse.move(made["x"] + made["width"] / 2, made["y"] + made["height"] / 2)
    expect(root.locator(".patch")).to_be_visible()
    share = root.locator(".patch").bounding_box()["width"] / made["width"]
    assert abs(share - 34 / 64) < 0.02
    expect(root.locator(".words")).to_contain_text("This patch: taken for real with probability")
    set_theme(page, "dark")
    assert page_errors == []
    assert faults(page) == []


def test_the_keyboard_draws_too(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/pix2pix?row=3")
    root = page.locator("[data-answers]")
    until(lambda: int(root.get_attribute("data-answers") or 0) >= 1, "the outline was not coloured", timeout=30)
    root.locator(".sheet").focus()
    page.keyboard.down("Shift")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.up("Shift")
    until(lambda: root.get_attribute("data-strokes") == "1", "the keys drew nothing")
    page.keyboard.press("Backspace")
    until(lambda: root.get_attribute("data-strokes") == "0", "Backspace took nothing back")
    presented = lambda: "present=1" in href(page) and page.locator("body.lab-present").count() == 1  # noqa: E731
    page.keyboard.press("p")
    until(presented, "P does not present the board")
    page.keyboard.press("Escape")
    until(lambda: not presented(), "Escape does not leave presenter mode")
    assert page_errors == []


def test_three_models_learn_side_by_side(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/discogan?view=toy&width=16&batch=50")
    root = player(page)
    until(lambda: int(attribute(page, "step")) >= 3, "the models do not learn by themselves", timeout=40)
    expect(root.locator(".caption")).to_contain_text("Modes of B covered, of 10: a GAN")
    root.get_by_role("button", name="Pause").click()
    until(lambda: not player_state(page)["playing"], "it did not pause")
    drawn = root.locator(".stage .plot").evaluate("e => e._fullData.filter(t => t.type === 'heatmap').length")
    assert drawn == 3  # one field of D_B a model
    set_theme(page, "dark")
    assert page_errors == []
    assert faults(page) == []


def test_a_chair_is_turned_by_the_slider(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/discogan?chair=3")
    root = player(page)
    until(lambda: player_state(page)["frames"] == 19, "not every turn is there")
    for turn, said in ((18, "The chair is turned by 90°"), (0, "The chair is turned by −90°")):
        page.get_by_label("Step of the run").fill(str(turn))
        until(lambda turn=turn: player_state(page)["frame"] == turn, "the chair did not turn")
        expect(root.locator(".caption")).to_contain_text(said)
    assert page_errors == []
    assert faults(page) == []


def test_an_emoji_is_led_there_and_back(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/cyclegan?by=small")
    root = player(page)
    until(lambda: player_state(page)["frames"] == 48, "not every emoji is there", timeout=30)
    if player_state(page)["playing"]:
        root.get_by_role("button", name="Pause").click()
        until(lambda: not player_state(page)["playing"], "it did not pause")
    for step, name in ((7, "Baguette bread"), (2, "Airplane")):
        page.get_by_label("Step of the run").fill(str(step))
        until(lambda step=step: player_state(page)["frame"] == step, "the emoji was not chosen")
        expect(root.locator(".caption")).to_contain_text(f"{name}: the way back is off by")
    assert page_errors == []
    assert faults(page) == []


def test_a_point_is_dragged_and_the_figure_follows(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/pose-guided")
    root = page.locator("[data-answers]")
    told = lambda name: int(root.get_attribute(f"data-{name}") or 0)  # noqa: E731
    pixels = lambda: root.locator("canvas.made").evaluate("c => c.toDataURL()")  # noqa: E731
    settled = lambda: root.get_attribute("data-asking") == "0"  # noqa: E731
    until(lambda: told("answers") >= 1 and settled(), "the figure was not posed", timeout=30)
    posed, before = pixels(), told("answers")
    hand = root.locator("[data-point='4']").bounding_box()
    x, y = hand["x"] + hand["width"] / 2, hand["y"] + hand["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y - 60, steps=4)
    page.mouse.up()
    until(lambda: told("answers") > before and settled() and pixels() != posed, "the hand moved nothing")
    assert told("pose") == -1
    assert 0 < told("ms") < 3000  # the figure for a free machine is in the bench
    moved, before = pixels(), told("answers")
    root.locator("[data-point='0']").focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    until(lambda: told("answers") > before and settled() and pixels() != moved, "the keys moved nothing")
    root.get_by_role("button", name="Turn", exact=True).click()
    until(lambda: told("pose") >= 0 and settled(), "it did not turn")
    first = told("pose")
    root.get_by_role("button", name="Walk").click()
    until(lambda: told("pose") not in (first, -1), "it does not walk")
    set_theme(page, "dark")
    assert page_errors == []
    assert faults(page) == []


def test_another_garment_is_another_prediction(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/pixeldtgan")
    root = player(page)
    picture = lambda: root.locator(".stage canvas").first.evaluate("c => c.toDataURL()")  # noqa: E731
    before = picture()
    page.get_by_role("button", name="Another outfit").click()
    until(lambda: picture() != before, "the figure was not dressed anew")
    expect(root.locator(".caption")).to_contain_text("The prediction is off by")
    open_page(page, f"{server.url}/pixeldtgan?view=swap&swap=garment")
    expect(player(page).locator(".caption")).to_contain_text("D_A holds", timeout=15_000)
    set_theme(page, "dark")
    assert page_errors == []
    assert faults(page) == []
