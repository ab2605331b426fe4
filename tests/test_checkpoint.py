"""Checkpoints: the last two are kept, damage is found, and a full disk is told."""

import pytest
import torch

from ganbench.checkpoint import (
    CHECKPOINT_FILE,
    DAMAGED_FILE,
    PREVIOUS_FILE,
    load_checkpoint,
    load_latest,
    save_checkpoint,
)
from ganbench.errors import DamagedCheckpointError, InputError, StorageError


@pytest.fixture
def path(tmp_path):
    return tmp_path / CHECKPOINT_FILE


def save(path, *steps):
    for step in steps:
        save_checkpoint(path, {"step": step, "weights": torch.full((1000,), float(step))})


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "flipped":
        content[len(content) // 2] ^= 1  # one bit, amid the weights: torch alone would not notice
    path.write_bytes(content[: len(content) // 2] if how == "cut" else content if how == "flipped" else b"")


def test_the_last_two_are_kept(path):
    save(path, 1, 2, 3)
    assert load_checkpoint(path)["step"] == 3
    assert load_checkpoint(path.with_name(PREVIOUS_FILE))["step"] == 2
    assert sorted(each.name for each in path.parent.iterdir()) == [PREVIOUS_FILE, CHECKPOINT_FILE]


@pytest.mark.parametrize("how", ["cut", "flipped", "emptied"])
def test_where_the_last_is_damaged_the_one_before_is_used_and_that_is_said(path, how):
    save(path, 1, 2)
    damage(path, how)
    said = []
    assert load_latest(path, said.append)["step"] == 1
    assert len(said) == 1
    assert f"{path}: is damaged" in said[0]
    assert "goes on from the one before" in said[0]
    save(path, 3)  # the damaged file doesn't become the one before
    damage(path, how)
    path.with_name(DAMAGED_FILE).unlink()
    assert load_latest(path, said.append)["step"] == 1


def test_where_both_are_damaged_training_starts_anew(path):
    save(path, 1, 2)
    for each in (path, path.with_name(PREVIOUS_FILE)):
        damage(each, "cut")
    said = []
    assert load_latest(path, said.append) is None
    assert ["anew" in each for each in said] == [False, True]


def test_a_crash_between_the_two_renames_costs_one_checkpoint(path):
    save(path, 1)
    path.replace(path.with_name(PREVIOUS_FILE))
    assert load_latest(path, pytest.fail)["step"] == 1


def test_what_a_newer_version_wrote_is_never_put_aside(path):
    torch.save({"format": 99}, path)
    with pytest.raises(InputError, match="newer ganbench"):
        load_latest(path, pytest.fail)
    assert path.exists()


def test_a_full_disk_is_told_although_torch_hides_it(path, monkeypatch):
    save(path, 1)
    real_save = torch.save

    class Full:
        def __init__(self, file):
            self.file, self.room = file, 2000

        def write(self, data):
            self.room -= len(data)
            if self.room < 0:
                raise OSError(28, "No space left on device")
            return self.file.write(data)

        def flush(self):
            pass

    monkeypatch.setattr(torch, "save", lambda content, file: real_save(content, Full(file)))
    with pytest.raises(StorageError, match=r"checkpoint\.pt: can't be written: No space left on device\. Free some"):
        save(path, 2)
    monkeypatch.undo()
    assert load_checkpoint(path)["step"] == 1
    assert [each.name for each in path.parent.iterdir()] == [CHECKPOINT_FILE]


def test_damage_is_an_error_of_its_own(path):
    path.write_text("hello")
    with pytest.raises(DamagedCheckpointError):
        load_checkpoint(path)
