"""Downloads, with stand-ins for the network: nothing here goes out."""

import gzip
import hashlib
import http.client
import io
import socket
import struct
import urllib.error
import zipfile

import numpy as np
import pytest
from torchvision import datasets

from engines.data import download as module
from engines.data.download import DownloadError, download, fetch


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LAB_HOSTED", raising=False)

    def no_network(*_, **__):
        raise AssertionError("a test tried the real network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    return tmp_path / "cache"


class Web:
    """An opener that answers from a table of url -> bytes, and notes what was asked."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.asked = files, []

    def __call__(self, request, *, timeout):
        assert timeout == module.TIMEOUT
        self.asked.append(request.full_url)
        return io.BytesIO(self.files[request.full_url])


def idx(array: np.ndarray) -> bytes:
    return struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def md5(raw: bytes) -> str:
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


def failing(error: BaseException):
    def opener(request, *, timeout):  # noqa: ARG001
        raise error

    return opener


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (urllib.error.URLError(socket.gaierror(-3, "Temporary failure in name resolution")), "name resolution"),
        (urllib.error.HTTPError("u", 404, "Not Found", {}, None), "Not Found"),
        (TimeoutError("timed out"), "timed out"),
        (ConnectionResetError(104, "Connection reset by peer"), "reset by peer"),
        (http.client.RemoteDisconnected("closed"), "closed"),
        (TimeoutError(), "TimeoutError"),
    ],
)
@pytest.mark.parametrize("name", module.NAMES)
def test_no_network_is_one_sentence(own_folder, name, error, reason):
    with pytest.raises(DownloadError, match=reason) as caught:
        download(name, opener=failing(error))
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith("check the network, or choose a bundled set, such as mnist")
    assert [path for path in own_folder.rglob("*") if path.is_file()] == []


def test_a_stream_that_breaks_off_leaves_nothing(own_folder):
    class Broken(io.BytesIO):
        def read(self, size=-1):  # noqa: ARG002
            if self.tell():
                raise http.client.IncompleteRead(b"")
            self.seek(3)
            return b"abc"

    with pytest.raises(DownloadError, match="could not be fetched"):
        fetch("http://x/y", own_folder / "y", opener=lambda *_, **__: Broken())
    assert list(own_folder.iterdir()) == []


def test_a_file_too_large_and_one_too_slow_are_given_up(own_folder, monkeypatch):
    web = Web({"http://x/y": b"z" * 1000})
    with pytest.raises(DownloadError, match="larger than 999 bytes"):
        fetch("http://x/y", own_folder / "y", opener=web, max_bytes=999)
    fetch("http://x/y", own_folder / "y", opener=web, max_bytes=1000)
    assert (own_folder / "y").read_bytes() == b"z" * 1000
    monkeypatch.setattr(module, "DEADLINE", -1.0)
    with pytest.raises(DownloadError, match="took longer than"):
        fetch("http://x/y", own_folder / "z", opener=web)


@pytest.fixture
def kmnist(monkeypatch):
    generator = np.random.default_rng(0)
    files, arrays, resources = {}, {}, []
    for stem, n in (("train", 6), ("t10k", 4)):
        arrays[stem] = generator.integers(0, 255, (n, 28, 28), dtype=np.uint8), np.arange(n, dtype=np.uint8)
        for kind, array in zip(("images-idx3", "labels-idx1"), arrays[stem], strict=True):
            raw = gzip.compress(idx(array))
            resources.append((f"{stem}-{kind}-ubyte.gz", md5(raw)))
            files[datasets.KMNIST.mirrors[0] + resources[-1][0]] = raw
    monkeypatch.setattr(datasets.KMNIST, "resources", resources)
    return Web(files), arrays


def test_kmnist_is_fetched_once_and_read_by_torchvision(kmnist):
    web, arrays = kmnist
    train = download("kmnist", opener=web)
    np.testing.assert_array_equal(train.x, arrays["train"][0])
    np.testing.assert_array_equal(train.labels, arrays["train"][1])
    assert not train.x.flags.writeable
    assert train.licence == "CC BY-SA 4.0"
    assert len(web.asked) == 4
    np.testing.assert_array_equal(download("kmnist", "test", opener=web).x, arrays["t10k"][0])
    assert len(web.asked) == 4


def test_what_arrives_damaged_is_thrown_away_and_can_be_fetched_again(kmnist, own_folder):
    web, _ = kmnist
    url, good = next(iter(web.files.items()))
    web.files[url] = good[:-1] + b"!"
    with pytest.raises(DownloadError, match="arrived damaged"):
        download("kmnist", opener=web)
    web.files[url] = good
    assert len(download("kmnist", opener=web)) == 6
    assert not list(own_folder.rglob("*.part"))


def test_old_pickles_in_the_folder_are_not_read(kmnist, own_folder):
    web, arrays = kmnist
    processed = own_folder / "KMNIST" / "processed"
    processed.mkdir(parents=True)
    for name in ("training.pt", "test.pt"):
        (processed / name).write_bytes(b"\x80\x04 a pickle")
    np.testing.assert_array_equal(download("kmnist", opener=web).x, arrays["train"][0])


def test_letters_are_turned_upright_and_numbered_from_0(monkeypatch):
    images = np.random.default_rng(0).integers(0, 255, (3, 28, 28), dtype=np.uint8)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for split in ("train", "test"):
            for kind, array in (("images-idx3", images), ("labels-idx1", np.array([1, 26, 3], dtype=np.uint8))):
                archive.writestr(f"gzip/emnist-letters-{split}-{kind}-ubyte.gz", gzip.compress(idx(array)))
    monkeypatch.setattr(datasets.EMNIST, "md5", md5(zipped.getvalue()))
    web = Web({datasets.EMNIST.url: zipped.getvalue()})
    letters = download("emnist-letters", opener=web)
    np.testing.assert_array_equal(letters.x, images.transpose(0, 2, 1))
    assert [letters.class_names[label] for label in letters.labels] == ["a", "z", "c"]
    download("emnist-letters", "test", opener=web)
    assert len(web.asked) == 1


def test_house_numbers_come_as_colour_images(monkeypatch):
    import scipy.io

    images = np.random.default_rng(0).integers(0, 255, (32, 32, 3, 5), dtype=np.uint8)
    raw = io.BytesIO()
    scipy.io.savemat(raw, {"X": images, "y": np.array([[1], [10], [3], [4], [5]], dtype=np.uint8)})
    entry = ["http://u/train_32x32.mat", "train_32x32.mat", md5(raw.getvalue())]
    monkeypatch.setattr(datasets.SVHN, "split_list", {"train": entry})
    svhn = download("svhn", opener=Web({entry[0]: raw.getvalue()}))
    np.testing.assert_array_equal(svhn.x, images.transpose(3, 0, 1, 2))
    assert svhn.labels.tolist() == [1, 0, 3, 4, 5]


def test_a_shared_server_downloads_nothing_but_uses_what_it_has(monkeypatch, kmnist):
    web, _ = kmnist
    monkeypatch.setenv("LAB_HOSTED", "1")
    with pytest.raises(DownloadError, match="a shared server does not download"):
        download("kmnist", opener=web)
    assert web.asked == []
    monkeypatch.delenv("LAB_HOSTED")
    download("kmnist", opener=web)
    monkeypatch.setenv("LAB_HOSTED", "1")
    assert len(download("kmnist", "test", opener=web)) == 4


def test_names_and_splits_are_checked():
    with pytest.raises(ValueError, match="set is called 'cifar10'; known: kmnist, emnist-letters, svhn"):
        download("cifar10")
    with pytest.raises(ValueError, match="kmnist has no split 'extra'; known: train, test"):
        download("kmnist", "extra")


def test_the_folder_is_the_one_asked_for(own_folder, monkeypatch):
    assert module.cache_folder() == own_folder
    monkeypatch.delenv("LAB_CACHE")
    assert module.cache_folder().parts[-2:] == (".cache", "generative-models-lab")
