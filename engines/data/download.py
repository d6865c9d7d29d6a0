"""Larger sets, fetched only when asked for, into a folder of this machine's own (LAB_CACHE).

The files are fetched here, with a time limit on every read and on the whole; torchvision's own dataset
classes then check their md5 and unpack them, and find nothing left to fetch. Only sets stored as plain
arrays (idx, mat) are offered. CIFAR-10 is not: its files are pickles, and nothing is ever unpickled here.
"""

from __future__ import annotations

import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from engines import devices
from engines.data.dataset import Dataset

TIMEOUT = 20.0  # seconds without a byte
DEADLINE = 1800.0  # seconds for one file
MAX_BYTES = 700_000_000  # of one file
CHUNK = 1 << 18
_KMNIST = {
    "title": "Kuzushiji-MNIST characters",
    "licence": "CC BY-SA 4.0",
    "source": "T. Clanuwat et al., CODH, http://codh.rois.ac.jp/kmnist",
    "description": "old Japanese characters of 28 x 28 pixels, 60,000 and 10,000 (about 21 MB)",
}
_LETTERS = {
    "title": "EMNIST letters",
    "licence": "public domain (NIST)",
    "source": "G. Cohen et al., NIST Special Database 19",
    "description": "handwritten letters of 28 x 28 pixels, 124,800 and 20,800 (all of EMNIST: 560 MB, unpacked 2 GB)",
}
_SVHN = {
    "title": "Street View house numbers",
    "licence": "for non-commercial use only",
    "source": "Y. Netzer et al., http://ufldl.stanford.edu/housenumbers",
    "description": "colour photographs of digits, 32 x 32 x 3, 73,257 and 26,032 (about 180 and 64 MB)",
}
_ABOUT = MappingProxyType({"kmnist": _KMNIST, "emnist-letters": _LETTERS, "svhn": _SVHN})
NAMES = tuple(_ABOUT)
Opener = Callable[..., Any]  # urllib.request.urlopen, or a test's stand-in


class DownloadError(ValueError):
    """A set that could not be fetched, in one sentence."""


def cache_folder() -> Path:
    """LAB_CACHE, or ~/.cache/generative-models-lab."""
    return Path(os.environ.get("LAB_CACHE") or Path.home() / ".cache" / "generative-models-lab").expanduser()


def download(name: str, split: str = "train", *, opener: Opener = urllib.request.urlopen) -> Dataset:
    """A larger set: images uint8 (N, 28, 28), or (N, 32, 32, 3) of svhn; fetched only where it is not there yet.

    DownloadError where there is no network, where a file is not what it should be, and on a hosted server,
    which uses only what lies there already.
    """
    if name not in _ABOUT:
        raise ValueError(f"no downloadable set is called {name!r}; known: {', '.join(NAMES)}")
    if split not in ("train", "test"):
        raise ValueError(f"{name} has no split {split!r}; known: train, test")
    folder = cache_folder()
    if devices.hosted():
        opener = _refuse
    from torchvision import datasets

    for legacy in ("KMNIST", "EMNIST"):  # torchvision would prefer .pt files of its early versions, if some lie there
        shutil.rmtree(folder / legacy / "processed", ignore_errors=True)
    train = split == "train"
    try:
        if name == "kmnist":
            raw = folder / "KMNIST" / "raw"
            base = datasets.KMNIST.mirrors[0]
            _fetch_missing(name, raw, [(base + file, file) for file, _ in datasets.KMNIST.resources], opener)
            made: Any = datasets.KMNIST(folder, train=train, download=True)
            x, labels, class_names = made.data.numpy(), made.targets.numpy(), tuple(made.classes)
        elif name == "emnist-letters":
            raw = folder / "EMNIST" / "raw"
            if not (raw / f"emnist-letters-{split}-images-idx3-ubyte").exists():
                _fetch_missing(name, raw, [(datasets.EMNIST.url, "gzip.zip")], opener)
            made = datasets.EMNIST(folder, split="letters", train=train, download=True)
            # Stored with rows and columns exchanged, and labelled from 1.
            x, labels = made.data.numpy().transpose(0, 2, 1), made.targets.numpy() - 1
            class_names = tuple(made.classes[1:])
        else:
            url, file, _ = datasets.SVHN.split_list[split]
            _fetch_missing(name, folder / "SVHN", [(url, file)], opener)
            made = datasets.SVHN(folder / "SVHN", split=split, download=True)
            x, labels, class_names = made.data.transpose(0, 2, 3, 1), made.labels, tuple("0123456789")
    except DownloadError:
        raise
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".:")
        raise DownloadError(f"{name} could not be unpacked ({reason}): delete {folder} and try again") from error
    return Dataset(
        name=name,
        x=np.ascontiguousarray(x),
        labels=labels.astype(np.int64),
        class_names=class_names,
        **_ABOUT[name],  # type: ignore[arg-type]
    )


def fetch(url: str, path: Path, *, opener: Opener = urllib.request.urlopen, max_bytes: int = MAX_BYTES) -> None:
    """Fetch ``url`` to ``path``, whole or not at all; DownloadError says why not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    end = time.monotonic() + DEADLINE
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "generative-models-lab"})
        with opener(request, timeout=TIMEOUT) as response, part.open("wb") as file:
            size = 0
            while chunk := response.read(CHUNK):
                size += len(chunk)
                if size > max_bytes:
                    raise DownloadError(f"{url} is larger than {max_bytes:,} bytes: choose a smaller set")
                if time.monotonic() > end:
                    raise DownloadError(f"{url} took longer than {DEADLINE:.0f} s: try again on a faster network")
                file.write(chunk)
        os.replace(part, path)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise DownloadError(
            f"{url} could not be fetched ({str(reason).strip() or type(error).__name__}): "
            "check the network, or choose a bundled set, such as mnist"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _refuse(request: urllib.request.Request, **_: Any) -> Any:
    raise DownloadError(f"a shared server does not download ({request.full_url}): choose a bundled set, such as mnist")


def _fetch_missing(name: str, folder: Path, files: list[tuple[str, str]], opener: Opener) -> None:
    for url, file in files:
        if not (folder / file).exists() and not (folder / file.removesuffix(".gz")).exists():
            fetch(url, folder / file, opener=opener)
        _check(name, folder / file)


def _check(name: str, path: Path) -> None:
    """A fetched file that is not the known one is deleted, so that the next try fetches it again."""
    from torchvision import datasets
    from torchvision.datasets.utils import check_integrity

    known = {**dict(datasets.KMNIST.resources), "gzip.zip": datasets.EMNIST.md5}
    known |= {file: md5 for _, file, md5 in datasets.SVHN.split_list.values()}
    if path.exists() and not check_integrity(path, known[path.name]):
        path.unlink()
        raise DownloadError(f"{path.name} of {name} arrived damaged (its md5 is not the known one): try again")
