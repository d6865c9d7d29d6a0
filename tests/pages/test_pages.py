"""The mixture page run as Streamlit runs it, without a browser: settings, widgets, uploads, and what goes wrong."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engines import devices
from engines.data import read_csv
from pages.catalogue import PAGES
from pages.mixtures import gmm_digits, gmm_notes, gmm_runs, own_table
from pages.ui import live, stage
from pages.ui.hand import pairs
from pages.ui.stage import session
from tests.pages.app import config, finish, on_stage, opened, press, said, sound, value

pytestmark = pytest.mark.usefixtures("alone")

POINTS_SETS = ("iris", "blobs", "stretched", "overlap", "moons", "ring", "wine", "cancer", "mnist", "draw")
GOOD_CSV = b"a,b\n1,2\n3,4\n5,9\n8,8\n2,1\n"


# -- the mixture page: good addresses ------------------------------------------------------------------


@pytest.mark.parametrize("data", POINTS_SETS)
def test_every_data_set_under_both_methods(data):
    at = opened(data=data, compare="true", k="2", n="120")
    assert said(at) == []
    assert config(at).n_components == 2
    assert on_stage(at).run.engine.name == "gmm"
    assert on_stage(at, "gmm:rival").run.engine.name == "kmeans"
    if data in ("blobs", "stretched", "overlap", "moons", "ring", "mnist"):
        assert on_stage(at).base["points"] == 120
    one, other = on_stage(at), on_stage(at, "gmm:rival")
    assert np.array_equal(one.base["cloud"]["x"], other.base["cloud"]["x"])
    np.testing.assert_array_equal(*(held.run.history.last.arrays["means"] for held in (one, other)))  # one start


@pytest.mark.parametrize("cov", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("init", ["kmeans++", "random", "bad"])
def test_every_covariance_and_start(cov, init):
    at = opened(data="blobs", cov=cov, init=init, reg="1e-3", seed="42", k="4")
    assert said(at) == []
    made = config(at)
    assert (made.covariance_type, made.init, made.regularisation, made.seed) == (cov, init, 1e-3, 42)


@pytest.mark.parametrize("k", ["1", "16"])
def test_k_means_alone_and_the_ends_of_k(k):
    at = opened(method="k-means", k=k, compare="true")
    assert said(at) == []
    assert on_stage(at).run.engine.name == "kmeans"
    assert on_stage(at, "gmm:rival").run.engine.name == "gmm"
    assert config(at).n_components == int(k)


def test_digits(monkeypatch):
    monkeypatch.setattr(gmm_digits, "N_IMAGES", 200)
    monkeypatch.setattr(gmm_digits, "images", lru_cache(gmm_digits.images.__wrapped__))  # nothing cached before
    at = opened(view="digits", dims="10", k="2", compare="true", digit="3")
    assert said(at) == []
    assert on_stage(at).run.engine.data.shape == (200, 10)
    assert on_stage(at, "gmm:rival") is None  # nothing to compare with on images
    held = on_stage(at)
    cells = held.draw(held.run.history.last)["images"]
    assert cells.shape == (5 * 2, 28, 28)  # a mean and four samples of two components
    assert cells.dtype == np.uint8
    assert cells.std() > 10
    for _ in range(9):
        at = press(at, "Draw a sample")
    assert len(at.session_state["gmm:samples"]) == 8
    image, component, step = at.session_state["gmm:samples"][-1]
    assert image.shape == (28, 28)
    assert component in (0, 1)
    assert step == 0


def test_present_and_scene_are_the_apps_own_parameters():
    at = opened(present="1", scene="too-many", data="blobs", k="8")
    assert said(at) == []
    assert config(at).n_components == 8
    assert any("cut three clusters into pieces" in element.value for element in at.markdown)


# -- the mixture page: bad addresses -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text", "named", "used"),
    [
        ("k", "99", "k is 99", 3),
        ("k", "0", "k is 0", 3),
        ("k", "abc", "`abc`", 3),
        ("k", "", "(empty)", 3),
        ("k", "nan", "`nan`", 3),
        ("k", "1e999", "`1e999`", 3),
        ("k", "5.5", "`5.5`", 3),
        ("n", "49", "n is 49", 400),
        ("seed", "-1", "seed is -1", 0),
        ("seed", "10000", "seed is 10000", 0),
        ("data", "nope", "`nope`", "iris"),
        ("cov", "", "(empty)", "full"),
        ("method", "em", "`em`", "EM"),
        ("reg", "1e-5", "`1e-5`", "1e-6"),
        ("view", "<script>", "`<script>`", "points"),
        ("k", "1e1", "`1e1`", 3),
        ("seed", "9" * 400, "9999…", 0),
        ("k", "16.9", "16.9", 3),
        ("k", "0.5", "0.5", 3),
        ("compare", "1", "`1`", False),
        ("digit", "10", "`10`", "all"),
    ],
)
def test_a_wrong_value_is_named_and_what_is_used_is_said(key, text, named, used):
    at = opened(**{key: text})
    sentences = said(at)
    assert len(sentences) == 1
    assert named in sentences[0]
    assert f", {str(used).lower() if used is False else used}, is used instead" in sentences[0]
    assert value(at, key) == used
    assert on_stage(at) is not None


@pytest.mark.parametrize(("key", "text", "used"), [("k", "5.0", 5), ("compare", "TRUE", True)])
def test_other_ways_to_write_a_good_value_are_taken(key, text, used):
    at = opened(**{key: text})
    assert said(at) == []
    assert value(at, key) == used


def test_an_unknown_setting_is_named_and_leaves_the_address():
    at = opened(foo="1", data="blobs")
    assert len(said(at)) == 1
    assert "`foo`" in said(at)[0]
    assert dict(at.query_params) == {"data": "blobs"}
    assert value(at, "data") == "blobs"


def test_several_faults_are_one_box_until_understood():
    at = opened(foo="1", k="99", data="nope")
    assert len(at.warning) == 1
    assert all(name in at.warning[0].value for name in ("`foo`", "99", "`nope`"))
    at = sound(at.slider(key="gmm:k").set_value(4).run())
    assert len(at.warning) == 1
    at = press(at, "Understood")
    assert said(at) == []
    assert config(at).n_components == 4


def test_an_unknown_scene_is_named():
    at = opened(scene="nowhere")
    assert len(said(at)) == 1
    assert "`nowhere`" in said(at)[0]
    assert all(name in said(at)[0] for name in gmm_notes.SCENES)


# -- widgets ----------------------------------------------------------------------------------------


def test_k_restarts_covariance_applies_live():
    at = opened(data="blobs")
    first = on_stage(at)
    finish(at)
    at = sound(at.selectbox(key="gmm:cov").set_value("tied").run())
    assert on_stage(at) is first
    assert len(first.run.history) > 5
    assert config(at).covariance_type == "tied"
    at = sound(at.selectbox(key="gmm:reg").set_value("1e-2").run())
    assert on_stage(at) is first
    assert config(at).regularisation == 0.01
    at = sound(at.slider(key="gmm:k").set_value(5).run())
    assert on_stage(at) is not first
    assert config(at).n_components == 5
    assert config(at).covariance_type == "tied"
    assert live.TABLE.get(first.token) is None
    assert len(live.TABLE) == 1


def test_a_run_that_nothing_changes_is_kept():
    at = opened()
    first = on_stage(at)
    for _ in range(3):
        at = sound(at.run())
        assert on_stage(at) is first


def test_restart_and_new_seed():
    at = opened(data="blobs", seed="9999")
    first, start = on_stage(at), on_stage(at).run.history.last.arrays["means"]
    finish(at)
    at = press(at, "Restart")
    assert on_stage(at) is not first
    assert len(on_stage(at).run.history) == 1
    assert np.array_equal(on_stage(at).run.history.last.arrays["means"], start)
    at = press(at, "New seed")
    assert config(at).seed == 0  # and not out of range
    assert not np.array_equal(on_stage(at).run.history.last.arrays["means"], start)


@pytest.mark.parametrize("name", list(gmm_notes.SCENES))
def test_scenes_set_their_settings_and_their_cures(name):
    scene = gmm_notes.SCENES[name]
    at = opened(data="moons", k="9", cov="diag", seed="77")  # the scene must undo all of these
    for key, settings in ((f"gmm:scene:{name}", scene.link), ("gmm:cure", scene.cure)):
        at = sound(at.button(key=key).click().run())
        assert said(at) == []
        assert at.query_params["scene"] in (name, [name])
        for setting in ("data", "n", "k", "init", "seed", "reg", "compare", "cov", "method"):
            default = {"data": "iris", "n": 400, "k": 3, "init": "kmeans++", "seed": 0, "reg": "1e-6"}
            default |= {"compare": False, "cov": "full", "method": "EM"}
            assert value(at, setting) == settings.get(setting, default[setting])
        assert config(at).n_components == settings.get("k", 3)
        assert len(on_stage(at).run.history) == 1
    at = sound(at.button(key="gmm:leave").click().run())
    assert "scene" not in at.query_params
    assert not any(str(scene.text)[:40] in element.value for element in at.markdown)


def test_scenes_keep_what_their_text_promises():
    ends = {}
    for kind in ("link", "cure"):
        at = opened(**{key: str(value) for key, value in getattr(gmm_notes.SCENES["local-optimum"], kind).items()})
        finish(at)
        ends[kind] = on_stage(at).run.history.last.scalars["log_likelihood"]
    assert ends["cure"] > ends["link"] + 200
    collapse = {key: str(value) for key, value in gmm_notes.SCENES["collapse"].link.items()}
    at = opened(**collapse)
    run = on_stage(at).run
    run.play()
    assert run.wait(20).state == "failed"
    assert "collapsed" in run.status.message
    assert len(run.history) > 3
    at = opened(**collapse | {"reg": "1e-2"})
    finish(at)


def test_bic_is_lowest_where_the_clusters_are():
    at = press(opened(data="blobs", n="150"), "BIC for every K")
    assert any("BIC is lowest at K = 3" in element.value for element in at.markdown)
    assert len(at.get("plotly_chart")) == 1
    at = press(at, "Close")
    assert len(at.get("plotly_chart")) == 0
    assert said(at) == []


def test_bic_of_fewer_points_than_components():
    at = opened(data="draw", state={"gmm:drawn": gmm_runs.STARTER[:4], "gmm:bic": True})
    assert any("at K = 4" in element.value for element in at.markdown)
    at = opened(data="draw", k="1", state={"gmm:drawn": gmm_runs.STARTER[:1], "gmm:bic": True})
    assert any("BIC is lowest at K = 1" in element.value for element in at.markdown)


@pytest.mark.parametrize("n", [0, 1])
def test_bic_of_hardly_any_points_is_no_fault(n):
    opened(data="draw", reg="0", state={"gmm:drawn": gmm_runs.STARTER[:n], "gmm:bic": True})


# -- questions --------------------------------------------------------------------------------------


def asked(number: int, answer: Any, at: AppTest | None) -> tuple[bool, str]:
    """What a question says to an answer, as it would in the session of ``at``."""
    record = on_stage(at) if at is not None else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "current", lambda _slot: record)
        return gmm_notes.questions()[number].check(answer)


def not_yet(number: int, answer: Any, at: AppTest | None) -> None:
    """It is said that it cannot be asked yet, which is no wrong answer."""
    with pytest.raises(ValueError, match="There is no run"):
        asked(number, answer, at)


def test_questions_are_answered_from_the_viewers_own_run():
    at = opened(data="blobs")
    not_yet(0, 3, at)
    on_stage(at).run.step()
    on_stage(at).run.wait(5)
    not_yet(0, 3, at)
    not_yet(1, "M", at)  # nothing has moved yet
    finish(at)
    frames = on_stage(at).run.history.after(-1)
    final = frames[-1].scalars["log_likelihood"]
    near = next(f.scalars["iteration"] for f in frames if f.phase == "M" and f.scalars["log_likelihood"] >= final - 1)
    assert asked(0, near, at)[0] is True
    assert asked(0, near + 1, at)[0] is False
    assert f"it took {near:.0f} iteration" in asked(0, -5, at)[1]
    assert asked(1, "M", at)[0] is True
    assert asked(1, "E", at)[0] is False
    assert "by 0 over the E steps" in asked(1, "E", at)[1]
    top = 100 * frames[-1].arrays["weights"].max()
    assert asked(2, round(top), at)[0] is True
    assert asked(2, round(top) + 1, at)[0] is False
    assert asked(2, top + 5, at)[0] is False
    assert f"{top:.1f} %" in asked(2, 0, at)[1]


def test_questions_without_a_run_say_so():
    for number, answer in enumerate((3, "M", 50)):
        not_yet(number, answer, None)


def test_questions_under_k_means_are_no_fault():
    at = opened(method="k-means", data="blobs")
    finish(at)
    with pytest.raises(ValueError, match="no run of EM"):  # a log-likelihood is asked about
        asked(0, 3, at)
    for number, answer in ((1, "M"), (2, 30)):
        right, sentence = asked(number, answer, at)
        assert isinstance(right, bool)
        assert sentence


def test_the_try_it_tab_checks_an_answer():
    at = opened(data="blobs", state={"gmm:tabs": "Try it"})
    finish(at)
    assert len(at.radio) == 1
    at.radio[0].set_value("M")
    at = sound(next(b for b in at.button if b.label == "Check" and "try:1" in b.proto.form_id).click().run())
    assert "In your run the means moved by" in at.success[0].value
    at = sound(next(b for b in at.button if b.label == "Check" and "try:0" in b.proto.form_id).click().run())
    assert at.info[0].value == "Give an answer first."


def test_the_source_tab_shows_the_engine_as_it_is():
    at = opened(state={"gmm:tabs": "Source"})
    assert at.code[0].value.strip() == (PAGES.parent / "engines/mixtures/gmm.py").read_text(encoding="utf-8").strip()


# -- forks --------------------------------------------------------------------------------------------


def test_a_fork_stands_beside_its_run_and_goes():
    at = opened(data="blobs")
    finish(at)
    first = on_stage(at)
    at.session_state["gmm:fork-at"] = 3
    at = sound(at.run())
    at = sound(at.selectbox(key="gmm:fork:Covariance").set_value("spherical").run())
    at = press(at, "Branch")
    fork = on_stage(at, "gmm:rival")
    assert on_stage(at) is first
    assert fork.run.status.step == 3
    assert fork.run.engine.config.covariance_type == "spherical"
    at = press(at, "Back to one run")
    assert on_stage(at, "gmm:rival") is None
    assert on_stage(at) is first


def test_a_fork_goes_with_the_run_that_it_left():
    at = opened(data="blobs")
    finish(at)
    at.session_state["gmm:fork-at"] = 2
    at = press(sound(at.run()), "Branch")
    assert on_stage(at, "gmm:rival") is not None
    at = sound(at.slider(key="gmm:k").set_value(4).run())
    assert on_stage(at, "gmm:rival") is None
    assert len(live.TABLE) == 1


def test_a_fork_from_nowhere_is_a_sentence():
    at = opened(data="blobs")
    at.session_state["gmm:fork-at"] = -3
    at = press(sound(at.run()), "Branch")
    assert len(said(at)) == 1
    assert "step -3 is not in this run's history" in said(at)[0]
    at = press(at, "Cancel")
    assert said(at) == []


# -- the viewer's own points ----------------------------------------------------------------------------


@pytest.mark.parametrize("compare", ["false", "true"])
@pytest.mark.parametrize("method", ["EM", "k-means"])
@pytest.mark.parametrize(("n", "sentence"), [(0, "there are no points"), (1, "only 1 point"), (2, "only 2 points")])
def test_too_few_points_are_shown_with_one_sentence(n, sentence, method, compare):
    at = opened(data="draw", method=method, compare=compare, state={"gmm:drawn": gmm_runs.STARTER[:n]})
    assert len(said(at)) == 1
    assert sentence in said(at)[0]
    assert on_stage(at).base["points"] == n
    at.session_state["gmm:drawn"] = gmm_runs.STARTER
    at = sound(at.run())
    assert said(at) == []
    assert on_stage(at).base["points"] == len(gmm_runs.STARTER)


def test_as_many_points_as_components_run():
    at = opened(data="draw", k="3", state={"gmm:drawn": gmm_runs.STARTER[:3]})
    assert said(at) == []
    finish(at)


def test_identical_points():
    same = {"gmm:drawn": np.ones((20, 2))}
    assert "all 20 points are the same: use at most 1" in said(opened(data="draw", state=same))[0]
    at = opened(data="draw", k="1", state=same)
    assert said(at) == []
    finish(at)
    held = on_stage(at)
    for frame in held.run.history.after(-1):
        live.pack(live.picture(held, frame))
    at = opened(data="draw", k="1", reg="0", state=same)
    assert len(said(at)) == 1
    assert "all points are the same" in said(at)[0]


def test_points_from_the_browser_are_cleaned():
    event = {"x": [0, 1, None, float("nan"), 4, 5], "y": [0, 1, 2, 3, float("inf")]}
    assert pairs(event).tolist() == [[0, 0], [1, 1]]
    assert pairs({}).shape == (0, 2)


# -- uploads ------------------------------------------------------------------------------------------

BAD_FILES = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n ", "is empty"),
    "binary": (bytes(range(256)) * 4, "not text"),
    "one column": (b"a\n1\n2\n3\n4\n", "1 column"),
    "text": (b"name,town\nann,ulm\nbob,bonn\neve,kiel\nmax,jena\n", "at least 2 columns of numbers"),
    "NaN": (b"a,b\n1,2\n3,nan\n5,6\n7,8\n", "not a finite number"),
    "infinity": (b"a,b\n1,2\n3,4\ninf,6\n7,8\n", "not a finite number"),
    "ragged": (b"a,b\n1,2\n3,4,5\n6,7\n", "row 3 has 3 cells"),
    "missing": (b"a,b\n1,2\n3,\n5,6\n7,8\n", "is empty"),
    "huge numbers": (b"a,b\n1e90,2e90\n3e90,4e90\n5e90,6e90\n7e90,1e90\n", r"1e\+30"),
    "a header alone": (b"a,b\n", "at least 2 are needed"),
    "fewer rows than K": (b"1,2\n3,4\n", "only 2 points"),
}


def upload(at: AppTest, raw: bytes, name: str = "points.csv") -> AppTest:
    return sound(at.file_uploader[0].set_value((name, raw, "text/csv")).run())


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_one_sentence_and_nothing_of_the_file_before_stays(name):
    at = upload(opened(data="csv"), GOOD_CSV)
    assert said(at) == []
    finish(at)
    before = on_stage(at)
    raw, sentence = BAD_FILES[name]
    at = upload(at, raw)
    assert len(said(at)) == 1
    assert "\n" not in said(at)[0]
    assert re.search(sentence, said(at)[0])
    left = on_stage(at)
    assert left is not before
    assert left is None or left.base["points"] == 2  # too few to fit, and shown
    at = upload(at, GOOD_CSV)
    assert said(at) == []
    finish(at)


@pytest.mark.parametrize("hosted", ["", "1"])
def test_a_file_over_the_limit_names_it(monkeypatch, hosted):
    monkeypatch.setenv("LAB_HOSTED", hosted)
    limit = devices.limits().max_upload_bytes
    assert limit == (1_000_000 if hosted else 10_000_000)
    at = opened(data="csv")
    raw = b"1.5,2.5\n" * (limit // 8 + 1)
    at = upload(at, raw)
    assert len(said(at)) == 1
    assert f"{limit:,}" in said(at)[0]
    assert f"up to {limit / 1e6:.0f} MB" in at.file_uploader[0].help


def test_a_hosted_server_takes_fewer_rows(monkeypatch):
    monkeypatch.setenv("LAB_HOSTED", "1")
    rows = b"".join(b"%d,%d\n" % (i, i * i % 97) for i in range(20_001))
    at = upload(opened(data="csv"), rows)
    assert "more than 20,000 rows" in said(at)[0]
    monkeypatch.delenv("LAB_HOSTED")
    at = upload(opened(data="csv"), rows)
    assert said(at) == []
    assert len(on_stage(at).run.engine.data) == 20_001


def test_a_good_file_is_told_about_and_drawn():
    at = upload(opened(data="csv", k="2"), GOOD_CSV, "mine.csv")
    told = next(caption.value for caption in at.caption if "mine.csv" in caption.value)
    assert "5 rows, columns `a`, `b`. Cells parted by" in told
    assert len(at.dataframe[0].value) == 4
    assert on_stage(at).base["layout"]["xaxis"]["title"] == "a"
    finish(at)
    wide = b"name,p,q,r\n" + b"".join(b"n%d,%d,%d,%d\n" % (i, i, i * i % 7, 3) for i in range(12))
    at = upload(at, wide)
    assert said(at) == []
    assert any("Left out because they hold text: `name`" in caption.value for caption in at.caption)
    assert "PC 1" in on_stage(at).base["layout"]["xaxis"]["title"]
    finish(at)


@pytest.mark.parametrize("offset", [1.6e9, -4.5e6, 1e12, 3e5])
def test_numbers_far_from_zero_keep_their_shape(offset):
    """Dates in seconds, map coordinates: their spread is small against their size."""
    near = np.random.default_rng(0).normal(size=(60, 2)) * [20, 3]
    near = np.rint(100 * near) / 100  # two decimals, as the file has
    rows = "x,y\n" + "".join(f"{offset + a:.2f},{b:.2f}\n" for a, b in near)
    at = upload(opened(data="csv", k="2"), rows.encode())
    assert said(at) == []
    finish(at)
    shown = on_stage(at).base["cloud"]["x"].astype(np.float64)
    np.testing.assert_allclose(shown - shown.mean(), near[:, 0] - near[:, 0].mean(), atol=0.02)
    if abs(offset) > 1e6:
        assert on_stage(at).base["layout"]["xaxis"]["title"].startswith("x " + ("+" if offset < 0 else "−"))
        assert on_stage(at).base["layout"]["yaxis"]["title"] == "y"


def test_a_constant_column_far_out_runs():
    at = upload(opened(data="csv", k="2"), b"a,b\n" + b"1e12,7\n1e12,8\n" * 6)
    assert said(at) == []
    finish(at)


def test_how_a_file_is_read_is_the_viewers_to_correct():
    at = upload(opened(data="csv", k="2"), b"a;b;c\n1.234;5.678;1\n9.012;3.456;2\n7.001;1.002;5\n")
    assert "choose the decimal mark" in said(at)[0]
    at = sound(at.selectbox(key="gmm:csv:decimal").set_value(",").run())
    assert said(at) == []
    assert "decimals by a comma" in next(caption.value for caption in at.caption if "points.csv" in caption.value)
    at = sound(at.multiselect(key="gmm:csv:columns").set_value(["a", "b"]).run())
    assert on_stage(at).base["layout"]["xaxis"]["title"] == "a"
    at = sound(at.selectbox(key="gmm:csv:scaling").set_value("on").run())
    assert on_stage(at).base["layout"]["xaxis"]["title"] == "a, scaled"
    np.testing.assert_allclose(np.asarray(on_stage(at).run.engine.data).std(axis=0), 1)
    at = sound(at.multiselect(key="gmm:csv:columns").set_value(["b"]).run())
    assert "one column is chosen, `b`" in said(at)[0]


def test_columns_of_unlike_units_are_scaled_and_it_is_said():
    rng = np.random.default_rng(0)
    metres, grams = rng.normal(size=40), 1000 * rng.normal(size=40)
    rows = "m,g\n" + "".join(f"{a:.4f},{b:.4f}\n" for a, b in zip(metres, grams, strict=True))
    at = upload(opened(data="csv", k="2"), rows.encode())
    assert "scaled to variance one, because their spreads differ more than tenfold" in " ".join(
        caption.value for caption in at.caption
    )
    np.testing.assert_allclose(np.asarray(on_stage(at).run.engine.data).std(axis=0), 1)


def test_all_points_are_taken_away():
    x = np.random.default_rng(0).normal(size=(6000, 2))
    text = own_table.as_csv(x)
    np.testing.assert_array_equal(read_csv(text.encode(), max_bytes=10**6, max_rows=10**4).x, x)


def test_what_moved_is_said_with_its_sign():
    assert gmm_runs.moved(1.0, 3.5) == "rises by 2.5 to 3.5 nats"
    assert gmm_runs.moved(3.5, 3.48) == "falls by 0.02 to 3.48 nats"
    assert gmm_runs.moved(-7.0, -7.0 - 1e-12) == "stays at −7 nats"


def test_a_regularised_step_that_falls_is_said_to():
    cloud = gmm_runs.bundled("iris", 150)
    scene = gmm_runs.mixture_scene(cloud, n_components=3, covariance_type="diag", regularisation=0.03)
    scene.run.play()
    assert scene.run.wait(20).state == "finished"
    frames = scene.run.history.after(-1)
    said_of = {frame.step: scene.draw(frame)["caption"] for frame in frames}
    falls = 0
    for before, after in pairwise(frames):
        gain = after.scalars["log_likelihood"] - before.scalars["log_likelihood"]
        if after.phase == "M" and gain < -1e-6:
            falls += 1
            assert "falls by" in said_of[after.step]
            assert "not the exact maximum" in said_of[after.step]
        elif after.phase == "M" and gain > 1e-6:
            assert "rises by" in said_of[after.step]
    assert falls > 0


# -- many pages -----------------------------------------------------------------------------------------


def test_one_session_never_holds_more_than_its_share():
    at = opened(compare="true")
    for seed in range(6):
        at = sound(at.number_input(key="gmm:seed").set_value(seed).run())
    held = [one for one in live.TABLE._lives.values() if one.session == on_stage(at).session]
    assert len(held) == 2
    assert session() == "none"  # outside a page there is no session
