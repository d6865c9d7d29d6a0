import ast
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from engines import checkpoints, create, engine, train
from engines.checkpoints import CheckpointError, frames_as_bytes, load_frames, read, restore, save
from engines.data import bundled, images
from engines.engine import Frame
from engines.imitation import demonstrations
from engines.maths.pca import fit_pca, project, reconstruct
from tests.engines.toy import walk


@pytest.fixture(autouse=True)
def walks(monkeypatch):
    """Make the test engine known by name."""
    monkeypatch.setattr(engine, "ENGINES", {**engine.ENGINES, "walk": "tests.engines.toy:Walk"})


def saved(directory: Path, *, steps: int = 5, **extra) -> Path:
    walker = walk(seed=3, stride=0.5)
    for _ in range(steps):
        walker.step()
    return save(
        directory,
        walker,
        data={"name": "none", "sha256": "0" * 64, "split": "train"},
        metrics={"x": 1.5},
        wall_time=1.25,
        command="c",
        **extra,
    )


def edit_card(directory: Path, *, seal: bool = True, **changes) -> None:
    """Other things in the card; ``seal`` as one would who wants to be believed."""
    card = json.loads((directory / "card.json").read_text()) | changes
    if seal:
        card["checksum"] = checkpoints.checksum(card)
    (directory / "card.json").write_text(json.dumps(card))


def edit_weights(directory: Path, *, rehash: bool, **changes) -> None:
    """Other tensors in the file; ``rehash`` as one would who wants to be believed."""
    path = directory / "weights.safetensors"
    tensors = safetensors.torch.load(path.read_bytes()) | changes
    path.write_bytes(safetensors.torch.save({k: v for k, v in tensors.items() if v is not None}))
    if rehash:
        edit_card(directory, weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_round_trip_goes_on_bit_for_bit(tmp_path):
    alone = walk(seed=3, stride=0.5)
    for _ in range(12):
        alone.step()
    restored = restore(read(saved(tmp_path / "walk"), name="walk", variant=""))
    assert restored.config == alone.config
    for _ in range(7):
        restored.step()
    assert torch.equal(restored.place, alone.place)
    assert restored.steps == 12


def test_the_card_says_what_it_is(tmp_path):
    card = read(saved(tmp_path, variant="v1")).card
    assert (card["engine"], card["variant"], card["seed"], card["steps"]) == ("walk", "v1", 3, 5)
    assert card["data"] == {"name": "none", "sha256": "0" * 64, "split": "train"}
    assert card["metrics"] == {"x": 1.5}
    assert card["wall_time_s"] == 1.25
    assert card["parameter_count"] == 3
    assert card["device"].startswith("CPU")
    assert card["tensors"] == {"generator": "5056 uint8", "place": "3 float64"}
    assert card["state"] == {"steps": 5}
    assert card["versions"]["torch"] == torch.__version__
    assert len(card["commit"].removesuffix("+changes")) in (0, 40)


def test_every_kind_of_state_comes_back_with_its_type(tmp_path, monkeypatch):
    walker = walk()
    state = {
        **walker.state_dict(),
        "b": True,
        "i": -3,
        "f": 0.1,
        "whole": 2.0,
        "inf": -np.inf,
        "np": np.float64(0.3),
        "s": "é",
        "none": None,
        "t16": torch.arange(6, dtype=torch.bfloat16).view(2, 3).T,
        "scalar": torch.tensor(7),
        "mask": torch.tensor([True, False]),
        "alias": walker.place,
    }
    monkeypatch.setattr(type(walker), "state_dict", lambda _: state)
    save(tmp_path, walker, data={}, metrics={"nan": np.nan}, wall_time=0, command="")
    back = read(tmp_path).state
    assert back.keys() == state.keys()
    for key, value in state.items():
        if isinstance(value, torch.Tensor):
            assert back[key].dtype == value.dtype
            assert torch.equal(back[key], value)
        else:
            assert back[key] == value
            assert type(back[key]) is (float if key == "np" else type(value))


def test_what_json_cannot_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.engines.toy.Walk.state_dict", lambda _: {"thing": object()})
    with pytest.raises(CheckpointError, match="'thing' is a object: keep tensors, numbers, booleans or strings"):
        saved(tmp_path)
    assert list(tmp_path.iterdir()) == []


def flip_a_byte(directory: Path) -> None:
    path = directory / "weights.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


def truncate(directory: Path) -> None:
    path = directory / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:100])


