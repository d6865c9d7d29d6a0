"""The autoencoders' pages in a real browser: a hand in the latent space, a drawn digit, curves to drag, films."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.driver import Server, attribute, faults, finished, open_page, player, player_state, set_theme, until

PLANE = ".lab[data-decoded]"


def latent(page: Page) -> Locator:
    """The latent plane, once it has decoded something."""
    root = page.locator(PLANE)
    root.wait_for(state="attached", timeout=30_000)
    until(lambda: decoded(page) > 0, "nothing was decoded", timeout=30)
    return root


def decoded(page: Page) -> int:
    return int(page.locator(PLANE).get_attribute("data-decoded") or 0)


def place(page: Page) -> list[float]:
    return [float(v) for v in (page.locator(PLANE).get_attribute("data-z") or "").split(",")]


def drag(page: Page, path: list[tuple[float, float]]) -> None:
    """Press on the plane at the first place, in parts of its size, and move through the others."""
    box = page.locator(".plane").bounding_box()
    at = [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in path]
    page.mouse.move(*at[0])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def test_the_image_follows_the_hand_through_the_latent_space(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/vae")
    root = latent(page)
    before = decoded(page)
    drag(page, [(0.5, 0.5), (0.3, 0.3), (0.7, 0.4)])
    until(lambda: decoded(page) >= before + 3, "the image did not follow")
    until(lambda: place(page)[0] > 0.5, "the point is not where the hand let go")
    page.locator(".plane").focus()
    x = place(page)[0]
    page.keyboard.press("ArrowRight")
    until(lambda: abs(place(page)[0] - x - 0.1) < 0.01, "an arrow key did not move the point")
    page.get_by_role("button", name="Pick an image").click()
    drag(page, [(0.62, 0.5)])
    until(lambda: (root.get_attribute("data-picked") or "").startswith("test image"), "nothing was picked")
    rows = page.locator(".terms tr td:nth-child(2)").all_inner_texts()
    reconstruction, kl, elbo = (float(text.replace("−", "-")) for text in rows)
    assert abs(reconstruction - kl - elbo) < 0.02  # three figures rounded at the second place
    assert page.locator('[data-strip="posterior"] figure').count() == 11
    before_prior = place(page)
    page.get_by_role("button", name="Draw from the prior").click()
    expect(page.locator('[data-strip="prior"] figure')).to_have_count(12)
    until(lambda: place(page) != before_prior, "the large image is not the first drawn")
    page.get_by_role("button", name="Path between two").click()
    drag(page, [(0.3, 0.5)])
    until(lambda: "the start" in (root.get_attribute("data-picked") or ""), "the path has no start")
    drag(page, [(0.6, 0.8)])
    expect(page.locator('[data-strip="path"] figure')).to_have_count(10)
    expect(page.locator('[data-strip="blend"] figure')).to_have_count(10)
    assert page_errors == []
    assert faults(page) == []


def test_the_decoded_image_and_the_plane_are_in_view_together(page: Page, server: Server):
    page.set_viewport_size({"width": 1024, "height": 768})
    open_page(page, f"{server.url}/vae")
    latent(page)
    for width, height in ((1024, 768), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})

        def whole(part: str, width: int = width, height: int = height) -> bool:
            box = page.locator(part).bounding_box()
            inside = box["x"] + box["width"] <= width and box["y"] + box["height"] <= height
            return inside and min(box["x"], box["y"]) >= 0 and min(box["width"], box["height"]) >= 100

        until(lambda whole=whole: whole(".plane") and whole(".latent .big"), f"not in view at {width} x {height}")


def test_a_drawn_digit_is_placed_by_the_encoder_and_clearing_the_board_harms_nothing(
    page: Page, server: Server, page_errors: list[str]
):
    open_page(page, f"{server.url}/vae")
    root = latent(page)
    page.get_by_text("Draw an image and let the encoder place it").click()
    sheet = page.locator(".board .sheet")
    sheet.wait_for()
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    page.mouse.move(box["x"] + 110, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 105, box["y"] + 190, steps=6)
    page.mouse.up()
    until(lambda: root.get_attribute("data-picked") == "your drawing", "the drawing was not encoded")
    page.locator('.board [data-do="clear"]').click()
    expect(page.locator(".board")).to_contain_text("Nothing is drawn yet.")
    sheet.focus()
    for _ in range(6):
        page.keyboard.press("Shift+ArrowDown")
    until(lambda: page.locator("[data-strokes]").get_attribute("data-strokes") != "0", "keys drew nothing")
    assert page_errors == []
    assert faults(page) == []


def test_films_play_and_models_learn_live(page: Page, server: Server, page_errors: list[str]):
    for slug in ("vae", "autoencoder"):
        open_page(page, f"{server.url}/{slug}?view=film")
        player(page)
        page.get_by_label("Speed").first.select_option("30")
        finished(page)
        assert player_state(page)["frames"] > 30
        open_page(page, f"{server.url}/{slug}?view=train")
        player(page)
        page.get_by_label("Speed").first.select_option("max")
        until(lambda: player_state(page)["frames"] > 3, "it does not learn", timeout=60)
        assert "per test image" in page.locator(".caption").inner_text()
    assert page_errors == []
    assert faults(page) == []


def test_two_gaussians_are_dragged_and_the_address_follows(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/elbo?view=divergence&mq=1&sq=1&mp=0&sp=1")
    closed = page.locator("table[data-closed]").first
    closed.wait_for()
    assert abs(float(closed.get_attribute("data-closed")) - 0.5) < 1e-6
    canvas = page.locator(".curves")
    box = canvas.bounding_box()
    top = box["height"] - 24 - (box["height"] - 32) / 1.15  # of a curve with the largest peak

    def x(value: float) -> float:
        return box["x"] + (value + 7) / 14 * box["width"]

    page.mouse.move(x(1), box["y"] + top)
    page.mouse.down()
    page.mouse.move(x(3), box["y"] + top, steps=6)
    page.mouse.up()
    until(lambda: abs(float(closed.get_attribute("data-closed")) - 4.5) < 0.5, "the divergence did not follow")
    page.wait_for_url(lambda url: "mq=3" in url or "mq=2.9" in url)
    page.get_by_role("button", name="Make q equal to p").click()
    until(lambda: float(closed.get_attribute("data-closed")) < 1e-9, "equal curves still diverge")
    assert page_errors == []


def test_the_sweep_and_the_narrowing_open_where_the_address_says(page: Page, server: Server, page_errors: list[str]):
    open_page(page, f"{server.url}/elbo?beta=8")
    player(page)
    until(lambda: attribute(page, "step") == "6", "beta = 8 is not on the stage")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".caption")).to_contain_text("β = 4")
    open_page(page, f"{server.url}/elbo?view=image&row=3")
    player(page)
    finished(page)
    set_theme(page, "dark")
    open_page(page, f"{server.url}/autoencoder?m=8")
    player(page)
    expect(page.locator(".caption")).to_contain_text("M = 8")
    assert page_errors == []
    assert faults(page) == []
