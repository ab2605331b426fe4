import hashlib
import re
from dataclasses import replace

import pytest

from ganbench.errors import InputError, MissingFileError
from ganbench.nets.weights import WEIGHTS, WeightsFile

CONTENT = b"weights"


@pytest.fixture
def file():
    """Describe a file whose right content is known."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    return WeightsFile(
        name="net",
        title="A network",
        digests={"first.pth": digest, "second.pth": digest},
        url="https://example.org/first.pth",
        size=len(CONTENT),
        licence="none",
        source="this test",
    )


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """Let there be two empty folders: the named one and torch's cache."""
    named, cache = tmp_path / "named", tmp_path / "hub" / "checkpoints"
    named.mkdir()
    cache.mkdir(parents=True)
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(named))
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    return named, cache


def test_the_named_folder_goes_before_torchs_cache(file, folders):
    assert file.find() is None
    for folder in reversed(folders):
        (folder / "second.pth").write_bytes(CONTENT)
        assert file.require() == folder / "second.pth"


def test_absence_names_file_places_and_command(file, folders):
    with pytest.raises(MissingFileError) as error:
        file.require()
    for part in ("A network", "first.pth", *map(str, folders), "ganbench weights fetch net"):
        assert part in str(error.value)


def test_other_content_is_refused_even_after_a_good_look(file, folders):
    path = folders[0] / "first.pth"
    path.write_bytes(CONTENT)
    assert file.find() == path
    path.write_bytes(b"other weights")
    with pytest.raises(InputError, match="damaged or another file"):
        file.find()


def test_digest_in_use_is_that_of_the_file_which_is_found(file, folders):
    other = replace(file, digests={**file.digests, "other.pth": hashlib.sha256(b"other").hexdigest()})
    assert other.digest_in_use() == file.sha256
    (folders[1] / "other.pth").write_bytes(b"other")
    assert other.digest_in_use() == other.digests["other.pth"]


def test_every_listed_file_says_what_it_is():
    assert {"inception-v3", "lpips-squeeze"} <= set(WEIGHTS.names())
    for name in WEIGHTS.names():
        file = WEIGHTS.get(name)
        assert file.name == name
        assert file.url.startswith("https://")
        assert file.size > 1_000_000
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in file.digests.values())
        assert set(file.notes) < set(file.digests)
        assert file.licence
        assert file.source