def truncate_and_rehash(directory: Path) -> None:
    truncate(directory)
    raw = (directory / "weights.safetensors").read_bytes()
    edit_card(directory, weights_sha256=hashlib.sha256(raw).hexdigest())


def scramble(directory: Path) -> None:
    path = directory / "weights.safetensors"
    path.write_bytes(bytes([255]) * path.stat().st_size)
    edit_card(directory, weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def tensors(**changes) -> dict[str, str]:
    return {k: v for k, v in ({"generator": "5056 uint8", "place": "3 float64"} | changes).items() if v}


PLACE = torch.zeros(3, dtype=torch.float64)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda d: (d / "card.json").unlink(), "card.json is missing: restore it with git checkout"),
        (lambda d: (d / "card.json").write_text("{"), "card.json is damaged"),
        (lambda d: (d / "card.json").write_text("[]"), "card.json is damaged"),
        (lambda d: (d / "card.json").write_bytes(b"\xff\xfe"), "card.json is damaged"),
        (lambda d: (d / "card.json").write_text('"' + "x" * (1 << 20) + '"'), "card.json is damaged"),
        (lambda d: edit_card(d, format=3), "has format 3, this version reads 2"),
        (lambda d: edit_card(d, config=None), "lacks 'config' as dict"),
        (lambda d: edit_card(d, steps="many"), "lacks 'steps' as int"),
        (lambda d: edit_card(d, engine="gmm"), "is of engine 'gmm', not 'walk' .ask for 'gmm'.: restore it"),
        (lambda d: edit_card(d, variant="v2"), "is of variant 'v2', not ''"),
        (lambda d: edit_card(d, config={"strid": 1.0}), r"has the setting 'strid', which walk .* \(known: stride, "),
        (lambda d: edit_card(d, config={"stride": -1.0}), r"wrong setting \(stride must be > 0, got -1.0\)"),
        (lambda d: edit_card(d, config={"stride": "x"}), "wrong setting"),
        (flip_a_byte, r"weights.safetensors is damaged \(sha256 starts ....\.\., expected ....\.\.\): restore it"),
        (truncate, r"weights.safetensors is damaged \(100 bytes, the card's tensors take 5,080\)"),
        (truncate_and_rehash, r"weights.safetensors is damaged \(100 bytes"),
        (lambda d: edit_card(d, seal=False, steps=6), "does not add up to its checksum"),
        (lambda d: (d / "card.json").write_text("[" * 900_000), "card.json is damaged"),
        (lambda d: edit_card(d, config={"stride": True}), "stride must be a number, got 'True'"),
        (lambda d: edit_card(d, config={"seed": 1.5}), "seed must be a whole number, got '1.5'"),
        (lambda d: edit_card(d, config={"seed": 10**400}), "seed must be a whole number"),
        (lambda d: edit_card(d, tensors=tensors(place="9999999999x9999999999 float64")), "the limit is 209,715,200"),
        (lambda d: endless(d / "weights.safetensors"), "weights.safetensors is missing"),
        (lambda d: endless(d / "card.json"), "card.json is missing"),
        (lambda d: edit_weights(d, rehash=True, place=PLACE * float("nan")), "'place' holds numbers that are not fin"),
        (lambda d: (d / "weights.safetensors").write_bytes(b""), "weights.safetensors is damaged"),
        (lambda d: (d / "weights.safetensors").unlink(), "weights.safetensors is missing: restore it"),
        (scramble, "weights.safetensors is no safetensors file"),
        (lambda d: edit_weights(d, rehash=True, place=None), "lacks the tensor 'place'"),
        (lambda d: edit_weights(d, rehash=True, more=PLACE), "does not list the tensor 'more'"),
        (lambda d: edit_weights(d, rehash=True, place=PLACE[:2]), "'place' is 2 float64, but card.json says 3 float64"),
        (lambda d: edit_weights(d, rehash=True, place=PLACE.float()), "'place' is 3 float32, but .* says 3 float64"),
        (lambda d: edit_card(d, tensors=tensors(place=None)), "does not list the tensor 'place'"),
        (lambda d: edit_card(d, tensors=tensors(place="nonsense")), "'place' is 'nonsense', not a shape and type"),
        (
            lambda d: edit_card(d, state={}),
            "lacks 'steps' of walk's state: train it again with python",
        ),
        (lambda d: edit_card(d, state={"steps": "5"}), "'steps' is str, walk keeps int"),
        (lambda d: edit_card(d, state={"steps": 10**400}), r"damaged state \(a whole number of 401 digits\)"),
    ],
)
def test_each_damage_is_one_sentence_with_a_remedy(tmp_path, damage, said):
    directory = saved(tmp_path / "walk")
    damage(directory)
    with pytest.raises(CheckpointError, match=said) as caught:
        restore(read(directory, name="walk", variant=""))
    text = str(caught.value)
    assert "\n" not in text
    assert any(remedy in text for remedy in ("git checkout -- ", "python -m engines.train"))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (PLACE[:2], "'place' is 2 float64, walk keeps 3 float64: train it again"),
        (PLACE.float(), "'place' is 3 float32, walk keeps 3 float64: train it again"),
        (None, "lacks 'place' of walk's state: train it again"),
    ],
)
def test_two_files_that_agree_are_still_held_against_the_engine(tmp_path, place, said):
    directory = saved(tmp_path)
    edit_weights(directory, rehash=True, place=place)
    now = {} if place is None else {"place": f"{len(place)} {str(place.dtype)[6:]}"}
    edit_card(directory, tensors={"generator": "5056 uint8", **now})
    with pytest.raises(CheckpointError, match=said):
        restore(read(directory))


