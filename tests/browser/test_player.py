"""The player in a real browser: what it paints, how it is steered, and what that costs the server."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.browser.driver import (
    Server,
    attribute,
    href,
    menu,
    open_page,
    played_out,
    player,
    player_state,
    set_theme,
    until,
)


@pytest.fixture
def streamlit_messages(page: Page) -> list[str]:
    """What the page sends over Streamlit's own socket: every rerun of the script starts with one."""
    sent: list[str] = []

    def on_socket(socket: WebSocket) -> None:
        if "_stcore/stream" in socket.url:
            socket.on("framesent", lambda _payload: sent.append(socket.url))

    page.on("websocket", on_socket)
    return sent


def test_it_opens_playing_and_reaches_the_end(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/gmm")
    player(page)
    assert player_state(page)["playing"] == 1
    assert page.locator(".stage .plot").first.get_attribute("translate") == "no"  # a browser may translate pages
    frames = played_out(page)
    assert player_state(page)["frame"] == frames - 1
    assert int(attribute(page, "step")) == frames - 1
    before = player_state(page)["painted"]
    page.locator("[data-do=play]").click()  # once more from its start, now that the page itself is at rest
    until(lambda: player_state(page)["playing"], "it did not play again")
    until(lambda: not player_state(page)["playing"], "it went on playing")
    state = player_state(page)
    assert state["frame"] == frames - 1
    assert state["painted"] - before >= frames / 2
    assert page_errors == []


def test_keys_step_play_and_jump(page: Page, server: Server):
    open_page(page, f"{server.url}/gmm?data=blobs")
    player(page)
    frames = played_out(page)
    page.get_by_role("heading", name="Gaussian mixtures and EM").click()
    page.keyboard.press("Home")
    until(lambda: player_state(page)["frame"] == 0, "Home did not go to the start")
    for expected in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        until(lambda expected=expected: player_state(page)["frame"] == expected, "no step forward")
    page.keyboard.press("ArrowLeft")
    until(lambda: player_state(page)["frame"] == 2, "no step back")
    page.keyboard.press("End")
    until(lambda: player_state(page)["frame"] == frames - 1, "End did not go to the end")
    page.get_by_label("Speed").first.select_option("2")  # slow enough to be seen playing
    page.get_by_label("Speed").first.evaluate("box => box.blur()")
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    until(lambda: player_state(page)["playing"] == 1, "space did not play")
    page.keyboard.press(" ")
    until(lambda: player_state(page)["playing"] == 0, "space did not pause")


def test_an_arrow_at_the_end_of_a_paused_run_asks_for_one_more_step(page: Page, server: Server):
    open_page(page, f"{server.url}/gmm?k=6&seed=3")
    player(page)
    page.get_by_label("Pause").click()
    page.keyboard.press("End")
    until(lambda: player_state(page)["playing"] == 0, "it did not pause")
    page.wait_for_timeout(400)
    page.keyboard.press("End")
    before = player_state(page)["frames"]
    page.get_by_role("heading", name="Gaussian mixtures and EM").click()
    page.keyboard.press("ArrowRight")
    until(lambda: player_state(page)["frame"] == before, "no new step came")
    page.wait_for_timeout(300)
    assert player_state(page)["frames"] == before + 1


def test_typing_in_a_box_does_not_steer(page: Page, server: Server):
    open_page(page, f"{server.url}/gmm")
    player(page)
    played_out(page)
    seed = page.get_by_test_id("stNumberInputField")
    seed.click()
    before = player_state(page)["frame"]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(" ")
    page.wait_for_timeout(200)
    assert player_state(page)["frame"] == before


def test_playing_and_scrubbing_cost_no_rerun(page: Page, server: Server, streamlit_messages: list[str]):
    open_page(page, f"{server.url}/gmm")
    player(page)
    frames = played_out(page)
    until(lambda: page.locator('[data-test-script-state="notRunning"]').count() == 1, "the script still runs")
    page.wait_for_timeout(500)
    streamlit_messages.clear()
    slider = page.get_by_label("Step of the run")
    for step in (0, frames // 2, 3, frames - 1):
        slider.fill(str(step))
        until(lambda step=step: player_state(page)["frame"] == step, "scrubbing did not move the picture")
    page.locator(".curve").first.click(position={"x": 120, "y": 80})
    page.get_by_role("heading", name="Gaussian mixtures and EM").click()
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    until(lambda: player_state(page)["playing"] == 0 and player_state(page)["frame"] == frames - 1, "no playback")
    assert streamlit_messages == []


def test_numbers_follow_the_scrubber(page: Page, server: Server):
    open_page(page, f"{server.url}/gmm")
    player(page)
    played_out(page)
    slider = page.get_by_label("Step of the run")
    for step in (4, 9):
        slider.fill(str(step))
        expect(page.locator(".blocks")).to_have_attribute("data-step", str(step))
        expect(page.locator(".blocks")).to_contain_text(f"shown at step {step}")
    page.get_by_label("Component to explain").select_option(label="2")
    expect(page.locator(".blocks")).to_contain_text("Component 2 at step 9")


def test_layers_switch_and_the_theme_recolours(page: Page, server: Server):
    open_page(page, f"{server.url}/gmm")
    player(page)
    played_out(page)
    painted = player_state(page)["painted"]
    chip = page.locator("[data-layer=density]")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "false")
    until(lambda: player_state(page)["painted"] > painted, "a layer's switch painted nothing")
    dark = "e => getComputedStyle(e).color"
    light_colour = page.locator(".caption").first.evaluate(dark)
    painted = player_state(page)["painted"]
    set_theme(page, "dark")
    until(lambda: player_state(page)["painted"] > painted, "the dark theme painted nothing")
    assert page.locator(".caption").first.evaluate(dark) != light_colour


def test_presenter_mode_shows_the_stage_alone_and_lives_in_the_address(page: Page, server: Server):
    open_page(page, f"{server.url}/gmm")
    player(page)
    menu(page, "present")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.get_by_test_id("stHeader")).to_be_hidden()
    expect(page.get_by_role("tab", name="Why")).to_be_hidden()
    expect(page.get_by_label("Step of the run")).to_be_visible()
    assert "present=1" in href(page)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    assert "present" not in href(page)
    open_page(page, f"{server.url}/gmm?present=1")
    player(page)
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()


