"""Every registered engine keeps the contract of engines/README.md."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

import engines
from engines import material
from engines.autoregressive.fill import Picture
from engines.engine import Engine, rebuild
from engines.imitation import demonstrations
from engines.making.anogan import Query
from engines.making.mdan import Task
from engines.people import age_search
from engines.run import Run

# What each engine learns from here, how small it is, and a setting that may change while it runs.
SMALL: dict[str, dict[str, Any]] = {
    "gmm": {"data": np.random.default_rng(0).normal(size=(60, 2)), "change": {"regularisation": 1e-3}},
    "bayes": {"data": np.array([1, 0, 1, 1, 0, 1, 0, 0, 1, 1], dtype=float), "change": {"a": 3.0}},
    "variational_gmm": {
        "data": np.random.default_rng(0).normal(size=(60, 2)),
        "settings": {"n_components": 4},
        "change": {"concentration": 5.0},
    },
    "autoencoder": {
        "data": np.random.default_rng(0).integers(0, 256, size=(60, 16), dtype=np.uint8),
        "settings": {"n_pixels": 16, "code_dim": 3, "batch_size": 20, "n_steps": 30},
        "change": {"learning_rate": 1e-4},
    },
    "vae": {
        "data": np.random.default_rng(0).integers(0, 256, size=(60, 16), dtype=np.uint8),
        "settings": {"n_pixels": 16, "latent_dim": 2, "width": 8, "batch_size": 20, "n_steps": 30},
        "change": {"beta": 4.0},
    },
    "bayes_classifier": {
        "data": material.Images(
            {
                "image": np.random.default_rng(0).integers(0, 256, size=(40, 9), dtype=np.uint8),
                "label": torch.arange(40) % 4,
            },
        ),
        "settings": {"n_steps": 20},
        "change": {"method": "given"},
    },
    "class_mixtures": {
        "data": material.Images(
            {
                "image": np.random.default_rng(0).integers(0, 256, size=(160, 9), dtype=np.uint8),
                "label": torch.arange(160) % 8,
            },
        ),
        "settings": {"n_classes": 8, "n_pixels": 9, "n_components": 2, "n_dimensions": 3},
        "change": {"seed": 7},
    },
    "ngram": {"data": "abracadabra", "settings": {"order": 3, "n_steps": 20}, "change": {"order": 2}},
    "melody": {"data": None, "settings": {"n_steps": 20}, "change": {"order": 1}},
    "classifier": {
        "data": material.Images(
            {
                "image": np.random.default_rng(0).integers(0, 256, size=(40, 784), dtype=np.uint8),
                "label": torch.arange(40) % 10,
            },
        ),
        "settings": {"width": 2, "batch_size": 10, "n_steps": 8},
        "change": {"learning_rate": 1e-4},
    },
    "gan2d": {
        "data": np.random.default_rng(0).normal(size=(60, 2)),
        "settings": {"g_width": 4, "d_width": 4, "batch_size": 10, "n_steps": 20},
        "change": {"objective": "hinge"},
    },
    "equilibrium": {"data": None, "settings": {"n_steps": 20}, "change": {"method": "alternating"}},
    "transposed_convolution": {"data": None, "change": {"seed": 5}},
    "dcgan": {
        "data": np.random.default_rng(0).integers(0, 256, size=(40, 784), dtype=np.uint8),
        "settings": {"channels": 2, "latent_dim": 4, "batch_size": 10, "n_steps": 8},
        "change": {"learning_rate": 1e-4},
    },
    "trpo": {
        "data": None,
        "settings": {"width": 8, "n_envs": 4, "horizon": 30, "n_steps": 20},
        "change": {"kl_limit": 0.1},
    },
    "gail": {
        "data": demonstrations.load("pendulum"),
        "settings": {"width": 8, "n_envs": 4, "horizon": 30, "n_steps": 20},
        "change": {"reward": "logit"},
    },
    "behavioural_cloning": {
        "data": demonstrations.load("cartpole"),
        "settings": {"width": 8, "n_steps": 200},
        "change": {"learning_rate": 1e-4},
    },
    "kmeans": {"data": np.random.default_rng(0).normal(size=(60, 2)), "change": {"max_iterations": 50}},
}


_GREY = np.random.default_rng(0).integers(0, 256, size=(40, 16), dtype=np.uint8)
_RASTER = {"size": 4, "batch_size": 10, "n_steps": 8, "channels": 2}
SMALL |= {
    name: {"data": _GREY, "settings": {**_RASTER, **more}, "change": {"learning_rate": 1e-4}}
    for name, more in {
        "pixelcnn": {"n_blocks": 1},
        "gated_pixelcnn": {"n_layers": 2},
        "pixelcnn_pp": {},
        "multiscale": {"n_blocks": 1, "small_channels": 2, "small_blocks": 1},
        "row_lstm": {"n_layers": 1},
        "diagonal_bilstm": {"n_layers": 1},
    }.items()
}
SMALL["anogan"] = {
    "data": np.random.default_rng(0).integers(0, 256, size=(40, 784), dtype=np.uint8),
    "settings": {"channels": 2, "latent_dim": 4, "batch_size": 10, "n_steps": 8},
    "change": {"learning_rate": 1e-4},
}
_BARS = np.random.default_rng(0)
SMALL["midinet"] = {
    "data": {
        **{key: _BARS.integers(0, 32, size=(40, 16), dtype=np.uint8) for key in ("pitch", "before")},
        **{key: _BARS.integers(0, 2, size=(40, 16), dtype=np.uint8) for key in ("onset", "before_onset")},
        "cond": np.eye(13, dtype=np.uint8)[np.arange(40) % 12],
        "tune": np.arange(40) // 8,
    },
    "settings": {"channels": 2, "latent_dim": 4, "batch_size": 10, "n_steps": 8},
    "change": {"learning_rate": 1e-4},
}
SMALL["3dgan"] = {
    "data": {
        "voxels": np.random.default_rng(0).integers(0, 2, size=(12, 32, 32, 32), dtype=np.uint8),
        "label": np.arange(12) % 6,
    },
    "settings": {"channels": 1, "latent_dim": 3, "batch_size": 4, "n_steps": 8},
    "change": {"held_above": 0.5},
}
SMALL["perceptual_gan"] = {
    "data": {
        **{
            key: np.random.default_rng(0).normal(size=(20, 2, 112, 4, 4)).astype(np.float32)
            for key in ("large", "small")
        },
        "early": np.random.default_rng(0).normal(size=(20, 2, 24, 16, 16)).astype(np.float32),
        "label": np.arange(20) % 18,
    },
    "settings": {"channels": 2, "blocks": 1, "batch_size": 6, "perception_steps": 2, "n_steps": 8},
    "change": {"learning_rate": 1e-4},
}
_GAN: Any = engines.create("anogan", device="cpu", channels=2, latent_dim=4)
SMALL["anogan_search"] = {
    "data": Query(gan=_GAN, x=torch.zeros(2, 1, 28, 28)),
    "settings": {"n_steps": 20},
    "change": {"weight": 0.5},
}
for _name, _more in {"age_judge": {"width": 2}, "age_cgan": {"channels": 2, "n_latent": 3, "n_encoder": 3}}.items():
    SMALL[_name] = {
        "data": {
            "image": np.random.default_rng(0).integers(0, 256, size=(16, 48, 48, 3), dtype=np.uint8),
            "age": np.tile(np.arange(8), 2),
            "person": np.arange(16) // 8,
        },
        "settings": {"batch_size": 4, "n_steps": 8, **_more},
        "change": {"learning_rate": 1e-4},
    }
_AGES: Any = engines.create("age_cgan", device="cpu", channels=2, n_latent=3)
SMALL["age_search"] = {
    "data": age_search.Query(
        gan=_AGES,
        x=torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (2, 3, 48, 48))).float(),
        age=torch.tensor([0, 5]),
        fr=engines.create("age_judge", device="cpu", width=2, people=2),  # type: ignore[arg-type]
    ),
    "settings": {"n_steps": 8},
    "change": {"pixels": 0.5},
}
_BIRDS = np.random.default_rng(0)
_CAPTIONED: dict[str, Any] = {
    "data": {
        "image": _BIRDS.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8),
        "tokens": _BIRDS.integers(0, 92, size=(12, 5, 25), dtype=np.uint8),
        "attributes": _BIRDS.integers(0, 2, size=(12, 14), dtype=np.uint8),
    },
    "change": {"learning_rate": 1e-4},
}
SMALL["bird_judge"] = {**_CAPTIONED, "settings": {"channels": 1, "batch_size": 4, "n_steps": 8}}
SMALL["stackgan"] = {
    **_CAPTIONED,
    "settings": {"channels": 1, "batch_size": 4, "text_steps": 2, "stage1_steps": 3, "n_steps": 8},
}
SMALL["fill"] = {
    "data": Picture(
        model=engines.create("pixelcnn", device="cpu", size=4, channels=2, n_blocks=1),  # type: ignore[arg-type]
        image=np.zeros((4, 4), dtype=np.uint8),
        mask=np.arange(16).reshape(4, 4) >= 6,
    ),
    "settings": {"n": 2},
    "change": {"temperature": 0.5},
}


_LEVELS = np.random.default_rng(0)
SMALL |= {
    "srgan": {
        "data": {
            "image": _LEVELS.integers(0, 256, size=(8, 64, 64, 3), dtype=np.uint8),
            "photo": np.arange(8, dtype=np.uint8) // 2,
        },
        "settings": {"channels": 1, "blocks": 1, "batch_size": 2, "mse_steps": 4, "n_steps": 8},
        "change": {"adversarial_weight": 0.1},
    },
    "mgan": {
        "data": {
            "texture": _LEVELS.integers(0, 256, size=(1, 72, 80, 3), dtype=np.uint8),
            "photo": _LEVELS.integers(0, 256, size=(2, 64, 64, 3), dtype=np.uint8),
        },
        "settings": {"channels": 2, "d_channels": 1, "crop": 64, "batch_size": 2, "n_steps": 8},
        "change": {"content_weight": 0.5},
    },
    "mdan": {
        "data": Task(texture=torch.rand(1, 3, 64, 160, generator=torch.Generator().manual_seed(0)) * 2 - 1),
        "settings": {"side": 64, "d_channels": 1, "batch_size": 1, "n_steps": 8},
        "change": {"learning_rate": 0.01},
    },
    "pix2pix": {
        "data": {
            "outline": _LEVELS.integers(0, 256, size=(12, 64, 64), dtype=np.uint8),
            "flat": _LEVELS.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8),
        },
        "settings": {"channels": 1, "batch_size": 4, "n_steps": 8},
        "change": {"l1_weight": 10.0},
    },
    "cgan": {
        "data": {
            "image": _LEVELS.integers(0, 256, size=(20, 784), dtype=np.uint8),
            "label": np.arange(20, dtype=np.int64) % 10,
        },
        "settings": {"n_noise": 3, "channels": 2, "batch_size": 4, "n_steps": 8},
        "change": {"learning_rate": 0.01},
    },
    "infogan": {
        "data": {
            "image": _LEVELS.integers(0, 256, size=(20, 784), dtype=np.uint8),
            "label": np.arange(20, dtype=np.int64) % 10,
        },
        "settings": {"n_noise": 3, "channels": 2, "hidden": 4, "batch_size": 4, "n_steps": 8},
        "change": {"learning_rate": 0.01},
    },
    "dtn": {
        "data": {
            "image": _LEVELS.integers(0, 256, size=(20, 32, 32, 3), dtype=np.uint8),
            "label": np.arange(20, dtype=np.uint8) % 10,
            "target": _LEVELS.integers(0, 256, size=(30, 28, 28), dtype=np.uint8),
        },
        "settings": {"channels": 1, "n_features": 4, "f_steps": 2, "batch_size": 4, "n_steps": 8},
        "change": {"alpha": 1.0},
    },
    "discogan": {
        "data": {
            "chair": _LEVELS.integers(0, 256, size=(12, 32, 32, 3), dtype=np.uint8),
            "head": _LEVELS.integers(0, 256, size=(16, 32, 32, 3), dtype=np.uint8),
        },
        "settings": {"channels": 1, "batch_size": 4, "n_steps": 8},
        "change": {"learning_rate": 1e-4},
    },
    **{
        name: {
            "data": {
                "image": _LEVELS.integers(0, 256, size=(26, 64, 64, 3), dtype=np.uint8),
                "landmarks": _LEVELS.uniform(10, 50, size=(26, 6, 2)).astype(np.float32),
                "yaw": np.tile(np.arange(-90, 91, 15), 2),
                "person": np.arange(26) // 13,
                "front": np.arange(26) // 13 * 13 + 6,
            },
            "settings": {"people": 2, "batch_size": 4, "n_steps": 8, **more},
            "change": {"learning_rate": 1e-4},
        }
        for name, more in {
            "recogniser": {"width": 2},
            "tpgan": {"channels": 2, "n_code": 4, "identity": 0.0},  # the loss by a shipped network has its own test
        }.items()
    },
    "pixeldtgan": {
        "data": {
            "figure": _LEVELS.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8),
            "product": _LEVELS.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8),
            "garment": np.arange(12) % 5,
            "new": np.arange(12) % 5 == 4,
        },
        "settings": {"channels": 2, "batch_size": 4, "n_steps": 8},
        "change": {"learning_rate": 1e-4},
    },
    "cyclegan": {
        "data": {
            "flat": _LEVELS.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8),
            "noto": _LEVELS.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8),
        },
        "settings": {"channels": 1, "n_blocks": 1, "batch_size": 2, "n_steps": 8},
        "change": {"cycle_weight": 1.0},
    },
    "pose_guided": {
        "data": {
            "image": _LEVELS.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8),
            "keypoints": _LEVELS.integers(0, 64, size=(12, 7, 2), dtype=np.uint8),
            "visible": np.ones((12, 7), dtype=np.uint8),
            "mask": _LEVELS.integers(0, 2, size=(12, 64, 64), dtype=np.uint8),
            "outfit": np.repeat(np.arange(3), 4),
        },
        "settings": {"channels": 1, "n_features": 2, "stage1_steps": 2, "batch_size": 4, "n_steps": 8},
        "change": {"l1_weight": 5.0},
    },
    "discogan2d": {
        "data": None,
        "settings": {"width": 4, "batch_size": 10, "n_steps": 8, "batches_per_step": 1},
        "change": {"learning_rate": 1e-4},
    },
}


_FACES: dict[str, Any] = {
    "data": {
        "image": _LEVELS.integers(0, 256, size=(12, 64, 64, 3), dtype=np.uint8),
        "attributes": _LEVELS.integers(0, 2, size=(12, 8)),
    },
    "change": {"learning_rate": 1e-4},
}
SMALL["anime"] = {
    **_FACES,
    "settings": {"side": 16, "channels": 2, "blocks": 1, "latent_dim": 4, "batch_size": 4, "n_steps": 8},
}
SMALL["attribute_judge"] = {**_FACES, "settings": {"channels": 1, "n_features": 4, "batch_size": 4, "n_steps": 8}}

SMALL["icgan"] = {
    **_FACES,
    "settings": {"channels": 2, "latent_dim": 3, "batch_size": 4, "read_steps": 2, "gan_steps": 3, "n_steps": 8},
}


def make(name: str, **settings: Any) -> Any:
    small = SMALL[name]
    return engines.create(name, data=small["data"], device="cpu", **{**small.get("settings", {}), **settings})


def same(a: Any, b: Any) -> bool:
    return (a.step, a.phase, dict(a.scalars)) == (b.step, b.phase, dict(b.scalars)) and all(
        np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays
    )


def test_every_engine_has_a_small_case():
    assert set(engines.names()) == set(SMALL)


@pytest.mark.parametrize("name", engines.names())
def test_frames_are_immutable_finite_and_count_the_steps(name: str):
    engine = make(name)
    assert isinstance(engine, Engine)
    assert engine.name == name
    for step in range(6):
        frame = engine.frame()
        assert frame.step == step
        assert all(np.isfinite(value) for value in frame.scalars.values())
        for array in frame.arrays.values():
            assert not array.flags.writeable
            assert np.isfinite(array).all()
        engine.step()


@pytest.mark.parametrize("name", engines.names())
def test_a_saved_state_goes_on_exactly(name: str):
    straight, first, second = (make(name, seed=3) for _ in range(3))
    for _ in range(6):
        straight.step()
    for _ in range(3):
        first.step()
    second.load_state_dict(first.state_dict())
    for _ in range(3):
        second.step()
    assert same(straight.frame(), second.frame())


@pytest.mark.parametrize("name", engines.names())
def test_it_runs_in_the_background_and_forks(name: str):
    run = Run(make(name, seed=1))
    run.play()
    assert run.wait(20).state == "finished"
    fork = run.fork(2)
    fork.play()
    assert fork.wait(20).state == "finished"
    assert all(same(a, b) for a, b in zip(run.history.after(-1), fork.history.after(-1), strict=True))
    run.change(**SMALL[name]["change"])
    assert run.status.state in ("paused", "finished")


@pytest.mark.parametrize("name", engines.names())
def test_wrong_settings_are_named(name: str):
    with pytest.raises(ValueError, match=r"no setting 'sed' \(did you mean 'seed'\?\); known: "):
        make(name, sed=1)
    with pytest.raises(ValueError, match="no setting"):
        rebuild(make(name), nonsense=1)


def test_an_unknown_engine_is_named():
    with pytest.raises(
        ValueError, match=r"no engine is called 'gm' \(did you mean 'gmm'\?\); known: bayes, gmm, kmeans"
    ):
        engines.create("gm")


def test_engines_do_not_import_streamlit_and_listing_them_imports_nothing_heavy():
    code = (
        "import sys, engines; engines.names()\n"
        "heavy = [m for m in ('torch', 'sklearn', 'torchvision', 'scipy', 'streamlit') if m in sys.modules]\n"
        "assert not heavy, heavy\n"
        "import numpy as np\n"
        "engines.create('gmm', data=np.eye(4), n_components=2, device='cpu').step()\n"
        "assert 'streamlit' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
