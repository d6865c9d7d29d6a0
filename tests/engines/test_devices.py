import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import torch

from engines import devices


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("LAB_DEVICE", "LAB_HOSTED", "LAB_MAX_RUNS"):
        monkeypatch.delenv(name, raising=False)


def gpus(monkeypatch, *, cuda: int, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "float64", "expected"),
    [(1, True, False, "cuda"), (0, True, False, "mps"), (0, True, True, "cpu"), (0, False, False, "cpu")],
)
def test_auto_prefers_cuda_then_mps_then_cpu(monkeypatch, cuda, mps, float64, expected):
    gpus(monkeypatch, cuda=cuda, mps=mps)
    assert devices.resolve("auto", float64=float64) == torch.device(expected)


def test_the_environment_overrides_auto_and_only_auto(monkeypatch):
    gpus(monkeypatch, cuda=2, mps=False)
    monkeypatch.setenv("LAB_DEVICE", "cpu")
    assert devices.resolve() == torch.device("cpu")
    assert devices.resolve("cuda:1") == torch.device("cuda:1")
    monkeypatch.setenv("LAB_DEVICE", "auto")
    assert devices.resolve() == torch.device("cuda")


def test_a_device_passes_through():
    assert devices.resolve(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    ("device", "float64", "said"),
    [
        ("gpu", False, "device 'gpu' is not a device: use 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'"),
        ("cuda:", False, "'cuda:' is not a device"),
        ("cuda:-1", False, "'cuda:-1' is not a device"),
        ("", False, "device '' is not a device"),
        ("cuda", False, "device 'cuda' is not there .* use 'auto' or 'cpu'"),
        ("mps", False, "device 'mps' is not there .* use 'auto' or 'cpu'"),
        ("cpu:1", False, "'cpu:1' is not there .*numbered 0 to 0.*: use 'cpu'"),
    ],
)
def test_a_wrong_or_absent_device_is_one_sentence(monkeypatch, device, float64, said):
    gpus(monkeypatch, cuda=0, mps=False)
    with pytest.raises(ValueError, match=said) as caught:
        devices.resolve(device, float64=float64)
    assert "\n" not in str(caught.value)


def test_a_gpu_number_too_high_and_mps_in_double_precision(monkeypatch):
    gpus(monkeypatch, cuda=2, mps=True)
    with pytest.raises(ValueError, match=r"'cuda:2' is not there \(cuda devices are numbered 0 to 1\)"):
        devices.resolve("cuda:2")
    assert devices.resolve("mps") == torch.device("mps")
    with pytest.raises(ValueError, match="'mps' cannot compute in float64"):
        devices.resolve("mps", float64=True)


def test_a_wrong_environment_is_named(monkeypatch):
    monkeypatch.setenv("LAB_DEVICE", "tpu")
    with pytest.raises(ValueError, match="LAB_DEVICE='tpu' is not a device"):
        devices.resolve()


def test_descriptions(monkeypatch):
    monkeypatch.setattr(devices, "cores", lambda: 2)
    assert devices.describe("cpu") == "CPU, 2 cores"
    monkeypatch.setattr(devices, "cores", lambda: 1)
    assert devices.describe("cpu") == "CPU, 1 core"


@pytest.mark.parametrize(
    ("name", "gib", "expected"),
    [
        ("NVIDIA H100 80GB HBM3", 79.2, "NVIDIA H100, 80 GB"),
        ("NVIDIA A100-SXM4-40GB", 39.4, "NVIDIA A100-SXM4, 40 GB"),
        ("NVIDIA H200", 139.8, "NVIDIA H200, 140 GB"),
        ("NVIDIA GeForce RTX 3060", 11.9, "NVIDIA GeForce RTX 3060, 12 GB"),
    ],
)
def test_gpus_are_described_by_name_and_size(monkeypatch, name, gib, expected):
    gpus(monkeypatch, cuda=1, mps=False)
    properties = SimpleNamespace(name=name, total_memory=int(gib * 2**30))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    assert devices.describe("cuda") == expected


def test_cores_are_those_of_this_process():
    assert 1 <= devices.cores() <= torch.multiprocessing.cpu_count()


def test_limits_are_smaller_when_hosted(monkeypatch):
    alone = devices.limits()
    assert (alone.max_concurrent_runs, alone.max_points, alone.max_components) == (8, 1_000_000, 64)
    assert alone.max_upload_bytes == 10_000_000
    assert not devices.hosted()
    monkeypatch.setenv("LAB_HOSTED", "1")
    assert devices.hosted()
    shared = devices.limits()
    assert (shared.max_points, shared.max_components, shared.max_upload_bytes) == (20_000, 16, 1_000_000)
    assert shared.max_concurrent_runs == devices.cores()
    monkeypatch.setenv("LAB_MAX_RUNS", "3")
    assert devices.limits().max_concurrent_runs == 3


@pytest.mark.parametrize("wrong", ["0", "-1", "many", "1.5"])
def test_a_wrong_number_of_runs_is_named(monkeypatch, wrong):
    monkeypatch.setenv("LAB_MAX_RUNS", wrong)
    with pytest.raises(ValueError, match=f"LAB_MAX_RUNS must be a whole number >= 1, got '{wrong}'"):
        devices.limits()


def test_limits_and_data_import_nothing_heavy():
    code = (
        "import sys; from engines import data, devices; devices.limits(); data.load('blobs'); "
        "print([m for m in ('torch', 'torchvision', 'sklearn', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_threads_number_is_its_own_whatever_others_set_meanwhile():
    entered, changed, seen = threading.Event(), threading.Event(), []

    def work() -> None:
        with devices.threads(3):
            entered.set()
            assert changed.wait(10)
            torch.ones(200_000).sum()  # the first that it computes
            seen.append(torch.get_num_threads())

    worker = threading.Thread(target=work)
    worker.start()
    assert entered.wait(10)
    with devices.threads(1):
        changed.set()
        worker.join(10)
    assert seen == [3]


def test_who_says_nothing_gets_the_usual_number_though_another_has_set_one():
    usual, seen = torch.get_num_threads(), []

    def work() -> None:
        with devices.threads(None):
            seen.append(torch.get_num_threads())

    with devices.threads(usual + 1):
        worker = threading.Thread(target=work)
        worker.start()
        worker.join(10)
    assert seen == [usual]
    assert torch.get_num_threads() == usual
