"""The shipped autoregressive models: their likelihoods on a fixed part of the test images, and their samplers."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

import engines
from engines import checkpoints, data
from engines.autoregressive import coding

N = 200
# Name, variant, images, the most nats (or bits a pixel) that the card may report.
SHIPPED = [
    ("pixelcnn", "", "mnist", 84.0),
    ("pixelcnn", "k3", "mnist", 91.0),
    ("gated_pixelcnn", "", "mnist", 84.0),
    ("row_lstm", "", "mnist", 88.0),
    ("diagonal_bilstm", "", "mnist", 90.0),
    ("multiscale", "", "mnist", 92.0),
    ("gated_pixelcnn", "fashion", "fashion", 900.0),
    ("pixelcnn_pp", "", "mnist", 620.0),
]


@pytest.mark.parametrize(("name", "variant", "images", "most"), SHIPPED)
def test_the_card_s_likelihood_is_the_model_s(name: str, variant: str, images: str, most: float):
    card = checkpoints.read(checkpoints.folder(name, variant)).card
    assert card["metrics"]["test_nll"] <= most
    engine = engines.pretrained(name, variant)
    test = data.load(images, split="test")
    n = N if images == "mnist" else 100
    x = engine.quantise(test.x[:n], generator=torch.Generator().manual_seed(0))
    label = torch.tensor(test.labels[:n].astype(np.int64)) if engine.config.n_classes else None
    nll = -engine.log_prob(x, label).double().numpy()
    error = nll.std() / np.sqrt(n)
    assert nll.mean() == pytest.approx(card["metrics"]["test_nll"], abs=4 * error)
    # 95 % of what as many images of the whole test set leave open
    half = 1.96 * nll.std() / np.sqrt(card["data"]["n_test"])
    assert card["metrics"]["test_nll_high"] - card["metrics"]["test_nll"] == pytest.approx(half, rel=0.25)
    assert card["metrics"]["test_nll"] - card["metrics"]["test_nll_low"] == pytest.approx(half, rel=0.25)


def test_the_largest_pixelcnn_draws_the_same_images_with_and_without_keeping_what_it_computed():
    engine = engines.pretrained("pixelcnn")
    x = engine.sample(4, generator=torch.Generator().manual_seed(7))
    mask = np.zeros((28, 28), dtype=bool)
    mask[12, 6:22] = True
    seconds, drawn = [], []
    for cached in (True, False):
        start = time.process_time()
        drawn.append(engine.sample(4, generator=torch.Generator().manual_seed(8), given=x, mask=mask, cached=cached))
        seconds.append(time.process_time() - start)
    assert torch.equal(*drawn)
    assert seconds[1] > 3 * seconds[0]  # of 16 images and all pixels it is far more: make bench


def test_test_images_become_the_bytes_that_their_likelihood_says():
    engine = engines.pretrained("pixelcnn")
    images = data.load("mnist", split="test").x[:4]
    for x in engine.quantise(images, generator=torch.Generator().manual_seed(0)).numpy():
        encoded = coding.encode(engine, x)
        assert np.array_equal(coding.decode(engine, encoded.data), x)
        assert encoded.promised_bytes < len(encoded.data) <= 1.02 * encoded.promised_bytes + 8
