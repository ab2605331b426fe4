"""What must hold on every node, tried in this process: the driver's side and a node's."""

import fcntl
import shutil

import pytest
from test_training import make_spec

from ganbench.engines import nodes
from ganbench.engines.nodes import enter, examine, read_problem, stand_on, write_answer
from ganbench.errors import InputError, StorageError
from ganbench.spec import open_dataset

DATASET = {"name": "avatars", "source": "avataaars", "target": "adventurer", "n_train": 4, "n_val": 2, "n_test": 2}


@pytest.fixture
def spec(tmp_path):
    fingerprint = open_dataset(DATASET).load(16).fingerprint
    return make_spec(tmp_path, "half_cycle", dataset=DATASET, data_fingerprint=fingerprint)


def test_a_node_that_sees_all_the_driver_sees_has_no_problem(tmp_path, spec):
    with stand_on(tmp_path) as footing:
        write_answer(footing, "a")
        assert examine(footing, spec, "a") == []
        assert read_problem(footing, "a", ended=True) == ""
        enter(footing)


def test_the_mark_is_gone_afterwards_and_so_is_that_of_a_killed_driver(tmp_path):
    (tmp_path / f"{nodes.PROBE}old").mkdir()
    with stand_on(tmp_path) as footing:
        assert [path.name for path in tmp_path.iterdir()] == [footing.mark.name]
    assert list(tmp_path.iterdir()) == []


def test_a_node_with_another_directory_is_refused(tmp_path, spec):
    with stand_on(tmp_path) as footing:
        (problem,) = examine(footing.model_copy(update={"folder": tmp_path / "elsewhere"}), spec, "a")
    assert "sees another directory than the driver, or none" in problem
    assert "--results DIR" in problem


def test_locks_that_stay_on_one_machine_are_refused(tmp_path, spec, monkeypatch):
    with stand_on(tmp_path) as footing:
        monkeypatch.setattr(fcntl, "flock", lambda file, kind: None)  # as NFS mounted with nolock answers elsewhere
        (problem,) = examine(footing, spec, "a")
    assert "doesn't see the driver's lock" in problem


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.unlink(), "gone for a moment"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "half of one is seen"),
        (lambda path: None, "the driver doesn't see it"),
    ],
)
def test_the_driver_sees_what_a_file_system_without_atomic_renames_does(tmp_path, damage, words):
    with stand_on(tmp_path) as footing:
        write_answer(footing, "a")
        damage(footing.answer_file("a"))
        assert words in read_problem(footing, "a", ended=True)


def test_another_version_and_other_files_of_one_version_are_refused(tmp_path, spec):
    with stand_on(tmp_path) as footing:
        for name, words in {
            "ganbench": "and the driver other. Install",
            "torch": "and the driver other. Install",
            "source": "but other source files",
        }.items():
            other = footing.model_copy(update={"code": {**footing.code, name: "other"}})
            (problem,) = examine(other, spec, "a")
            assert words in problem
            if name == "source":
                enter(other)  # somebody may edit ganbench while a run goes on
            else:
                with pytest.raises(InputError, match=words):
                    enter(other)


def test_other_images_are_refused_before_training(tmp_path, spec):
    changed = spec.model_copy(update={"data_fingerprint": "0" * 64})
    with stand_on(tmp_path) as footing:
        (problem,) = examine(footing, changed, "a")
    assert "can't load the images" in problem
    assert "fingerprint" in problem


def test_no_trial_starts_once_the_directory_vanished(tmp_path):
    folder = tmp_path / "results"
    with stand_on(folder) as footing:
        shutil.rmtree(folder)
        folder.mkdir()  # as where a disk is no longer mounted
        assert not footing.is_there
        with pytest.raises(StorageError, match="no longer mounted"):
            enter(footing)


def test_folders_of_caches_come_from_the_driver_unless_the_node_has_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", "/drivers/cache")
    monkeypatch.setenv("GANBENCH_WEIGHTS", "/drivers/weights")
    with stand_on(tmp_path) as footing:
        monkeypatch.setenv("GANBENCH_CACHE", "/nodes/cache")
        monkeypatch.delenv("GANBENCH_WEIGHTS")
        enter(footing)
        assert nodes.os.environ["GANBENCH_CACHE"] == "/nodes/cache"
        assert nodes.os.environ["GANBENCH_WEIGHTS"] == "/drivers/weights"
