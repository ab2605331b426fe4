"""CycleGAN's zips: unpacked whole or not at all, brought only where asked, and what to do where they can't be had."""

import hashlib
import socket
import zipfile
from contextlib import closing

import pytest
from file_server import serving
from picture_folders import counts, fill

from ganbench.data import cyclegan_sets
from ganbench.data.base import DATASETS
from ganbench.data.cyclegan_sets import ARCHIVES, Archive
from ganbench.errors import InputError, MissingFileError
from ganbench.options import read_options

NAME = "horse2zebra"


def dataset(root, **options):
    return read_options(DATASETS.get("cyclegan_sets"), {"set": NAME, "root": str(root), **options}, "dataset")


def write_zip(path, folder):
    """Write a zip as the authors do: one folder, in it trainA, trainB, testA, testB."""
    for name, count in (("trainA", 20), ("trainB", 24), ("testA", 4), ("testB", 5)):
        fill(folder / NAME / name, count)
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.fixture
def zipped(tmp_path):
    return write_zip(tmp_path / f"{NAME}.zip", tmp_path / "elsewhere")


def test_a_zip_in_the_root_is_unpacked_once(zipped, tmp_path):
    assert dataset(tmp_path).missing() is None
    data = dataset(tmp_path).load(8)
    assert counts(data, "horse")["test"] == 4
    assert counts(data, "zebra")["test"] == 5
    assert sum(counts(data, "zebra").values()) == 29
    assert data.credits
    zipped.unlink()
    assert dataset(tmp_path).load(8).fingerprint == data.fingerprint


def test_a_damaged_zip_leaves_no_folder(zipped, tmp_path):
    content = bytearray(zipped.read_bytes())
    content[100] ^= 255
    zipped.write_bytes(content)
    with pytest.raises(InputError, match="no sound zip"):
        dataset(tmp_path).load(8)
    assert not (tmp_path / NAME).exists()
    zipped.write_bytes(b"<html>404")
    with pytest.raises(InputError, match="no sound zip"):
        dataset(tmp_path).load(8)


def test_a_zip_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / f"{NAME}.zip", "w") as archive:
        archive.writestr("cats/1.txt", "no horse")
    with pytest.raises(InputError, match=f"must hold a folder {NAME}"):
        dataset(tmp_path).load(8)


def test_absent_files_are_named_with_address_size_and_digest(tmp_path):
    reason = dataset(tmp_path).missing()
    for word in (f"{NAME}.zip", "111 MiB", ARCHIVES[NAME].sha256, str(tmp_path), "download: true"):
        assert word in reason
    with pytest.raises(MissingFileError, match=ARCHIVES[NAME].sha256):
        dataset(tmp_path).load(8)


@pytest.fixture
def served(zipped, tmp_path, monkeypatch):
    """Serve the zip over HTTP, as the authors do; yield an empty root and the server's handler."""
    content = zipped.read_bytes()
    archive = Archive(len(content), hashlib.sha256(content).hexdigest(), ("horse", "zebra"))
    monkeypatch.setattr(cyclegan_sets, "ARCHIVES", {NAME: archive})
    with serving(content, f"/{NAME}.zip") as (address, handler):
        monkeypatch.setattr(cyclegan_sets, "URL", f"{address}/{{}}.zip")
        yield tmp_path / "there", handler


def test_a_download_is_checked_and_unpacked_once(served):
    root, handler = served
    for _ in range(2):
        assert counts(dataset(root, download=True).load(8), "horse")["test"] == 4
    assert handler.asked == [None]
    assert sorted(path.name for path in root.iterdir()) == [NAME, f"{NAME}.zip"]


def test_a_download_that_breaks_off_says_so_and_goes_on_from_there(served):
    root, handler = served
    handler.limit = 1000
    with pytest.raises(MissingFileError, match=rf"broke off after 1000 of \d+ bytes.*{NAME}.zip"):
        dataset(root, download=True).load(8)
    assert not (root / NAME).exists()
    handler.limit = None
    assert counts(dataset(root, download=True).load(8), "zebra")["test"] == 5
    assert handler.asked == [None, "bytes=1000-"]


def test_a_zip_of_another_digest_is_not_kept(served):
    root, handler = served
    handler.content = bytes(reversed(handler.content))
    with pytest.raises(InputError, match=r"must have the sha256 .* Got"):
        dataset(root, download=True).load(8)
    assert list(root.iterdir()) == []


def closed_port():
    """Return a port of this machine that nobody listens on."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_without_a_network_it_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setattr(cyclegan_sets, "URL", f"http://127.0.0.1:{closed_port()}/{{}}.zip")
    assert dataset(tmp_path, download=True).missing() is None
    with pytest.raises(MissingFileError) as caught:
        dataset(tmp_path, download=True).load(8)
    for word in ("could not be downloaded", "refused", ARCHIVES[NAME].sha256, str(tmp_path / f"{NAME}.zip")):
        assert word in str(caught.value)


def test_an_address_that_is_gone_names_the_answer(served):
    root, handler = served
    handler.place = "/elsewhere.zip"
    with pytest.raises(MissingFileError, match="the server answers 404"):
        dataset(root, download=True).load(8)


def test_an_unknown_set_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(InputError, match="horse2zebra"):
        read_options(DATASETS.get("cyclegan_sets"), {"set": "horse2zebras", "root": str(tmp_path)}, "dataset")


def test_the_suite_may_name_the_domains(tmp_path):
    made = dataset(tmp_path, source="stripes", source_folder="{split}B", target="none", target_folder="{split}A")
    assert (made.source, made.target) == ("stripes", "none")
    assert (dataset(tmp_path).source, dataset(tmp_path).target) == ("horse", "zebra")


def test_all_sets_are_named_in_the_card():
    assert len(DATASETS.get("cyclegan_sets").card().domains) == len(ARCHIVES) == 10
