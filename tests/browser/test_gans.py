"""The GAN pages in a real browser: the game played, forked and slowed; a trained film; a sum under the pointer."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.driver import (
    Server,
    attribute,
    faults,
    finished,
    menu,
    open_page,
    player,
    player_state,
    set_theme,
    until,
)


def step(page: Page, index: int = 0) -> int:
    """-1 while no picture has been painted yet."""
    return int(attribute(page, "step", index) or -1)


def test_the_game_goes_on_by_itself_changes_live_and_forks(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/gan")
    root = player(page)
    until(lambda: step(page) > 100, "the game is slow", timeout=60)
    box = root.locator(".curves")
    box.select_option(label="Modes covered")
    page.get_by_role("button", name="G's grid").click()
    before = attribute(page, "frames")
    page.get_by_test_id("stSidebar").get_by_role("combobox").nth(1).click()
    page.get_by_role("option", name="Wasserstein, gradient penalty", exact=True).click()
    until(lambda: int(attribute(page, "frames")) > int(before) + 3, "the game stopped at a live change")
    root.get_by_role("button", name="Pause").click()
    until(lambda: not player_state(page)["playing"], "it did not pause")
    menu(page, "fork")
    page.get_by_role("button", name="Branch", exact=True).click()
    until(lambda: page.locator("[data-frames]").count() == 2, "there is no fork")
    player(page, index=1)
    page.get_by_role("button", name="Back to one run").click()
    until(lambda: page.locator("[data-frames]").count() == 1, "the fork stayed")
    set_theme(page, "dark")
    assert page_errors == []
    assert faults(page) == []


def test_slow_motion_names_every_part_of_a_round(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/gan?slow=true&data=pair")
    root = player(page)
    root.get_by_role("button", name="Pause").click()
    root.get_by_role("button", name="First step").click()
    words = []
    for _ in range(8):
        at = step(page)
        page.keyboard.press("ArrowRight")
        until(lambda at=at: step(page) == at + 1, "an arrow key did not take a step")
        words.append(root.locator(".caption").inner_text())
    for part, said in zip(
        (
            "sample: draw noise",
            "turns the noise",
            "D learns: the discriminator scores both",
            "are computed",
            "field moves",
        ),
        words,
        strict=False,
    ):
        assert part in said
    assert "sample: draw noise" in words[5]
    assert "G learns: it takes its step, and the generated points move" in words[7]

    # A stage that was narrow for a while fills a wide window as it did before.
    def ranges():
        plot = root.locator(".stage .plot")
        return plot.evaluate("e => [...e._fullLayout.xaxis.range, ...e._fullLayout.yaxis.range].map(Math.round)")

    size, before = page.viewport_size, ranges()
    page.set_viewport_size({"width": 420, "height": 900})
    until(lambda: ranges() != before, "a narrow window changed nothing")
    page.set_viewport_size(size)
    until(lambda: ranges() == before, "the axes stayed as a narrow window had made them")
    assert page_errors == []


def test_a_game_that_diverges_says_so_and_is_rewound_and_forked(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/gan?objective=wgan-gp&opt=sgd&dlr=1&glr=1&penalty=10")
    root = player(page)
    expect(root.locator(".notice")).to_contain_text("lower", timeout=20_000)
    root.get_by_role("button", name="First step").click()
    until(lambda: step(page) == 0, "it was not rewound")
    menu(page, "fork")
    page.get_by_text("D's learning rate", exact=True).last.click()
    page.get_by_role("button", name="Branch", exact=True).click()
    until(lambda: page.locator("[data-frames]").count() == 2, "there is no fork")
    until(lambda: step(page, 1) > 5, "the fork does not go on")
    assert page_errors == []
    assert faults(page) == []


def test_the_film_of_a_training_ends_in_images(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/dcgan")
    player(page)
    until(lambda: player_state(page)["frames"] >= 40, "the recorded run has too few frames")
    page.keyboard.press("End")
    expect(page.locator(".caption")).to_contain_text("the classifier is sure of")
    assert page_errors == []
    assert faults(page) == []


def test_the_sum_of_an_output_cell_is_read_under_the_pointer(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/transposed-convolution?values=ones&n=2&k=2&s=2")
    root = player(page)
    finished(page)
    tip, said = root.locator(".tip"), set()
    middles = "all => all.map(one => one.getBoundingClientRect()).map(b => [b.x + b.width / 2, b.y + b.height / 2])"
    for x, y in root.locator(".stage .textpoint").evaluate_all(middles):  # the numbers in the cells
        page.mouse.move(x, y)
        if tip.is_visible():
            said.add(tip.inner_text())
    assert {f"out({i}, {j}) = 1·1 = 1" for i in range(4) for j in range(4)} <= said
    page.get_by_label("Component to explain").select_option(label="6")
    expect(root.locator(".numbers")).to_contain_text("out(1, 1) = 1·1 = 1")
    assert page_errors == []
    assert faults(page) == []


def test_a_judge_that_forgets_its_cure_and_a_digit_of_ones_own(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/cgan?scene=forgotten")
    root = player(page)
    expect(root.locator(".caption")).to_contain_text("Test image 0, a 7")
    table = root.locator(".numbers table")
    before = table.inner_text()
    page.get_by_role("button", name="Show D wrong pairs too").click()
    until(lambda: table.inner_text() != before, "another network says the same")
    expect(root.locator(".caption")).to_contain_text("truest to D beside the label 7")
    page.get_by_text("Draw your own digit").click()
    board = page.get_by_role("application", name="Drawing board")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 4 * box["height"] / 5, steps=8)
    page.mouse.up()
    expect(root.locator(".caption")).to_contain_text("Your digit")
    assert page_errors == []
    assert faults(page) == []


def test_infogan_sorts_a_digit_and_turns_a_dial(page: Page, server: Server):
    open_page(page, f"{server.url}/infogan?view=sort&row=3")
    root = player(page)
    expect(root.locator(".caption")).to_contain_text("Test image 3, a 0, is sorted into category")
    before = root.locator(".caption").inner_text()
    page.get_by_role("combobox", name="Turn dial").click()
    page.get_by_role("option", name="2", exact=True).click()
    expect(root.locator(".caption")).to_contain_text("as dial 2 turns")
    assert before.split(". Below")[0] == root.locator(".caption").inner_text().split(". Below")[0]
