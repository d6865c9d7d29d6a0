"""Variational inference against scikit-learn, against Monte Carlo and quadrature, and against its own promises."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.mixture import BayesianGaussianMixture

import engines
from engines import data
from engines.engine import rebuild
from engines.mixtures.variational_gmm import VariationalGMMConfig

IRIS = np.array(data.load("iris").x)
K = 6


def start(x: np.ndarray, k: int = K, seed: int = 0) -> np.ndarray:
    """Responsibilities (N, K) to start from."""
    return np.random.default_rng(seed).dirichlet(np.ones(k), size=len(x))


def ours(x: np.ndarray, kind: str, prior: str, k: int = K, **settings):
    vb = engines.create(
        "variational_gmm", data=x, n_components=k, covariance_type=kind, weight_prior=prior, device="cpu",
        tolerance=0.0, **{"concentration": 0.1, **settings},
    )  # fmt: skip
    vb.begin(vb._maximise(vb._features.weighed(torch.tensor(start(x, k).T.copy()))))
    return vb


def iterate(vb, n: int) -> None:
    for _ in range(2 * n):
        vb.step()


@pytest.mark.parametrize("kind", ["full", "diag"])
@pytest.mark.parametrize("prior", ["dirichlet", "process"])
@pytest.mark.parametrize("n_iterations", [1, 5, 20])
def test_posteriors_are_scikit_learns(kind, prior, n_iterations):
    kinds = {"dirichlet": "dirichlet_distribution", "process": "dirichlet_process"}
    theirs = BayesianGaussianMixture(
        n_components=K,
        covariance_type=kind,
        weight_concentration_prior_type=kinds[prior],
        weight_concentration_prior=0.1,
        mean_precision_prior=1.0,
        reg_covar=0.0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs._check_parameters(IRIS, xp=np)
    theirs._initialize(IRIS, start(IRIS))
    vb = ours(IRIS, kind, prior, wishart_diagonal=True)
    for _ in range(n_iterations):
        _, log_resp = theirs._e_step(IRIS)
        theirs._m_step(IRIS, log_resp)
        iterate(vb, 1)
    np.testing.assert_allclose(vb._responsibilities.T, np.exp(log_resp), atol=1e-6)
    q = vb.parameters
    np.testing.assert_allclose(q.concentration, np.array(theirs.weight_concentration_), rtol=1e-6)
    np.testing.assert_allclose(q.mean_precision, theirs.mean_precision_, rtol=1e-6)
    np.testing.assert_allclose(q.means, theirs.means_, rtol=1e-6)
    np.testing.assert_allclose(q.degrees_of_freedom, theirs.degrees_of_freedom_, rtol=1e-6)
    np.testing.assert_allclose(q.covariances, theirs.covariances_, atol=1e-6)


@pytest.mark.parametrize("kind", ["full", "diag"])
@pytest.mark.parametrize("prior", ["dirichlet", "process"])
def test_the_bound_never_falls(kind, prior):
    for seed in range(3):
        x = data.load("blobs", n=200, seed=seed).x
        vb = engines.create("variational_gmm", data=np.array(x), covariance_type=kind, weight_prior=prior, seed=seed,
                            concentration=0.5, device="cpu")  # fmt: skip
        bounds = [vb.lower_bound()]
        while not vb.done:
            vb.step()
            bounds.append(vb.lower_bound())
        falls = -np.diff(bounds)
        assert falls.max() <= 1e-9  # nats
        assert bounds[-1] > bounds[0] + 10


@pytest.mark.parametrize("kind", ["full", "diag"])
@pytest.mark.parametrize("prior", ["dirichlet", "process"])
def test_the_bound_is_complete_by_monte_carlo(kind, prior):
    r"""E_q[log p(x, z, \pi, \mu, \Lambda) - log q(...)] by draws from q, with SciPy's densities."""
    x = IRIS[::5, :2]
    vb = ours(x, kind, prior, k=3, concentration=0.7)
    iterate(vb, 3)
    vb.step()  # an E step: q(Z) fits the parameters' posterior
    q, p, shares = vb.parameters, vb.prior, vb._responsibilities.numpy()
    rng, n = np.random.default_rng(0), 400
    values = np.zeros(n)
    for draw in range(n):
        if prior == "dirichlet":
            a, a0 = q.concentration.numpy(), p.concentration.numpy()
            pi = rng.dirichlet(a)
            values[draw] += stats.dirichlet.logpdf(pi, a0) - stats.dirichlet.logpdf(pi, a)
            log_pi = np.log(pi)
        else:
            (a, b), (a0, b0) = q.concentration.numpy(), p.concentration.numpy()
            v = rng.beta(a, b)
            values[draw] += (stats.beta.logpdf(v, a0, b0) - stats.beta.logpdf(v, a, b)).sum()
            log_pi = np.log(v) + np.concatenate([[0], np.cumsum(np.log1p(-v))[:-1]])
        for k in range(3):
            values[draw] += draw_component(rng, q, p, k, kind, x, shares[k], log_pi[k])
    values -= np.where(shares > 0, shares * np.log(np.maximum(shares, 1e-300)), 0).sum()
    error = values.std() / math.sqrt(n)
    assert vb.lower_bound() == pytest.approx(values.mean(), abs=5 * error)
    assert error < 2


