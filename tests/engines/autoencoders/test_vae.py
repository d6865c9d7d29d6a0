"""The VAE: its bound against quadrature, its steps against autograd by hand, its shipped weights."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.testing import assert_close

import engines
from engines import checkpoints, data
from engines.autoencoders.vae import GRID, VAEConfig, manifold_codes
from engines.engine import rebuild

IMAGES = np.random.default_rng(0).integers(0, 256, size=(60, 9), dtype=np.uint8)


def small(**settings):
    own = {"n_pixels": 9, "latent_dim": 2, "width": 16, "depth": 1, "batch_size": 20, "n_steps": 40, "device": "cpu"}
    return engines.create("vae", **{"data": IMAGES, **own, **settings})


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_log_prob_is_the_integral_over_the_plane_and_the_elbo_lies_below():
    vae = small()
    while not vae.done:
        vae.step()
    x = vae.binarise(IMAGES[:4], generator=generator())
    at = torch.linspace(-6, 6, 301)
    grid = torch.stack(torch.meshgrid(at, at, indexing="ij"), dim=-1).reshape(-1, 2)
    log_mean = torch.log(vae.decode(grid).double())
    log_rest = torch.log1p(-vae.decode(grid).double())
    log_prior = torch.tensor(stats.norm.logpdf(grid.double().numpy()).sum(axis=1))
    cell = math.log((12 / 300) ** 2)
    exact = torch.stack([
        torch.logsumexp(log_mean @ image.double() + log_rest @ (1 - image.double()) + log_prior + cell, dim=0)
        for image in x
    ])  # fmt: skip
    assert_close(vae.log_prob(x, n_samples=20_000).double(), exact, atol=0.02, rtol=0)
    log_likelihood, kl = vae.elbo(x, noise=torch.randn(20_000, 4, 2, generator=generator(1)))
    elbo = log_likelihood.sum(dim=1) - kl.sum(dim=1)
    assert (elbo.double() < exact + 0.02).all()
    # The gap is KL(q || posterior): the mean log weight is the ELBO too.
    assert_close(vae.log_weights(x, 20_000, generator=generator(2)).mean(dim=0), elbo, atol=0.05, rtol=0)


def test_probabilities_of_all_images_sum_to_one():
    vae = small(n_pixels=6, data=IMAGES[:, :6])
    every = torch.tensor(list(itertools.product([0.0, 1.0], repeat=6)))
    assert vae.log_prob(every, n_samples=5000).exp().sum().item() == pytest.approx(1, abs=0.01)


def test_a_step_is_adam_on_the_negated_bound():
    vae, by_hand = small(beta=2.5, pixels="grey", learning_rate=0.01), small(beta=2.5, pixels="grey")
    noise = torch.randn(20, 2, generator=by_hand.rng)
    order = torch.randperm(60, generator=generator())  # the first epoch of seed 0
    x = torch.tensor(IMAGES)[order[:20]].float() / 255
    mean, log_var = by_hand.network.encoder(x).chunk(2, dim=1)
    logits = by_hand.network.decoder(mean + torch.exp(0.5 * log_var) * noise)
    entropy = (-x * torch.nn.functional.logsigmoid(logits) - (1 - x) * torch.nn.functional.logsigmoid(-logits)).sum(1)
    kl = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(1)
    loss = (entropy + 2.5 * kl).mean()
    loss.backward()
    torch.optim.Adam(by_hand.network.parameters(), lr=0.01).step()
    vae.step()
    assert vae.frame().scalars["loss"] == pytest.approx(loss.item(), rel=1e-6)
    for ours, theirs in zip(vae.network.parameters(), by_hand.network.parameters(), strict=True):
        assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_the_frame_shows_the_elbo_of_the_probe():
    vae = small(shown=30)
    for _ in range(3):
        vae.step()
    frame = vae.frame()
    s = frame.scalars
    assert s["elbo"] == pytest.approx(-s["reconstruction"] - s["kl"], abs=1e-4)
    assert frame.arrays["kl"].sum() == pytest.approx(s["kl"], abs=1e-5)
    mean, log_var = frame.arrays["means"].astype(float), frame.arrays["log_vars"].astype(float)
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)
    np.testing.assert_allclose(kl.mean(axis=0), frame.arrays["kl"], atol=1e-5)
    assert mean.shape == (30, 2)
    assert frame.arrays["manifold"].shape == (GRID**2, 9)


def test_beta_and_the_learning_rate_change_on_the_way():
    vae = small()
    for _ in range(5):
        vae.step()
    other = rebuild(vae, beta=8.0, learning_rate=1e-4)
    other.load_state_dict(vae.state_dict())
    other.step()
    assert other.frame().scalars["beta"] == 8
    assert other.frame().scalars["learning_rate"] == 1e-4
    assert other.iteration == 6
    with pytest.raises(ValueError, match=r"start again to change the network's size"):
        rebuild(vae, latent_dim=3).load_state_dict(vae.state_dict())


def test_warm_up_and_decay_follow_their_schedules():
    vae = small(beta=4.0, warm_up=10, decay=True, learning_rate=0.1)
    rates, betas = [], []
    while not vae.done:
        rates.append(vae.present_learning_rate)
        betas.append(vae.present_beta)
        vae.step()
    np.testing.assert_allclose(rates, 0.05 * (1 + np.cos(np.pi * np.arange(40) / 40)), atol=1e-12)
    np.testing.assert_allclose(betas, 4 * np.minimum(1, (np.arange(40) + 1) / 10))


def test_learning_raises_the_bound():
    x = data.images("mnist", "train", n=500).x
    vae = engines.create("vae", data=x, width=64, n_steps=150, learning_rate=3e-3, device="cpu")
    before = vae.evaluate(x, n_samples=10)
    while not vae.done:
        vae.step()
    after = vae.evaluate(x, n_samples=10)
    assert after["elbo"] > before["elbo"] + 250
    assert after["nll"] <= -after["elbo"]


def test_figures_have_intervals_that_many_draws_keep():
    """Of 40 sets of 200 images nearly all intervals hold the mean over all; the parts add up image by image."""
    vae = engines.pretrained("vae")
    images = data.load("mnist", split="test").x
    images = images[
        np.random.default_rng(0).permutation(len(images))[:8000]
    ]  # the file's first half is the clearer one
    whole = vae.evaluate(images, n_samples=1)
    assert whole["elbo"] == pytest.approx(-whole["reconstruction"] - whole["kl"], abs=1e-3)
    assert whole["gap"] == pytest.approx(-whole["elbo"] - whole["nll"], abs=1e-3)
    held = dict.fromkeys(("reconstruction", "kl", "elbo"), 0)
    for i in range(40):
        part = vae.evaluate(images[200 * i : 200 * (i + 1)], n_samples=1)
        for key in held:
            held[key] += part[f"{key}_low"] <= whole[key] <= part[f"{key}_high"]
    assert all(32 <= count <= 40 for count in held.values()), held
    assert whole["used_dimensions_low"] <= whole["used_dimensions"] <= whole["used_dimensions_high"]


def test_black_or_white_pixels_have_the_levels_chances():
    vae = small()
    drawn = torch.stack([vae.binarise(IMAGES[:5], generator=generator(seed)) for seed in range(2000)])
    assert set(drawn.unique().tolist()) == {0, 1}
    np.testing.assert_allclose(drawn.mean(dim=0).numpy(), IMAGES[:5] / 255, atol=0.05)
    sample, mean = vae.sample(50, generator=generator(3)), vae.sample(50, generator=generator(3), mean=True)
    assert set(sample.unique().tolist()) == {0, 1}
    assert ((mean > 0) & (mean < 1)).all()


def test_posterior_samples_have_the_posteriors_mean_and_variance():
    vae = small()
    mean, log_var = vae.encode(IMAGES[:3])
    z, images = vae.sample_posterior(IMAGES[:3], 20_000, generator=generator())
    assert images.shape == (20_000, 3, 9)
    assert_close(z.mean(dim=0), mean, atol=0.04, rtol=0)
    assert_close(z.var(dim=0), log_var.exp(), atol=0.04, rtol=0.03)


def test_the_manifold_covers_the_prior_evenly():
    codes = manifold_codes(2, 4).reshape(4, 4, 2)
    shares = stats.norm.cdf(codes[0, :, 0].numpy())
    np.testing.assert_allclose(shares, (np.arange(4) + 0.5) / 4, atol=1e-6)
    assert codes[0, 0, 1] > codes[3, 0, 1]  # the first row is the top one
    assert manifold_codes(5, 4).shape == (16, 5)


def test_the_convolutional_body_has_the_same_interface():
    x = data.images("mnist", "train", n=40).x
    vae = engines.create("vae", data=x, body="conv", width=32, latent_dim=3, batch_size=20, n_steps=2, device="cpu")
    vae.step()
    assert vae.decode(torch.zeros(4, 5, 3)).shape == (4, 5, 784)
    assert vae.frame().arrays["manifold"].shape == (144, 784)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"latent_dim": 0}, "latent_dim must be at least 1, got 0"),
        ({"beta": -1.0}, "beta must be zero or more, got -1.0"),
        ({"beta": math.inf}, "beta must be zero or more, got inf"),
        ({"body": "transformer"}, "body 'transformer' is not known; choose one of mlp, conv"),
        ({"body": "conv", "n_pixels": 64}, "a convolutional body takes 28 x 28 = 784 pixels, got 64"),
        ({"pixels": "colour"}, "pixels 'colour' is not known; choose one of binary, grey"),
        ({"learning_rate": 2.0}, "learning_rate must be from 1e-09 to 1, got 2.0"),
        ({"warm_up": -1}, "warm_up must be zero or more"),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings, said):
    with pytest.raises(ValueError, match=said):
        VAEConfig(**settings)


# -- what ships --------------------------------------------------------------------------------------

BETAS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16)


@pytest.fixture(scope="module")
def test_digits() -> np.ndarray:
    return data.load("mnist", split="test").x


def test_the_shipped_likelihood_holds_on_a_fixed_subset(test_digits):
    card = checkpoints.read(checkpoints.folder("vae", "conv")).card
    assert card["metrics"]["test_nll"] <= 88.0  # 500 importance samples, 10,000 test images
    vae = engines.pretrained("vae", "conv")
    rows = vae.binarise(test_digits[::100], generator=generator())
    likelihood = vae.log_prob(rows, n_samples=100, generator=generator(1))  # (100,)
    log_likelihood, kl = vae.elbo(rows, noise=torch.randn(16, 100, vae.config.latent_dim, generator=generator(2)))
    elbo = log_likelihood.sum(dim=1) - kl.sum(dim=1)
    # A hundred images, each with a spread of about 25 nats; 100 samples give up to 1.5 nats away.
    assert -likelihood.mean().item() == pytest.approx(card["metrics"]["test_nll"], abs=8)
    assert (elbo <= likelihood + 0.5).all()
    assert elbo.mean() < likelihood.mean() - 1


def test_the_sweep_trades_reconstruction_for_kl(test_digits):
    rates, distortions = [], []
    for beta in BETAS:
        vae = engines.pretrained("vae", f"beta-{beta:g}")
        assert (vae.config.beta, vae.config.latent_dim) == (beta, 20)
        found = vae.evaluate(test_digits[:300], n_samples=2)
        card = checkpoints.read(checkpoints.folder("vae", f"beta-{beta:g}")).card["metrics"]
        assert found["kl"] == pytest.approx(card["test_kl"], rel=0.1)  # 300 images against 10,000
        assert found["reconstruction"] == pytest.approx(card["test_reconstruction"], rel=0.08)
        rates.append(found["kl"])
        distortions.append(found["reconstruction"])
    assert rates == sorted(rates, reverse=True)
    assert distortions == sorted(distortions)


@pytest.mark.parametrize("variant", ["", "fashion"])
def test_the_recorded_runs_end_where_the_weights_are(variant):
    folder = checkpoints.folder("vae", variant)
    frames = checkpoints.load_frames(folder / checkpoints.FRAMES)
    assert frames[0].step == 0
    assert 30 <= len(frames) <= 42
    vae = engines.pretrained("vae", variant)
    assert frames[-1].step == vae.iteration
    np.testing.assert_allclose(frames[-1].arrays["manifold"], vae.frame().arrays["manifold"], atol=1)
    assert frames[-1].scalars["elbo"] > frames[0].scalars["elbo"] + 150


def test_what_ships_is_small():
    """The autoencoders' together; and no single file of any engine is large."""
    sizes = [path.stat().st_size for path in checkpoints.FOLDER.glob("**/weights.safetensors")]
    assert max(sizes) < 10_000_000
    kept = [checkpoints.FOLDER / name for name in ("vae", "autoencoder")]
    sizes = [path.stat().st_size for folder in kept for path in folder.glob("**/weights.safetensors")]
    assert sum(sizes) < 40_000_000
