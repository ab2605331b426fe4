import hashlib

import pytest

from ganbench.errors import InputError, MissingFileError
from ganbench.nets.weights import WeightsFile

CONTENT = b"weights"


@pytest.fixture
def file():
    """Describe a file whose right content is known."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    return WeightsFile("A network", {"first.pth": digest, "second.pth": digest}, "python -c 'get it'")


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
    for part in ("A network", "first.pth", *map(str, folders), "python -c 'get it'"):
        assert part in str(error.value)


def test_other_content_is_refused_even_after_a_good_look(file, folders):
    path = folders[0] / "first.pth"
    path.write_bytes(CONTENT)
    assert file.find() == path
    path.write_bytes(b"other weights")
    with pytest.raises(InputError, match="damaged or another file"):
        file.find()
