"""What Age-cGAN's faces are worth: whom two pictures show and how old they look, by networks that took no part.

Each test person is given at the ages `SOURCES`, a code is found in five ways (`WAYS`), and the face is made at all
eight ages.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines import learning
from engines.maths.intervals import named
from engines.people.age_cgan import AgeCGAN, judge
from engines.people.age_judge import YEARS, matches, spearman
from engines.people.age_search import AgeSearch
from engines.people.ages import AGES

SOURCES = (1, 4, 6)  # places in AGES: 6, 35 and 65 years
# The encoder's guess; the searches for the same pixels, for the same person as the paper's, for the person with some
# weight on the pixels and on near codes (`age_search`), and the last one begun at the code 0 instead of the guess.
WAYS = ("guess", "pixels", "identity", "both", "blind")
BOTH: dict[str, Any] = {"aim": "identity", "pixels": 3.0, "prior": 0.03, "n_views": 3}
SEARCHES: dict[str, dict[str, Any]] = {
    "pixels": {"aim": "pixels"}, "identity": {"aim": "identity"}, "both": BOTH, "blind": {**BOTH, "start": "zero"},
}  # fmt: skip
# Which are compared, paired by person: the gain of one over the other.
PAIRS = (("identity", "pixels"), ("identity", "guess"), ("both", "pixels"), ("both", "guess"), ("both", "identity"),
         ("both", "blind"))  # fmt: skip


def codes(gan: AgeCGAN, images: Any, age: Any) -> dict[str, Tensor]:
    """The codes of pictures (B, 48, 48, 3) of ages (B,), found in each of the ways: (B, Z)."""
    found = {way: AgeSearch.of(gan, images, age, **settings).run() for way, settings in SEARCHES.items()}
    return {"guess": gan.guess(images), **found}


def shown(gan: AgeCGAN, test: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, np.ndarray, np.ndarray]:
    """The codes (W, P, S, Z) by way, person and age given; by age asked the faces (W, P, S, 8, 48, 48, 3) bytes,
    the years that are read off them (W, P, S, 8), whether the nearest of all people at the age given is the same,
    and whether that one is as near as no more than 1 % of pairs of two people are.
    """
    true = test["image"].cpu().reshape(-1, len(AGES), *test["image"].shape[1:])
    n, given = len(true), torch.tensor(SOURCES)
    found = codes(gan, true[:, given].flatten(0, 1), given.repeat(n))
    z = torch.stack([found[way] for way in WAYS]).cpu().reshape(len(WAYS), n, len(SOURCES), -1)
    faces = torch.stack([learning.to_bytes(gan.ages_of(found[way])).cpu() for way in WAYS])
    faces = faces.reshape(len(WAYS), n, len(SOURCES), *true.shape[1:])
    who, old = (judge(name, str(gan.device)) for name in ("judge", "age"))
    read = old.years(faces.flatten(0, 3)).cpu().reshape(faces.shape[:4])
    gallery = who.features(true.flatten(0, 1)).cpu().reshape(n, len(AGES), -1)
    features = who.features(faces.flatten(0, 3)).cpu().reshape(*faces.shape[:4], -1)
    hits, same = np.zeros((2, *faces.shape[:4]))
    for w in range(len(WAYS)):
        for i, a in enumerate(SOURCES):
            nearest, near = matches(features[w, :, i], gallery)
            hits[w, :, i], same[w, :, i] = nearest[:, :, a], near[:, :, a]
    return z, faces, read, hits, same


def measure(gan: AgeCGAN, test: dict[str, Tensor]) -> dict[str, float]:
    """See `AgeCGAN.evaluate`."""
    test = {key: value.cpu() for key, value in test.items()}
    gan.codes, faces, read, hits, same = shown(gan, test)
    gan.hits = torch.from_numpy(np.stack([hits, same])).float()
    gan.read = read
    true = test["image"].reshape(-1, len(AGES), *test["image"].shape[1:])
    n, other = len(true), np.ones((len(SOURCES), len(AGES)), dtype=bool)
    other[np.arange(len(SOURCES)), SOURCES] = False
    result = {"people": float(n)}

    who, old = (judge(name, str(gan.device)) for name in ("judge", "age"))
    gallery = who.features(true.flatten(0, 1)).cpu().reshape(n, len(AGES), -1)
    best = [found[:, :, list(SOURCES)].transpose(0, 2, 1) for found in matches(gallery, gallery)]
    mirrored = who.features(true.flatten(0, 1).flip(2)).cpu().reshape(n, len(AGES), -1)
    again = [found[:, :, list(SOURCES)].transpose(0, 2, 1) for found in matches(mirrored, gallery)]
    for key, values, ceiling, mirror in zip(("kept", "same"), (hits, same), best, again, strict=True):
        by = {way: values[w][:, other].mean(axis=1) for w, way in enumerate(WAYS)}
        for way in WAYS:
            result |= named(f"{key}_{way}", by[way])
            result |= named(f"{key}_again_{way}", values[WAYS.index(way)][:, ~other].mean(axis=1))
        for way, rival in PAIRS:
            result |= named(f"{key}_{way}_over_{rival}", by[way] - by[rival])
        result |= named(f"{key}_true", ceiling[:, other].mean(axis=1))
        result |= named(f"{key}_again_true", mirror[:, ~other].mean(axis=1))

    asked = YEARS.expand_as(read[0])
    for w, way in enumerate(WAYS):
        pairs = torch.stack([read[w], asked], dim=3)[:, torch.from_numpy(other)].numpy()
        result |= named(f"spearman_{way}", pairs, spearman)
    of_true = torch.stack([old.years(true.flatten(0, 1)).cpu().reshape(n, len(AGES)), YEARS.expand(n, -1)], dim=2)
    result |= named("spearman_true", of_true.numpy(), spearman)

    wanted = true[:, None] / 255
    for w, way in enumerate(WAYS):
        decibels = -10 * (faces[w] / 255 - wanted).square().mean(dim=(3, 4, 5)).log10().numpy()
        result |= named(f"psnr_{way}", decibels[:, other].mean(axis=1))
        result |= named(f"psnr_again_{way}", decibels[:, ~other].mean(axis=1))
    if gan.data is not None:
        train = gan.data.train["image"].cpu().reshape(-1, len(AGES), *true.shape[2:])
        face = train.float().mean(dim=0) / 255
        decibels = -10 * (face - true / 255).square().mean(dim=(2, 3, 4)).log10().mean(dim=1)
        result |= named("psnr_mean_face", decibels.numpy())
        known, given = train[:n, list(SOURCES)].flatten(0, 1), torch.tensor(SOURCES).repeat(len(train[:n]))
        z = AgeSearch.of(gan, known, given, aim="pixels").run()
        decibels = -10 * (gan.face(z, given).cpu() - known / 255).square().mean(dim=(1, 2, 3)).log10()
        result |= named("psnr_again_pixels_train", decibels.reshape(-1, len(SOURCES)).mean(dim=1).numpy())
    z = torch.randn(200, gan.config.n_latent, generator=learning.stream(gan.config.seed, 2)).to(gan.device)
    back = gan.guess(gan.face(z, torch.arange(200) % len(AGES)))
    correlation = torch.corrcoef(torch.stack([z.flatten(), back.flatten()]))[0, 1]
    return result | {"code_again": float(correlation)}
