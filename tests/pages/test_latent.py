"""The routes behind the latent plane: right images for right questions, 4xx and a sentence for wrong ones."""

import asyncio
import base64
import json

import numpy as np
import pytest
import torch
from starlette.applications import Starlette

import engines
from engines import data
from pages.autoencoders import latent

APP = Starlette(routes=latent.ROUTES)


def request(path: str, body: bytes, method: str = "POST") -> tuple[int, bytes]:
    """One request to the routes, as a server would make it: status and body."""
    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b"", "root_path": ""}
    asyncio.run(APP(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def ask(what, source="default", **question):
    status, body = request(f"/lab/vae/{source}/{what}", json.dumps(question).encode())
    return status, json.loads(body)


def array(packed) -> np.ndarray:
    kinds = {"f4": np.float32, "u1": np.uint8}
    return np.frombuffer(base64.b64decode(packed["bdata"]), kinds[packed["dtype"]]).reshape(packed["shape"])


def test_decoded_images_are_the_engines():
    z = [[0.3, -1.2], [2.0, 0.1]]
    status, answer = ask("decode", z=z)
    assert status == 200
    expected = engines.pretrained("vae").decode(torch.tensor(z))
    np.testing.assert_array_equal(array(answer["images"]), np.rint(255 * expected.numpy()).astype(np.uint8))


def test_the_posterior_is_the_encoders_and_its_terms_are_the_elbos():
    status, answer = ask("posterior", name="mnist", row=5, n=6, seed=3)
    assert status == 200
    image = data.load("mnist", split="test").x[5]
    np.testing.assert_array_equal(array(answer["image"]), image.reshape(784))
    vae = engines.pretrained("vae")
    x = latent.seen(vae, image[None], first_row=5)
    mean, log_var = vae.encode(x)
    np.testing.assert_allclose(array(answer["mean"]), mean[0], atol=1e-5)
    np.testing.assert_allclose(array(answer["log_var"]), log_var[0], atol=1e-5)
    kl = 0.5 * (mean[0] ** 2 + log_var[0].exp() - 1 - log_var[0])
    np.testing.assert_allclose(array(answer["kl"]), kl, atol=1e-4)
    noise = torch.randn(4000, 1, 2, generator=torch.Generator().manual_seed(9))
    terms, _ = vae.elbo(x, noise=noise)
    assert answer["log_likelihood"] == pytest.approx(terms.sum().item(), abs=3)
    assert array(answer["samples"]).shape == (6, 784)
    assert set(np.unique(array(answer["samples"]))) == {0, 255}
    # The mark on the plane lies where the same image is encoded to.
    codes = vae.encode(latent.seen(vae, data.load("mnist", split="test").x[:8]))[0]
    np.testing.assert_allclose(codes[5], mean[0], atol=1e-5)


def test_a_drawing_is_encoded_too():
    image = np.zeros(784, dtype=np.uint8)
    image[300:340] = 255
    status, answer = ask("posterior", image=base64.b64encode(image.tobytes()).decode())
    assert status == 200
    np.testing.assert_array_equal(array(answer["image"]), image)


def test_the_prior_is_standard_normal_and_reproducible():
    first, again, other = (ask("prior", n=24, seed=seed)[1] for seed in (4, 4, 5))
    assert first == again
    assert first != other
    z = np.concatenate([array(ask("prior", n=24, seed=seed)[1]["z"]) for seed in range(20)])
    assert abs(z.mean()) < 0.15
    assert abs(z.std() - 1) < 0.1


@pytest.mark.parametrize(
    ("what", "question", "said"),
    [
        ("decode", {"z": [[0.0]]}, "z must be 1 to 400 codes of 2 numbers, got shape (1, 1)"),
        ("decode", {"z": []}, "z must be 1 to 400 codes"),
        ("decode", {"z": "abc"}, "z must be 1 to 400 codes"),
        ("decode", {"z": [[0, 0]] * 401}, "z must be 1 to 400 codes"),
        ("decode", {}, "z must be 1 to 400 codes"),
        ("decode", {"z": [[1e9, 0]]}, "z must lie within 30 of zero"),
        ("decode", {"z": [[float("nan"), 0]]}, "finite numbers"),
        ("decode", {"z": [[float("inf"), 0]]}, "finite numbers"),
        ("posterior", {"row": -1}, "a row or seed must be a whole number >= 0, got -1"),
        ("posterior", {"row": 10_000}, "row must be from 0 to 9,999, got 10000"),
        ("posterior", {"row": 0.5}, "a row or seed must be a whole number"),
        ("posterior", {"image": "xx"}, "an image must be 784 bytes in base64"),
        ("posterior", {"n": 1000}, "n must be from 1 to 24, got 1000"),
        ("posterior", {"name": "../etc/passwd"}, "no data set is called"),
        ("prior", {"n": True}, "n must be from 1 to 24, got True"),
        ("prior", {"seed": 1 << 40}, "a row or seed must be a whole number"),
    ],
)
def test_a_wrong_question_is_a_sentence_with_status_400(what, question, said):
    status, answer = ask(what, **question)
    assert status == 400
    assert said in answer["error"]


def test_what_is_no_question_at_all_is_refused_too():
    for body in (b"", b"no json", b"[1, 2]", b"null", b"[" * 5000):
        assert request("/lab/vae/default/decode", body)[0] == 400
    assert request("/lab/vae/default/decode", b" " * 200_000)[0] == 400  # pages.ui.guard refuses it before it is read
    assert request("/lab/vae/default/launch", b"{}")[0] == 404
    assert request("/lab/vae/default/decode", b"", "GET")[0] == 405
    for source in ("nonsense", "..", "beta-3", "x" * 300):
        assert request(f"/lab/vae/{source}/decode", b'{"z": [[0, 0]]}')[0] in (400, 404)
    assert ask("decode", z=[[0, 0]])[0] == 200  # and the server lives