def draw_component(rng, q, p, k, kind, x, share, log_pi) -> float:
    """One draw of a component's mean and precision: its terms of log p - log q."""
    dof, dof0 = q.degrees_of_freedom[k].item(), p.degrees_of_freedom[k].item()
    beta, beta0 = q.mean_precision[k].item(), p.mean_precision[k].item()
    m, m0, c, c0 = q.means[k].numpy(), p.means[k].numpy(), q.covariances[k].numpy(), p.covariances[k].numpy()
    if kind == "full":
        w, w0 = np.linalg.inv(dof * c), np.linalg.inv(dof0 * c0)
        precision = stats.wishart.rvs(dof, w, random_state=rng)
        ratio = stats.wishart.logpdf(precision, dof0, w0) - stats.wishart.logpdf(precision, dof, w)
    else:
        rates, rates0 = 0.5 * dof * c, 0.5 * dof0 * c0
        lam = rng.gamma(0.5 * dof, 1 / rates)
        prior = stats.gamma.logpdf(lam, 0.5 * dof0, scale=1 / rates0)
        ratio = (prior - stats.gamma.logpdf(lam, 0.5 * dof, scale=1 / rates)).sum()
        precision = np.diag(lam)
    cov = np.linalg.inv(precision)
    mu = rng.multivariate_normal(m, cov / beta)
    ratio += stats.multivariate_normal.logpdf(mu, m0, cov / beta0) - stats.multivariate_normal.logpdf(mu, m, cov / beta)
    return ratio + (share * (log_pi + stats.multivariate_normal.logpdf(x, mu, cov))).sum()


def test_three_clusters_keep_three_components_of_ten():
    kept = []
    for seed in range(10):
        x = np.array(data.load("blobs", n=400, seed=seed).x)
        vb = engines.create("variational_gmm", data=x, n_components=10, seed=seed, device="cpu")
        while not vb.done:
            vb.step()
        kept.append(int(vb.frame().scalars["alive"]))
    assert kept.count(3) >= 9, kept


@pytest.mark.parametrize("kind", ["full", "diag"])
def test_the_predictive_density_is_a_density_with_heavier_tails(kind):
    x = IRIS[::6, :2]
    vb = ours(x, kind, "dirichlet", k=2)
    iterate(vb, 30)

    def mass(low: np.ndarray, high: np.ndarray, n: int) -> float:
        """What lies in the rectangle, by the midpoints of n x n cells."""
        axes = [low[i] + (high[i] - low[i]) * (np.arange(n) + 0.5) / n for i in (0, 1)]
        places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        return float(vb.log_prob(places).exp().sum()) * np.prod((high - low) / n)

    assert mass(np.array([-12.0, -14.0]), np.array([24.0, 20.0]), 600) == pytest.approx(1, abs=0.01)
    far = [[14.0, 9.0]]
    assert vb.log_prob(far) > vb.plug_in_log_prob(far) + 3
    drawn = vb.sample(200_000, generator=torch.Generator().manual_seed(0)).numpy()
    inside = (np.abs(drawn - x.mean(axis=0)) < 1).all(axis=1).mean()
    low, high = x.mean(axis=0) - 1, x.mean(axis=0) + 1
    assert inside == pytest.approx(mass(low, high, 200), abs=0.005)


def test_a_single_gaussian_is_the_conjugate_update():
    x = IRIS[:20, :2]
    vb = ours(x, "full", "dirichlet", k=1)
    iterate(vb, 1)
    n, mean = len(x), x.mean(axis=0)
    scatter = (x - mean).T @ (x - mean)
    away = mean - vb.prior.means[0].numpy()
    offset = np.outer(away, away)
    w_inverse = np.cov(x.T) + scatter + n / (n + 1) * offset
    np.testing.assert_allclose(vb.parameters.covariances[0] * (2 + n), w_inverse, rtol=1e-10)
    t = stats.multivariate_t(vb.parameters.means[0], w_inverse * (n + 2) / ((n + 1) * (n + 1)), df=n + 1)
    np.testing.assert_allclose(vb.log_prob(x), t.logpdf(x), rtol=1e-9)


def test_the_concentration_changes_on_the_way():
    vb = engines.create("variational_gmm", data=IRIS, device="cpu", concentration=0.01)
    while not vb.done:
        vb.step()
    other = rebuild(vb, concentration=1000.0)
    other.load_state_dict(vb.state_dict())
    assert not other.done
    while not other.done:
        other.step()
    assert other.frame().scalars["alive"] > vb.frame().scalars["alive"]
    with pytest.raises(ValueError, match="start again to change the number of components"):
        rebuild(vb, n_components=4).load_state_dict(vb.state_dict())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"n_components": 0}, "n_components must be at least 1, got 0"),
        ({"covariance_type": "tied"}, "covariance_type 'tied' is not known; choose one of full, diag"),
        ({"weight_prior": "uniform"}, "weight_prior 'uniform' is not known"),
        ({"concentration": 0.0}, "concentration must be above zero, got 0.0"),
        ({"mean_precision": -1.0}, "mean_precision must be above zero"),
        ({"init": "given"}, "init 'given' needs 10 means"),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings, said):
    with pytest.raises(ValueError, match=said):
        VariationalGMMConfig(**settings)


def test_points_without_a_width_are_refused():
    with pytest.raises(ValueError, match="n_components is 10 but all 20 points are the same: use at most 1"):
        engines.create("variational_gmm", data=np.ones((20, 2)), device="cpu")
    with pytest.raises(ValueError, match="all points are the same, which leaves the prior without a width"):
        engines.create("variational_gmm", data=np.ones((20, 2)), n_components=1, device="cpu")
    with pytest.raises(ValueError, match="degrees_of_freedom must be above 3 for 4 dimensions"):
        engines.create("variational_gmm", data=IRIS, degrees_of_freedom=3.0, device="cpu")
