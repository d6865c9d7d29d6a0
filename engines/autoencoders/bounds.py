r"""One image under the bound: what each pixel, each latent dimension and each further sample contribute, in nats.

ELBO(x) = \sum_i E_q[log p(x_i|z)] - \sum_d KL_d                 Kingma & Welling 2013, eq. 3 and appendix B
L_K(x)  = E [log (1/K) \sum_k p(x, z_k) / q(z_k|x)]              Burda et al. 2015, eq. 8
ELBO = L_1 <= L_K <= L_{K+1} <= log p(x)                         theorem 1
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from engines.engine import Frame
from engines.maths.variational import bernoulli_log_prob, kl_per_dimension, normal_log_prob, reparameterise

COUNTS = tuple(sorted({round(k) for k in np.geomspace(1, 500, 34)}))  # numbers of samples K that are shown


@torch.no_grad()
def bound_frames(
    vae: Any, x: torch.Tensor, *, counts: Sequence[int] = COUNTS, repeats: int = 4, generator: torch.Generator
) -> list[Frame]:
    """A frame for every K of ``counts``: L_K of one binary image x (1, P) over ``repeats`` sets of samples.

    The same samples give all figures, so that they fit each other: ``reconstruction`` is the mean over all
    samples, ``elbo`` = reconstruction - kl, ``bound`` the mean of L_K over the repeats with its standard error.
    Arrays: ``pixels`` (P,), which sum to the reconstruction; ``kl`` (D,); ``mean`` and ``seen`` (P,) in 0..1.
    """
    largest = max(counts)
    mean, log_var = vae.network.encode(x)
    noise = torch.randn(repeats * largest, 1, mean.shape[1], generator=generator).to(x.device)
    z = reparameterise(mean, log_var, noise)  # (R K, 1, D)
    pixels, likelihoods = torch.zeros_like(x), []
    for part in z.split(500):
        each = bernoulli_log_prob(x, vae.network.decode(part))  # (n, 1, P)
        pixels += each.sum(dim=0) / len(z)
        likelihoods.append(each.sum(dim=2))
    weights = torch.cat(likelihoods) + normal_log_prob(z) - normal_log_prob(z, mean, log_var)  # (R K, 1)
    weights = weights.reshape(repeats, largest).double()
    sums = torch.logcumsumexp(weights, dim=1)  # (R, K)
    kl = kl_per_dimension(mean, log_var)[0]
    reconstruction, total = float(pixels.double().sum()), float(kl.double().sum())
    arrays = {
        "pixels": pixels[0].cpu().numpy(),
        "kl": kl.cpu().numpy(),
        "mean": torch.sigmoid(vae.network.decode(mean))[0].cpu().numpy(),
        "seen": x[0].cpu().numpy(),
    }
    frames = []
    for k in counts:
        bounds = sums[:, k - 1] - np.log(k)  # (R,)
        frames.append(
            Frame(
                step=k,
                scalars={
                    "reconstruction": reconstruction,
                    "kl": total,
                    "elbo": reconstruction - total,
                    "bound": float(bounds.mean()),
                    "standard_error": float(bounds.std() / np.sqrt(repeats)),
                },
                arrays=arrays,
            )
        )
    return frames
