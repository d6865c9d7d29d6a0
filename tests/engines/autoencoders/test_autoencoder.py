"""The autoencoder against principal components, and against its own formulas worked out in NumPy."""

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

import engines
from engines import checkpoints, data
from engines.autoencoders.autoencoder import AutoencoderConfig, pca_errors


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """1,797 digits of 8 x 8, as the bytes that the engine makes of them, in 0..1."""
    return np.round(data.load("digits").x / 16 * 255) / 255


@pytest.mark.parametrize("code_dim", [3, 12])
def test_the_linear_autoencoder_spans_the_principal_components(digits, code_dim):
    digits = digits[:300]
    ae = engines.create(
        "autoencoder", data=digits, code_dim=code_dim, activation="linear", loss="squared", n_pixels=64,
        learning_rate=0.02, decay=True, batch_size=len(digits), n_steps=2500, device="cpu",
    )  # fmt: skip
    while not ae.done:
        ae.step()
    pca = PCA(code_dim).fit(digits)
    best = np.square(digits - pca.inverse_transform(pca.transform(digits))).sum(axis=1).mean()
    assert ae.evaluate(digits)["squared_error"] == pytest.approx(best, rel=0.01)
    assert ae.evaluate(digits)["squared_error"] >= best * (1 - 1e-6)  # nothing linear does better
    decoder = ae.network.decoder[0].weight.detach().double().numpy()  # (64, M)
    assert np.degrees(subspace_angles(decoder, pca.components_.T)).max() < 5


def test_pca_errors_are_scikit_learns(digits):
    train, test = digits[:1200], digits[1200:]
    expected = []
    for m in (2, 10, 40):
        pca = PCA(m, svd_solver="full").fit(train)
        expected.append(np.square(test - pca.inverse_transform(pca.transform(test))).sum(axis=1).mean())
    np.testing.assert_allclose(pca_errors(train, test, (2, 10, 40)).mean(axis=0), expected, rtol=1e-5)


def test_its_figures_are_those_of_its_formulas():
    images = np.random.default_rng(0).integers(0, 256, size=(30, 12), dtype=np.uint8)
    ae = engines.create("autoencoder", data=images, n_pixels=12, code_dim=3, device="cpu", seed=2)
    w, b = (ae.network.state_dict()[f"encoder.0.{key}"].numpy().astype(float) for key in ("weight", "bias"))
    v, c = (ae.network.state_dict()[f"decoder.0.{key}"].numpy().astype(float) for key in ("weight", "bias"))
    x = images / 255
    code = 1 / (1 + np.exp(-(x @ w.T + b)))
    mean = 1 / (1 + np.exp(-(code @ v.T + c)))
    np.testing.assert_allclose(ae.encode(images).numpy(), code, atol=1e-6)
    np.testing.assert_allclose(ae.reconstruct(images).numpy(), mean, atol=1e-6)
    figures = ae.evaluate(images)
    entropy = -(x * np.log(mean) + (1 - x) * np.log(1 - mean)).sum(axis=1).mean()
    assert figures["cross_entropy"] == pytest.approx(entropy, rel=1e-5)
    assert figures["squared_error"] == pytest.approx(np.square(x - mean).sum(axis=1).mean(), rel=1e-5)
    each = np.square(x - mean).sum(axis=1)
    for end, sign in (("low", -1), ("high", 1)):
        bound = each.mean() + sign * 1.96 * each.std(ddof=1) / 30**0.5
        assert figures[f"squared_error_{end}"] == pytest.approx(bound, rel=1e-5)
    np.testing.assert_array_equal(ae.unit_images().numpy(), v.T.astype(np.float32))


@pytest.mark.parametrize("loss", ["bernoulli", "squared"])
def test_it_starts_at_the_mean_image(loss):
    images = np.random.default_rng(0).integers(0, 256, size=(5000, 12), dtype=np.uint8)
    ae = engines.create("autoencoder", data=images, n_pixels=12, code_dim=2, loss=loss, device="cpu")
    bias = ae.network.decoder[-1].bias.detach()
    start = torch.sigmoid(bias) if loss == "bernoulli" else bias
    np.testing.assert_allclose(start.numpy(), images.mean(axis=0) / 255, atol=1e-5)


def test_a_deep_ones_units_are_shown_by_their_effect():
    images = np.random.default_rng(0).integers(0, 256, size=(30, 12), dtype=np.uint8)
    ae = engines.create("autoencoder", data=images, n_pixels=12, code_dim=3, depth=2, width=8, device="cpu")
    ae.step()
    codes = ae.encode(images)
    up, down = codes.mean(dim=0).repeat(2, 1)
    up[1] += codes[:, 1].std() / 2
    down[1] -= codes[:, 1].std() / 2
    effect = ae.network.decoder(torch.stack([up, down])).detach()
    torch.testing.assert_close(ae.unit_images()[1], effect[0] - effect[1], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"code_dim": 784}, r"code_dim must be smaller than the image \(784 pixels\), got 784"),
        ({"code_dim": 0}, "code_dim must be at least 1, got 0"),
        ({"activation": "gelu"}, "activation 'gelu' is not known; choose one of sigmoid"),
        ({"loss": "l1"}, "loss 'l1' is not known; choose one of bernoulli, squared"),
        ({"learning_rate": 0.0}, "learning_rate must be from 1e-09 to 1, got 0.0"),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings, said):
    with pytest.raises(ValueError, match=said):
        AutoencoderConfig(**settings)


def test_without_data_it_still_reconstructs_but_cannot_learn():
    ae = engines.create("autoencoder", device="cpu", code_dim=4)
    assert ae.reconstruct(np.zeros((2, 28, 28), dtype=np.uint8)).shape == (2, 784)
    with pytest.raises(ValueError, match="no data to learn from"):
        ae.step()
    with pytest.raises(ValueError, match="images of 784 pixels"):
        ae.encode(np.zeros((2, 27, 28)))
    with pytest.raises(ValueError, match=r"codes must have shape \(B, 4\)"):
        ae.decode(np.zeros((2, 5)))


SHIPPED = {2: "m2", 8: "m8", 32: "", 128: "m128", 300: "m300"}


def test_the_shipped_ones_lose_less_the_more_they_keep():
    test = data.load("mnist", split="test").x[:1000]
    errors = []
    for code_dim, variant in SHIPPED.items():
        ae = engines.pretrained("autoencoder", variant)
        assert ae.config.code_dim == code_dim
        found = ae.evaluate(test)["squared_error"]
        card = checkpoints.read(checkpoints.folder("autoencoder", variant)).card
        assert found == pytest.approx(card["metrics"]["test_squared_error"], rel=0.1)  # 1,000 images against 10,000
        errors.append(found)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < 45
    assert errors[-1] < 4
