import numpy as np
import pytest

from ganbench.errors import InputError
from ganbench.results.pictures import (
    MOST,
    NEIGHBOURS_FILE,
    PICTURES_FILE,
    Pictures,
    closest_pairs,
    read_neighbours,
    read_pictures,
    write_neighbours,
    write_pictures,
)


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)


@pytest.mark.parametrize("counterparts", [None, noise(20, 2)])
def test_the_first_test_images_are_read_back(tmp_path, counterparts):
    credits = ("“Faces” by Ada, CC BY 4.0",)
    write_pictures(tmp_path, Pictures(noise(20), noise(20, 1), counterparts, credits))
    found = read_pictures(tmp_path)
    assert found is not None
    np.testing.assert_array_equal(found.inputs, noise(20)[:MOST])
    np.testing.assert_array_equal(found.real, noise(20, 1)[:MOST])
    assert (found.counterparts is None) == (counterparts is None)
    assert found.credits == credits


def test_neighbours_are_stored_in_the_order_of_the_pairs(tmp_path):
    details = {"closest": [{"output": 3, "train": 7, "score": 0.1, "seen": "upright"}, {"output": 0, "train": 2,
               "score": 0.4, "seen": "mirrored"}]}  # fmt: skip
    write_neighbours(tmp_path, details, noise(9))
    np.testing.assert_array_equal(read_neighbours(tmp_path), noise(9)[[7, 2]])


def test_nothing_stored_is_nothing_read(tmp_path):
    write_neighbours(tmp_path, {}, noise(3))
    assert (read_pictures(tmp_path), read_neighbours(tmp_path)) == (None, None)


def test_pairs_of_another_form_are_no_pairs():
    assert closest_pairs({"closest": [{"output": 1}, 3]}) == []


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_broken_files_are_named_with_the_remedy(tmp_path, content):
    for name, read in ((PICTURES_FILE, read_pictures), (NEIGHBOURS_FILE, read_neighbours)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}.*run again"):
            read(tmp_path)
