"""MNIST, USPS and SVHN from files: every layout is read, splits share no image, absent files are named."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from ganbench.data.base import DATASETS, SPLITS
from ganbench.data.digit_files import SETS
from ganbench.errors import InputError, MissingFileError
from ganbench.options import read_options
from ganbench.seeding import numpy_generator

COUNTS = {"train": 30, "test": 12}
ASSETS = os.environ.get("GANBENCH_TEST_ASSETS")


def dataset(root, **options):
    options = {"source": "usps", "target": "mnist", "n_val": 5, **options}
    return read_options(DATASETS.get("digit_sets"), {"root": str(root), **options}, "dataset digit_sets")


def made(name, part, side, channels=()):
    generator = numpy_generator(0, name, part)
    pictures = generator.integers(0, 256, (COUNTS[part], side, side, *channels), dtype=np.uint8)
    return pictures, np.arange(COUNTS[part]) % 10


def write_idx(path, array, zipped):
    path.parent.mkdir(parents=True, exist_ok=True)
    head = struct.pack(f">4B{array.ndim}i", 0, 0, 8, array.ndim, *array.shape)
    content = head + array.astype(np.uint8).tobytes()
    path = path.with_name(f"{path.name}.gz") if zipped else path
    path.write_bytes(gzip.compress(content) if zipped else content)


def write_mnist(folder, zipped=True, parts=("train", "test")):
    for part in parts:
        pictures, labels = made("mnist", part, 28)
        word = {"train": "train", "test": "t10k"}[part]
        write_idx(folder / f"{word}-images-idx3-ubyte", pictures, zipped)
        write_idx(folder / f"{word}-labels-idx1-ubyte", labels, zipped)


def write_usps(root):
    for part in COUNTS:
        pictures, labels = made("usps", part, 16)
        np.savez(root / f"usps_{part}.npz", images=(pictures / 127.5 - 1).astype(np.float32), labels=labels)


@pytest.fixture
def root(tmp_path):
    write_mnist(tmp_path)
    write_usps(tmp_path)
    return tmp_path


def test_domains_labels_and_splits(root):
    data = dataset(root).load(32)
    assert (data.source, data.target) == ("usps", "mnist")
    for name in data.domains:
        assert [len(data.images(name, split)) for split in SPLITS] == [25, 5, 12]
        seen = [{image.numpy().tobytes() for image in data.images(name, split)} for split in SPLITS]
        assert len(set.union(*seen)) == 42
    assert data.classes["digit"][3] == "3"


def test_pictures_and_labels_stay_together(root):
    data = dataset(root).load(32)
    pictures, labels = made("mnist", "train", 28)
    known = {one.tobytes(): label for one, label in zip(pictures, labels, strict=True)}
    inner = data.images("mnist", "train")[:, 0, 2:30, 2:30].contiguous()
    found = [known[image.numpy().tobytes()] for image in inner]
    assert found == data.labels("mnist", "train")["digit"].tolist()
    assert not data.images("mnist", "train")[..., :2].any()  # DTN's border


def test_the_values_of_npz_are_those_of_the_picture(root):
    read = SETS["usps"].read(root, "test", (root / "usps_test.npz",))[0]
    assert np.array_equal(read, made("usps", "test", 16)[0])


def test_torchvisions_layout_unzipped_is_read_too(root, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    write_mnist(other / "MNIST" / "raw", zipped=False)
    write_usps(other)
    assert dataset(other).load(16).fingerprint == dataset(root).load(16).fingerprint


def test_svhn_is_read_by_torchvision(root, monkeypatch):
    from scipy.io import savemat
    from torchvision.datasets import SVHN

    for part in COUNTS:
        pictures, labels = made("svhn", part, 32, (3,))
        tens = np.where(labels == 0, 10, labels)[:, None]
        savemat(root / f"{part}_32x32.mat", {"X": pictures.transpose(1, 2, 3, 0), "y": tens})
    monkeypatch.setattr(SVHN, "_check_integrity", lambda self: True)
    data = dataset(root, source="svhn", target="usps").load(32)
    assert torch.equal(
        data.images("svhn", "test"), torch.from_numpy(made("svhn", "test", 32, (3,))[0]).permute(0, 3, 1, 2)
    )
    assert data.labels("svhn", "test")["digit"].tolist() == [k % 10 for k in range(12)]


def test_limits_take_the_first_of_the_same_order(root):
    whole, few = dataset(root).load(16), dataset(root, n_train=7, n_test=4).load(16)
    for split, count in (("train", 7), ("val", 5), ("test", 4)):
        assert torch.equal(few.images("usps", split), whole.images("usps", split)[:count])


def test_absent_files_are_named_and_nothing_is_read(tmp_path):
    write_mnist(tmp_path, parts=("test",))
    reason = dataset(tmp_path).missing()
    for word in ("usps.bz2", "usps_train.npz", "train-images-idx3-ubyte", "download: true", "MNIST/raw"):
        assert word in reason
    assert "t10k" not in reason
    with pytest.raises(MissingFileError, match="usps_train"):
        dataset(tmp_path).load(16)


def test_an_own_division_needs_one_of_the_published_parts_alone(tmp_path):
    write_mnist(tmp_path, parts=("test",))
    write_usps(tmp_path)
    own = dataset(tmp_path, division="own", n_val=2)
    assert own.missing() is None
    data = own.load(16)
    assert [len(data.images("mnist", split)) for split in SPLITS] == [8, 2, 2]
    assert [len(data.images("usps", split)) for split in SPLITS] == [32, 2, 8]


def test_a_download_that_fails_says_which_files_to_put_where(tmp_path, monkeypatch):
    asked = []

    def refuse(url, *args, **kwargs):
        asked.append(url)
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.datasets.usps.download_url", refuse)
    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", refuse)
    with pytest.raises(MissingFileError) as caught:
        dataset(tmp_path, download=True).load(16)
    assert any("usps" in url for url in asked)
    assert any("train-images-idx3-ubyte" in url for url in asked)
    for word in ("no route to host", "by hand", "usps.bz2", "t10k-images-idx3-ubyte"):
        assert word in str(caught.value)


def test_a_broken_idx_file_is_named(root):
    broken = root / "train-images-idx3-ubyte.gz"
    broken.write_bytes(gzip.compress(gzip.decompress(broken.read_bytes())[:-5]))
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte\.gz: must hold"):
        dataset(root).load(16)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"target": "usps"}, "another set"), ({"source": "emnist"}, "mnist"), ({"n_vel": 1}, "Did you mean 'n_val'")],
)
def test_bad_options_are_answered_with_the_remedy(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        dataset(tmp_path, **options)


def test_validation_must_leave_something_to_train_on(root):
    with pytest.raises(InputError, match="n_val must be below the 30 images of usps"):
        dataset(root, n_val=30).load(16)


@pytest.mark.assets
@pytest.mark.skipif(not ASSETS, reason="GANBENCH_TEST_ASSETS names no folder")
def test_real_digits_become_a_task():
    folder = Path(str(ASSETS)) / "data" / "digits"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    data = dataset(folder, division="own", n_train=2000, n_val=200, n_test=300).load(32)
    assert len(data.images("usps", "train")) == 2000
    ones, zeros = (
        data.images("mnist", "train")[data.labels("mnist", "train")["digit"] == digit].float().mean()
        for digit in (1, 0)
    )
    assert ones < zeros  # a one takes less ink than a zero
