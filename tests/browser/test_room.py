"""The picture is what a page is for: how much of the window it takes, and that what moves it is in view."""

from __future__ import annotations

import pytest

from pages.catalogue import CATALOGUE
from tests.browser.driver import faults, open_page, until
from tests.browser.room import share

PAGED = [item.slug for item in CATALOGUE if item.section != "Reading"]
WANTED = 0.40
# Where a picture is of another shape than the window, or is several, it must not get less than this.
LESS = {
    "bayes-classifier": 0.23, "variational-gmm": 0.36, "autoencoder": 0.28, "vae": 0.38, "elbo": 0.27,
    "transposed-convolution": 0.34, "dcgan": 0.26, "pix2pix": 0.25, "discogan": 0.36, "pixelcnn": 0.32,
    "gated-pixelcnn": 0.15, "pixelrnn": 0.16, "pixelcnn-pp": 0.27, "likelihood": 0.26,
}  # fmt: skip
LOWEST = """() => Math.max(...[...document.querySelectorAll("*")].filter((one) => one.shadowRoot).flatMap((one) =>
  [...one.shadowRoot.querySelectorAll(".stage, .main > .bar")]).map((one) => one.getBoundingClientRect().bottom))"""


@pytest.mark.parametrize("slug", PAGED)
def test_a_page_opens_and_its_picture_has_the_room(page, server, page_errors, slug):
    page.set_viewport_size({"width": 1440, "height": 900})
    open_page(page, f"{server.url}/{slug}", timeout=90)
    page.locator(".stage, .latent, .colouring").first.wait_for()
    floor = LESS.get(slug, WANTED - 0.005)  # cells of 8 x 8 pixels
    for width, height in ((1440, 900), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        until(lambda: share(page) >= floor, f"the picture takes less than {floor:.0%} of {width} x {height}")
        lowest = page.evaluate(LOWEST) if page.locator(".stage").count() else 0
        assert lowest <= height
    assert faults(page) == []
    assert page_errors == []