def test_checks_come_in_the_stated_order(tmp_path):
    """With everything wrong at once, mending one after the other meets the next check."""
    directory = saved(tmp_path)
    good = json.loads((directory / "card.json").read_text())
    edit_weights(directory, rehash=False, more=PLACE, place=torch.zeros(2), generator=torch.zeros(5056).char())
    weights_hash = hashlib.sha256((directory / "weights.safetensors").read_bytes()).hexdigest()
    edit_card(directory, engine="gmm", config={"nonsense": 1})
    mended = [
        ("is of engine", {}),
        ("has the setting 'nonsense'", {"engine": "walk"}),
        ("is damaged", {"config": good["config"]}),
        ("does not list the tensor 'more'", {"weights_sha256": weights_hash}),
        ("'generator' is 5056 int8", {"tensors": good["tensors"] | {"more": "3 float64"}}),
        ("'place' is 2 float32", {"tensors": good["tensors"] | {"more": "3 float64", "generator": "5056 int8"}}),
    ]
    for said, changes in mended:
        edit_card(directory, **changes)
        with pytest.raises(CheckpointError, match=said):
            read(directory, name="walk")


def test_a_setting_younger_than_the_checkpoint_takes_its_default(tmp_path):
    directory = saved(tmp_path)
    config = json.loads((directory / "card.json").read_text())["config"]
    del config["nan_at"]
    edit_card(directory, config=config)
    assert restore(read(directory)).config == walk(seed=3, stride=0.5).config


@pytest.mark.parametrize("fails_at", [1, 2])
def test_writing_that_fails_leaves_no_half_file(tmp_path, monkeypatch, fails_at):
    directory = saved(tmp_path)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    calls = []

    def full(handle):
        calls.append(handle)
        if len(calls) == fails_at:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match=r"cannot be written \(No space left on device\): make room"):
        saved(directory, steps=9)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


@pytest.mark.parametrize("moves", [0, 1])
def test_a_writing_cut_short_leaves_the_old_checkpoint_or_the_new_one(tmp_path, monkeypatch, moves):
    """Before the card's move it is the old one; after it the new one, whose weights are still beside their place."""
    directory = saved(tmp_path, steps=5)
    moved = []
    real = os.replace

    def killed(source, target):
        if len(moved) == moves:
            raise KeyboardInterrupt
        moved.append(target)
        real(source, target)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        saved(directory, steps=9)
    monkeypatch.setattr(os, "replace", real)
    assert restore(read(directory)).steps == (9 if moves else 5)
    assert sorted(path.name for path in directory.iterdir()) == ["card.json", "weights.safetensors"]


