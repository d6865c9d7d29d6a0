"""The figures that the page shows for a step, held against the engine's own next step and SciPy."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import engines
from engines import data
from engines.engine import Frame
from pages.mixtures import gmm_digits
from pages.mixtures.gmm_numbers import clusters, mixture, shares_of
from pages.ui.maths import latex, number

X = data.load("overlap", n=150, seed=3).x
GARBAGE = [None, "", "abc", "9" * 5000, -1, -(10**30), 10**30, 1e308, math.nan, math.inf, [], [1], {}, True, "2", 2.9]


@pytest.fixture
def tex(monkeypatch) -> None:
    """Formulas as their LaTeX, which can be read."""
    monkeypatch.setattr("pages.ui.maths.latex", lambda formula: formula)


def run(name: str, steps: int, **settings: Any) -> list[Frame]:
    engine = engines.create(name, data=X, device="cpu", **{"n_components": 3, "seed": 1, **settings})
    frames = [engine.frame()]
    for _ in range(steps):
        engine.step()
        frames.append(engine.frame())
    return frames


def value(text: str) -> float:
    """A number as the page writes it: 1,234.5 with thin spaces, a minus sign, a power of ten."""
    text = text.replace(r"\,", "").replace("\u2009", "").replace("−", "-")
    text = re.sub(r"\\cdot 10\^\{(-?\d+)\}", r"e\1", text)
    return float(text)


def maths(blocks: list[dict[str, Any]], start: str) -> str:
    """The right-hand side of the one formula that begins with ``start``."""
    found = [block["math"] for block in blocks if block.get("math", "").startswith(start)]
    assert len(found) == 1
    return found[0].rpartition("=")[2].strip()


def table(blocks: list[dict[str, Any]]) -> list[list[str]]:
    return next(block["table"] for block in blocks if "table" in block)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_a_density_above_one_is_explained_where_it_is_one(unit: float):
    engine = engines.create("gmm", data=X * unit, device="cpu", n_components=3, seed=1)
    engine.step()
    frame = engine.frame()
    blocks = mixture(frame, X * unit, {"point": 3})
    above = float(engine.log_prob(X[3:4] * unit)) > 0
    assert above == (unit < 1)
    assert any("unit of the data" in block.get("text", "") for block in blocks) == above


# -- how a point is shared ----------------------------------------------------------------------------


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_shares_are_bayes_rule(covariance_type):
    for frame in run("gmm", 5, covariance_type=covariance_type)[::2]:
        weights, means, covariances = (frame.arrays[name] for name in ("weights", "means", "covariances"))
        for point in X[::25]:
            pi, density, gamma = shares_of(frame, point)
            truth = np.array([multivariate_normal(m, c).pdf(point) for m, c in zip(means, covariances, strict=True)])
            np.testing.assert_array_equal(pi, weights)
            np.testing.assert_allclose(density, truth, rtol=1e-9)
            np.testing.assert_allclose(gamma, weights * truth / (weights * truth).sum(), rtol=1e-9)


def test_shares_sum_to_one_where_every_density_underflows():
    _, density, gamma = shares_of(run("gmm", 4)[-1], np.array([1e6, -1e6]))
    assert (density == 0).all()
    assert gamma.sum() == pytest.approx(1)


@pytest.mark.usefixtures("tex")
def test_a_points_table_shows_what_the_next_e_step_makes_of_it():
    frames = run("gmm", 5)
    assert [frame.phase for frame in frames] == ["start", "E", "M", "E", "M", "E"]
    for now, after in ((frames[0], frames[1]), (frames[2], frames[3]), (frames[4], frames[5])):
        for i in (0, 60, 149):
            head, *rows, total = table(mixture(now, X, {"point": i}))
            assert head == ["k", "πₖ", "N(x | k)", "πₖ N(x | k)", "γₖ"]
            assert [row[0] for row in rows] == ["1", "2", "3"]
            shown = [float(row[4]) for row in rows]
            np.testing.assert_allclose(shown, after.arrays["responsibilities"][i], atol=6e-5)
            for row in rows:
                assert value(row[1]) * value(row[2]) == pytest.approx(value(row[3]), rel=1e-2, abs=1e-12)
            assert total[0] == "sum"
            assert sum(value(row[3]) for row in rows) == pytest.approx(value(total[3]), rel=1e-2)


@pytest.mark.usefixtures("tex")
def test_a_points_formulas_agree_with_its_table():
    blocks = mixture(run("gmm", 4)[-1], X, {"point": 11})
    _, *rows, total = table(blocks)
    top = max(rows, key=lambda row: float(row[4]))
    with_values = [block["math"] for block in blocks if block.get("math", "").startswith(rf"\gamma_{{{top[0]}}} =")][1]
    above, below, gamma = re.fullmatch(r".*? = \\frac\{(.*)\}\{(.*)\} = ([\d.]+)", with_values).groups()
    assert value(above) == pytest.approx(value(top[3]), rel=1e-3)
    assert value(below) == pytest.approx(value(total[3]), rel=1e-3)
    assert value(above) / value(below) == pytest.approx(float(gamma), abs=1e-3)
    log_p = float(maths(blocks, r"\log p(x)").split("\\")[0])
    assert log_p == pytest.approx(math.log(value(total[3])), abs=1e-3)


def test_a_point_far_from_all_gets_a_sentence_instead_of_a_logarithm_of_zero():
    far = np.vstack([X, [[1e6, 1e6]]])
    blocks = mixture(run("gmm", 4)[-1], far, {"point": len(X)})
    assert "too small for a number" in blocks[-1]["text"]


# -- what the M step makes of a component ----------------------------------------------------------


@pytest.mark.usefixtures("tex")
@pytest.mark.parametrize("k", range(3))
def test_figures_before_an_m_step_are_the_parameters_after_it(k):
    frames = run("gmm", 8)
    for now, after in ((frames[1], frames[2]), (frames[5], frames[6])):
        assert (now.phase, after.phase) == ("E", "M")
        blocks = mixture(now, X, {"component": k})
        assert "next M step will move" in blocks[-2]["text"]
        held(blocks, after, k)
        held(mixture(after, X, {"component": k}), after, k)  # and after it, the same are said to be the parameters
        assert "has just made these" in mixture(after, X, {"component": k})[-2]["text"]


def held(blocks: list[dict[str, Any]], after: Frame, k: int) -> None:
    """The figures in the formulas are the parameters of ``after``."""
    index = rf"_{{{k + 1}}} ="
    assert float(maths(blocks, "N" + index)) == pytest.approx(after.arrays["counts"][k], abs=0.006)
    assert float(maths(blocks, r"\pi" + index)) == pytest.approx(after.arrays["weights"][k], abs=6e-5)
    mean = re.findall(r"-?[\d.]+", maths(blocks, r"\mu" + index))
    np.testing.assert_allclose([float(part) for part in mean], after.arrays["means"][k], atol=6e-4)
    matrix = re.search(r"pmatrix\}(.*)\\end", maths(blocks, r"\Sigma" + index)).group(1)
    rows = [[value(cell) for cell in row.split("&")] for row in matrix.split(r"\\")]
    np.testing.assert_allclose(rows, after.arrays["covariances"][k], rtol=1e-3, atol=2e-5)


@pytest.mark.usefixtures("tex")
def test_the_table_shows_the_parameters_at_hand():
    frame = run("gmm", 7)[-1]
    rows = dict(table(mixture(frame, X, {"component": 1}))[1:])
    assert float(rows["weight"]) == pytest.approx(frame.arrays["weights"][1], abs=6e-5)
    mean, variances = ([value(part) for part in rows[key].strip("()").split(",")] for key in ("mean", "variances"))
    np.testing.assert_allclose(mean, frame.arrays["means"][1], rtol=1e-3)
    np.testing.assert_allclose(variances, np.diag(frame.arrays["covariances"][1]), rtol=1e-3)
    assert value(rows["covariance"]) == pytest.approx(frame.arrays["covariances"][1][0, 1], rel=1e-3)


@pytest.mark.usefixtures("tex")
def test_where_not_all_points_are_shown_no_sum_pretends_to_be_whole():
    engine = engines.create("gmm", data=X, n_components=3, seed=1, shown=50, device="cpu")
    engine.step()
    frame = engine.frame()
    blocks = mixture(frame, X[engine.shown], {"component": 0})
    assert float(maths(blocks, "N_{1} =")) == pytest.approx(frame.arrays["counts"][0], abs=0.006)
    assert not any(r"\Sigma" in block.get("math", "") for block in blocks)


@pytest.mark.filterwarnings("error")
def test_a_component_that_holds_nothing_says_so():
    means = ((0.0, 0.0), (1.0, 0.0), (1e4, 1e4))
    frame = run("gmm", 1, init="given", means=means)[-1]
    assert frame.arrays["counts"][2] == 0
    blocks = mixture(frame, X, {"component": 2})
    assert "nan" not in repr(blocks).lower()
    assert any("holds no point" in block.get("text", "") for block in blocks)


# -- k-means ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("tex")
def test_clusters_show_the_distances_and_the_nearest_mean():
    for frame in run("kmeans", 4):
        for i in (0, 70, 149):
            blocks = clusters(frame, X, {"point": i})
            squares = ((frame.arrays["means"] - X[i]) ** 2).sum(axis=1)
            _, *rows = table(blocks)
            np.testing.assert_allclose([value(row[1]) for row in rows], squares, rtol=1e-3)
            nearest = int(np.argmin(squares))
            assert [row[2] for row in rows] == ["1" if k == nearest else "0" for k in range(3)]
            assert maths(blocks, r"\operatorname{argmin}_k") == str(nearest + 1)


@pytest.mark.usefixtures("tex")
def test_a_cluster_shows_the_centre_of_its_points():
    frame = run("kmeans", 4)[-1]
    assert frame.phase == "M"
    for k in range(3):
        mine = frame.arrays["responsibilities"][:, k] == 1
        blocks = clusters(frame, X, {"component": k})
        assert float(maths(blocks, f"N_{{{k + 1}}} =")) == mine.sum()
        mean = [float(part) for part in re.findall(r"-?[\d.]+", maths(blocks, rf"\mu_{{{k + 1}}} ="))]
        np.testing.assert_allclose(mean, X[mine].mean(axis=0), atol=6e-4)


# -- what a browser may send --------------------------------------------------------------------------


@pytest.mark.usefixtures("tex")
@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda value: repr(value)[:12])
def test_a_garbled_pick_never_raises(garbage):
    soft, hard = run("gmm", 2)[-1], run("kmeans", 2)[-1]
    for pick in ({"point": garbage}, {"component": garbage}, {"point": garbage, "component": garbage}, {"x": garbage}):
        assert mixture(soft, X, pick)
        assert clusters(hard, X, pick)
        assert gmm_digits._explain(soft, pick, 150)


def test_a_pick_beyond_the_ends_means_the_nearest():
    frame = run("gmm", 2)[-1]
    assert "Point 149" in mixture(frame, X, {"point": 10**9})[0]["text"]
    assert "Point 0 " in mixture(frame, X, {"point": -5})[0]["text"]
    assert "Component 3 " in mixture(frame, X, {"component": 99})[0]["text"]


# -- how numbers are written ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "plain", "formula"),
    [
        (0.0, "0", "0"),
        (-0.0, "0", "0"),
        (0.123456, "0.1235", "0.1235"),
        (-2.5, "−2.5", "-2.5"),
        (12345.67, "12\u2009345.7", r"12\,345.7"),
        (-12345.67, "−12\u2009345.7", r"-12\,345.7"),
        (1e-8, "1.00e−8", r"1.00\cdot 10^{-8}"),
        (-3.21e12, "−3.21e12", r"-3.21\cdot 10^{12}"),
        (math.inf, "∞", r"\infty"),
        (-math.inf, "-∞", r"-\infty"),
        (math.nan, "NaN", r"\text{NaN}"),
        (np.float32(0.5), "0.5", "0.5"),
    ],
)
def test_numbers_are_written_with_four_digits(given, plain, formula):
    assert number(given) == plain
    assert number(given, tex=True) == formula


def test_every_number_survives_its_way_to_the_page():
    for exponent in range(-300, 300, 7):
        for sign in (1, -1):
            given = sign * 1.2345 * 10.0**exponent
            for text in (number(given), number(given, tex=True)):
                assert value(text) == pytest.approx(given, rel=6e-3)


def test_formulas_become_mathml():
    soft, hard = run("gmm", 2)[-1], run("kmeans", 2)[-1]
    for explain, frame in ((mixture, soft), (clusters, hard)):
        for pick in ({"point": 3}, {"component": 1}):
            shown = [block["math"] for block in explain(frame, X, pick) if "math" in block]
            assert shown
            for text in shown:
                assert text.startswith("<math")
                assert text.endswith("</math>")
                assert "\\" not in text
    assert "<mfrac>" in latex(r"\frac{1}{2}")
