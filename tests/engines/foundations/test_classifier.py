"""The classifier learns, is called the same way for bytes and for levels, and its parts agree."""

import numpy as np
import torch
from torch.testing import assert_close

import engines
from engines import data
from engines.material import Images


def test_it_learns_and_its_parts_agree():
    images = Images.load("mnist", n=600)
    small = engines.create("classifier", data=images, width=4, n_features=16, batch_size=50, n_steps=60, device="cpu")
    before = small.frame().scalars["accuracy"]
    while not small.done:
        small.step()
    assert small.frame().scalars["accuracy"] > max(0.4, 2 * before)
    test = data.load("mnist", split="test")
    x, labels = np.array(test.x[:40]), test.labels[:40]
    log_posterior = small.log_posterior(x)
    assert_close(log_posterior.exp().sum(dim=1), torch.ones(40))
    assert_close(log_posterior, small.log_posterior(x / 255), atol=1e-5, rtol=0)
    found = small.evaluate(x, labels)
    assert found["accuracy"] == (log_posterior.argmax(dim=1).numpy() == labels).mean()
    known = -log_posterior[torch.arange(40), torch.tensor(np.array(labels))].mean().item()
    assert abs(found["cross_entropy"] - known) < 1e-6
    assert small.features(x).shape == (40, 16)