def test_saving_again_replaces_both(tmp_path):
    saved(tmp_path, steps=2)
    assert read(saved(tmp_path, steps=9)).state["steps"] == 9


@pytest.mark.parametrize(("name", "variant"), [("../etc", ""), ("gmm", "../../x"), ("", ""), ("Gmm", ""), ("a/b", "")])
def test_names_cannot_leave_the_folder(name, variant):
    with pytest.raises(CheckpointError, match="cannot name a checkpoint"):
        checkpoints.load_engine(name, variant)


def test_a_checkpoint_that_is_not_there_lists_the_known_ones(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    saved(tmp_path / "walk" / "slow", variant="slow")
    assert checkpoints.available() == ("walk/slow",)
    assert checkpoints.load_engine("walk", "slow").steps == 5
    with pytest.raises(CheckpointError, match=r"no checkpoint of 'walk' is in .*known: walk/slow, or make it with"):
        checkpoints.load_engine("walk")


def test_a_mixture_needs_no_training_data_again(tmp_path):
    x = np.random.default_rng(0).standard_normal((300, 4))
    pca = fit_pca(x, 2)
    em = create("gmm", data=project(pca, x), n_components=3, seed=1, device="cpu")
    for _ in range(11):
        em.step()
    tensors = {f"pca.{name}": getattr(pca, name) for name in pca.__slots__}
    save(tmp_path, em, data={"name": "x"}, metrics={}, wall_time=0, command="", data_tensors=tensors)
    checkpoint = read(tmp_path, name="gmm")
    again = restore(checkpoint, device="cpu")
    some = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(again.log_prob(some), em.log_prob(some))
    assert torch.equal(again.responsibilities(some), em.responsibilities(some))
    drawn = [m.sample(5, generator=torch.Generator().manual_seed(4)) for m in (em, again)]
    assert torch.equal(*drawn)
    for name in pca.__slots__:
        np.testing.assert_array_equal(getattr(checkpoint.pca, name), getattr(pca, name))
    # with its data it learns on as if nothing had happened
    whole = restore(checkpoint, data=project(pca, x), device="cpu")
    for _ in range(4):
        em.step()
        whole.step()
    for key, value in em.state_dict().items():
        assert torch.equal(value, whole.state_dict()[key]) if isinstance(value, torch.Tensor) else True


# -- what ships -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", checkpoints.available())
def test_what_ships_loads_and_is_small(which):
    name, _, variant = which.partition("/")
    directory = checkpoints.folder(name, variant)
    card = read(directory).card
    data = demonstrations.load(card["data"]["name"]) if name == "gail" else None  # GAIL is nothing without them
    loaded = checkpoints.load_engine(name, variant, data=data, device="cpu")
    assert loaded.name == name
    assert sum(path.stat().st_size for path in directory.iterdir() if path.is_file()) < 10_000_000
    assert card["command"].startswith(f"python -m engines.train {name}")


def test_no_two_shipped_networks_are_one():
    """Two that were to learn from different rows, or in different ways, and came out alike, did not."""
    cards = [json.loads(path.read_text(encoding="utf-8")) for path in checkpoints.FOLDER.glob("**/card.json")]
    hashes = [card["weights_sha256"] for card in cards]
    assert len(hashes) > 50
    assert len(set(hashes)) == len(hashes)


def test_the_shipped_mixture_scores_what_its_card_says():
    checkpoint = read(checkpoints.folder("gmm"), name="gmm")
    card = checkpoint.card
    assert card["data"]["name"] == "mnist"
    assert card["data"]["sha256"] == bundled.SHA256["mnist_train.npz"]
    pixels = images("mnist", "test").flat()
    z = project(checkpoint.pca, pixels)
    em = checkpoints.load_engine("gmm", device="cpu")
    assert float(em.log_prob(z).mean()) == pytest.approx(card["metrics"]["test_mean_log_prob"], abs=1e-8)
    # one Gaussian on the same training rows is the thing to beat
    train_z = project(checkpoint.pca, images("mnist").x[: card["data"]["n_train"]].reshape(-1, 784) / 255)
    covariance = np.cov(train_z.T)
    centred = z - train_z.mean(axis=0)
    distance = np.einsum("ni,ij,nj->n", centred, np.linalg.inv(covariance), centred)
    single = -0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1]).mean()
    assert single + 20 < card["metrics"]["test_mean_log_prob"] < single + 30
    drawn = reconstruct(checkpoint.pca, em.sample(500, generator=torch.Generator().manual_seed(0)).numpy())
    assert drawn.shape == (500, 784)
    assert drawn.mean() == pytest.approx(pixels.mean(), abs=0.01)


