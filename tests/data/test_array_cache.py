from pathlib import Path

import numpy as np
import pytest

from ganbench.data.cache import cache_file, cache_folder, read_arrays, write_arrays

ARRAYS = {"a/b": np.arange(6, dtype=np.uint8).reshape(2, 3), "c": np.array([-1, 2], dtype=np.int64)}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "x.npz"
    write_arrays(file, ARRAYS)
    read = read_arrays(file)
    assert read is not None
    assert read.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype
        assert np.array_equal(read[name], array)
    assert list(file.parent.iterdir()) == [file]


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "x.npz"
    write_arrays(file, ARRAYS)
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert read_arrays(file) is None


def test_absent_file_and_folder_in_its_place_read_as_nothing(tmp_path: Path) -> None:
    assert read_arrays(tmp_path / "absent.npz") is None
    assert read_arrays(tmp_path) is None


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="GANBENCH_CACHE"):
        write_arrays(tmp_path / "file" / "x.npz", ARRAYS)
    (tmp_path / "x.npz").mkdir()
    with pytest.warns(UserWarning, match="GANBENCH_CACHE"):
        write_arrays(tmp_path / "x.npz", ARRAYS)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "x.npz"}


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    assert cache_file("faces", "a", "b").parent == tmp_path
    monkeypatch.delenv("GANBENCH_CACHE")
    assert cache_folder().name == "ganbench"


def test_different_parts_are_different_files() -> None:
    assert cache_file("faces", "a", "b") == cache_file("faces", "a", "b")
    assert (
        len({cache_file("faces", *parts) for parts in (("a", "b"), ("b", "a"), ("ab",), ("a\nb",), ("a", "b", ""))})
        == 5
    )