def test_reduced_motion_opens_still(page: Page, server: Server):
    page.emulate_media(reduced_motion="reduce")
    open_page(page, f"{server.url}/gmm")
    player(page)
    page.wait_for_timeout(600)
    assert player_state(page)["playing"] == 0
    assert player_state(page)["frame"] == 0


def test_two_viewers_do_not_disturb_each_other(page: Page, server: Server):
    other = page.context.new_page()
    open_page(page, f"{server.url}/gmm?data=blobs&seed=1")
    open_page(other, f"{server.url}/gmm?data=blobs&seed=1")
    player(page)
    player(other)
    first, second = played_out(page), played_out(other)
    assert first == second
    for one in (page, other):
        one.get_by_label("Step of the run").fill(str(first - 1))
    texts = []
    for one in (page, other):
        expect(one.locator(".blocks")).to_have_attribute("data-step", str(first - 1))
        texts.append(one.locator(".blocks table").inner_text())
    assert texts[0] == texts[1]


def test_pictures_and_numbers_can_be_saved(page: Page, server: Server):
    open_page(page, f"{server.url}/gmm")
    player(page)
    frames = played_out(page)
    with page.expect_download() as png:
        menu(page, "png")
    assert png.value.suggested_filename == f"gmm-step-{frames - 1}.png"
    assert png.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with page.expect_download() as csv:
        menu(page, "csv")
    lines = csv.value.path().read_text().splitlines()
    assert lines[0].startswith("step,phase,iteration,log_likelihood")
    assert len(lines) == frames + 1


def test_a_run_in_a_tab_out_of_sight_is_paused_and_it_is_said(page: Page, server: Server):
    """After ten seconds; whoever comes back sooner has missed nothing."""
    open_page(page, f"{server.url}/gmm?data=mnist&k=8")
    player(page)
    page.get_by_label("Speed").first.select_option("1")
    assert player_state(page)["playing"]

    def seen(yes: bool) -> None:
        page.evaluate(
            """hidden => {
                Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
                document.dispatchEvent(new Event("visibilitychange"));
            }""",
            not yes,
        )

    seen(False)
    page.wait_for_timeout(2000)
    seen(True)
    assert player_state(page)["playing"]
    seen(False)
    until(lambda: not player_state(page)["playing"], "it went on out of sight", timeout=20)
    until(lambda: attribute(page, "state") == "paused", "the server went on")
    at = player_state(page)["frames"]
    page.wait_for_timeout(2500)
    assert player_state(page)["frames"] == at
    seen(True)
    expect(page.get_by_text("The run was paused while this tab was out of sight.")).to_be_visible()


TAB_OF_ITS_OWN = "box => getComputedStyle(box, '::after').content.includes('open it in a tab of its own')"


def test_where_a_frame_blocks_cookies_an_upload_says_what_to_do(page: Page, server: Server):
    html = f'<iframe src="{server.url}/gmm?data=csv" style="width:1200px;height:780px"></iframe>'
    page.route("**/the-host", lambda route: route.fulfill(body=html, content_type="text/html"))
    for blocked in (False, True):
        if blocked:
            page.add_init_script("Object.defineProperty(document, 'cookie', { get: () => '', set: () => {} })")
        page.goto(f"{server.url}/the-host")
        box = page.frame_locator("iframe").get_by_test_id("stFileUploader").first
        expect(box).to_be_visible(timeout=30_000)
        until(lambda box=box, blocked=blocked: box.evaluate(TAB_OF_ITS_OWN) == blocked, "what to do is not said")