# -- recorded runs ----------------------------------------------------------------------------------------


def frames() -> list[Frame]:
    generator = np.random.default_rng(0)
    return [
        Frame(
            step=3 * i,
            phase="EM"[i % 2],
            scalars={"ll": -1 / 3 + i, "gain": np.inf if i == 0 else 0.1},
            arrays={
                "means": generator.standard_normal((3, 2)),
                "image": generator.integers(0, 255, (4, 4), dtype=np.uint8).T,
                "on": np.array([True, False]),
                "one": np.float32(i) * np.ones(()),
                "none": np.zeros((0, 2), dtype=np.int64),
                "half": np.arange(3, dtype=np.float16),
            },
        )
        for i in range(4)
    ]


def test_frames_come_back_exactly(tmp_path):
    recorded = frames()
    (tmp_path / "run.safetensors").write_bytes(frames_as_bytes(recorded))
    back = load_frames(tmp_path / "run.safetensors")
    assert len(back) == 4
    for ours, theirs in zip(recorded, back, strict=True):
        assert (ours.step, ours.phase, dict(ours.scalars)) == (theirs.step, theirs.phase, dict(theirs.scalars))
        assert list(ours.arrays) == list(theirs.arrays)
        for name, array in ours.arrays.items():
            assert theirs.arrays[name].dtype == array.dtype
            assert theirs.arrays[name].shape == array.shape
            np.testing.assert_array_equal(theirs.arrays[name], array)
            assert not theirs.arrays[name].flags.writeable


def test_no_frames_are_a_recording_too(tmp_path):
    (tmp_path / "run.safetensors").write_bytes(frames_as_bytes([]))
    assert load_frames(tmp_path / "run.safetensors") == []


def test_recordings_are_bounded_both_ways(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    path.write_bytes(frames_as_bytes(frames()))
    monkeypatch.setattr(checkpoints, "MAX_FRAMES_BYTES", 100)
    with pytest.raises(CheckpointError, match=r"4 frames take [\d,]+ bytes, the limit is 100: keep fewer frames"):
        frames_as_bytes(frames())
    with pytest.raises(CheckpointError, match=r"is damaged \(more than 100 bytes, the limit\)"):
        load_frames(path)


def test_what_is_no_number_is_not_recorded():
    frame = replace(frames()[0], arrays={"names": np.array(["a"])})
    with pytest.raises(CheckpointError, match="frame 0: 'names' is <U1: give booleans or numbers"):
        frames_as_bytes([frame])


@pytest.mark.parametrize("raw", [b"", b"\x80\x04K\x01.", b"\xff" * 100, safetensors.torch.save({"0/x": PLACE})])
def test_a_damaged_recording_is_one_sentence(tmp_path, raw):
    path = tmp_path / "run.safetensors"
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match=r"is no recorded run .*restore it with git checkout") as caught:
        load_frames(path)
    assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(CheckpointError, match="is missing"):
        load_frames(path)


def test_nothing_here_can_unpickle():
    folder = Path(checkpoints.__file__).parent
    for path in (folder / "checkpoints.py", folder / "train.py", folder / "devices.py", *folder.glob("data/*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            assert not {"pickle", "dill", "joblib", "shelve", "marshal"} & {name.split(".")[0] for name in names}, path
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "torch.load"):
                assert any(k.arg == "allow_pickle" and k.value.value is False for k in node.keywords), path
    assert train.checkpoints is checkpoints
