"""Checkpoints, archives and pictures of others: nothing in them is executed, and bombs are refused unopened."""

import gzip
import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from ganbench.archives import check_archive, read_arrays
from ganbench.checkpoint import load_checkpoint, save_checkpoint
from ganbench.data.cyclegan_sets import unpack
from ganbench.data.digit_files import _unzipped
from ganbench.data.pictures import read_pictures
from ganbench.errors import InputError


class Bomb:
    """Unpickled, it would leave a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_a_checkpoint_runs_no_code(tmp_path):
    path, mark = tmp_path / "checkpoint.pt", tmp_path / "mark"
    torch.save({"format": 1, "bomb": Bomb(mark)}, path)
    with pytest.raises(InputError, match="damaged or not a ganbench checkpoint"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps({"format": 1, "bomb": Bomb(mark)}))
    with pytest.raises(InputError, match="damaged or not a ganbench checkpoint"):
        load_checkpoint(path)
    assert not mark.exists()


def test_a_checkpoint_that_is_a_bomb_is_refused_before_it_is_unpacked(tmp_path, little):
    path = bomb(tmp_path / "checkpoint.pt", "archive/data/0")
    with pytest.raises(InputError, match="would unpack to"):
        load_checkpoint(path)


def test_arrays_with_objects_run_no_code(tmp_path):
    path, mark = tmp_path / "a.npz", tmp_path / "mark"
    np.savez(path, outputs=np.array([Bomb(mark)], dtype=object))
    with pytest.raises(InputError, match="can't be read"):
        read_arrays(path, "these arrays", "Remove it.")
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY\x01\x00", b"text", b"PK\x03\x04" + b"\xff" * 100])
def test_damaged_arrays_are_refused_by_name(content, tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz: these arrays can't be read"):
        read_arrays(path, "these arrays", "Remove it.")


def test_an_array_whose_header_lies_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (2**50,)})
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("outputs.npy", header.getvalue() + b"x")
    with pytest.raises(InputError, match=r"a\.npz"):
        read_arrays(path, "these arrays", "Remove it.")


def test_an_entry_that_is_no_array_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("outputs.npy", b"no array")
    with pytest.raises(InputError, match="is no array"):
        read_arrays(path, "these arrays", "Remove it.")


@pytest.fixture
def little(monkeypatch):
    """Let archives unpack to little, so that a small one is a bomb."""
    monkeypatch.setattr("ganbench.archives.SMALL", 2**20)


def bomb(path, name):
    """Write a zip that would unpack to more than is allowed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", b"\0" * 2**21)
    return path


def test_bombs_among_archives_are_refused_before_they_are_unpacked(tmp_path, little):
    path = bomb(tmp_path / "a.npz", "outputs")
    with pytest.raises(InputError, match="would unpack to"):
        read_arrays(path, "these arrays", "Remove it.")
    with pytest.raises(InputError, match="would unpack to"):
        unpack(path, tmp_path / "set")
    assert {each.name for each in tmp_path.iterdir()} == {"a.npz"}


def test_what_is_allowed_is_seen_by_size_and_ratio(tmp_path):
    path = bomb(tmp_path / "a.npz", "outputs")
    check_archive(path)  # small: anything goes


@pytest.mark.parametrize("name", ["../escaped", "/escaped", "set/../../escaped", "..\\escaped", "C:\\escaped"])
def test_names_that_lead_out_of_a_zip_are_refused(name, tmp_path):
    path = tmp_path / "inner" / "set.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("set/a.txt", "a")
        archive.writestr(name, "b")
    with pytest.raises(InputError, match="lead out"):
        unpack(path, path.parent / "set")
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["set.zip"]


def test_ordinary_archives_are_read(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", outputs=np.zeros((4, 3, 8, 8), np.uint8), more=np.ones(3))
    check_archive(tmp_path / "a.npz")
    assert set(read_arrays(tmp_path / "a.npz", "", "")) == {"outputs", "more"}
    assert set(read_arrays(tmp_path / "a.npz", "", "", ("out",))) == {"outputs"}


def test_a_gzip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ganbench.data.digit_files.MOST_BYTES", 2**20)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(b"\0" * 2**24))
    with pytest.raises(InputError, match=r"images\.gz: would unpack to more"):
        _unzipped(path)


def test_a_picture_that_claims_too_many_pixels_is_refused_by_name_before_it_is_decoded(tmp_path, monkeypatch):
    Image.new("1", (9_000, 9_000)).save(tmp_path / "bomb.png")
    Image.new("1", (15_000, 15_000)).save(tmp_path / "large.png")  # Pillow itself refuses it
    assert (tmp_path / "bomb.png").stat().st_size < 100_000
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(InputError, match=r"(?s)bomb\.png.*at most 67,108,864 pixels.*large\.png.*bomb") as refused:
        read_pictures(tmp_path, 8)
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize(
    "change", [{"image_size": 10**6}, {"options": {"ngf": 10**9}}, {"method": "../x"}, {"seed": "x"}]
)
def test_a_checkpoint_cannot_ask_for_what_no_suite_may(change, finished, cli, tmp_path):
    path = next(finished.glob("tiny/cpu/half_cycle-*/checkpoint.pt"))
    content = load_checkpoint(path)
    content["spec"] = json.dumps({**json.loads(content["spec"]), **change})
    save_checkpoint(path, content)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    code, _, told = cli("translate", path, tmp_path / "a.png", tmp_path / "out")
    assert code == 2
    assert next(iter(change)) in told or "Unknown method" in told or "ngf" in told
