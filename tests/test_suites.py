"""Every suite of the project: valid in all profiles, described, within its budget's rules, and in the catalogue."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import BaseModel

from ganbench.data.folder_dataset import FolderDataset
from ganbench.variants import expand, load_suite

ROOT = Path(__file__).parent.parent
SUITES = sorted((ROOT / "suites").glob("*.yaml"))
CATALOGUE = ROOT / "suites" / "README.md"
OWN_PICTURES = [path for path in SUITES if isinstance(load_suite(path).dataset("cpu"), FolderDataset)]


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_suite_is_valid_and_has_its_profiles_and_a_description(path):
    suite = load_suite(path).suite
    assert suite.name == path.stem
    assert {"cpu", "gpu", "smoke"} <= set(suite.profiles)
    assert suite.description


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_suite_compares_at_least_two_trained_rows_and_the_gpu_profile_five_seeds(path):
    loaded = load_suite(path)
    for profile in ("cpu", "gpu", "smoke"):
        assert sum(variant.cls.trained for variant in expand(loaded, profile)) >= 2
    assert len(loaded.seeds("gpu")) == 5
    assert loaded.seeds("smoke") == [0]


def counted(dataset: BaseModel) -> set[str]:
    """Return the keys of a dataset that say how many pictures; of a degraded one, those of what it is made from."""
    return set(getattr(dataset, "of", dataset.model_dump())) & {"n_train", "n_test"}


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_suite_takes_the_number_of_training_and_of_evaluated_images(path):
    assert counted(load_suite(path).dataset("cpu")) == {"n_train", "n_test"}


def test_the_catalogue_names_every_suite_once_with_its_results():
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.yaml\) \|.*$", CATALOGUE.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == [(path.stem, path.stem) for path in SUITES]


def test_the_catalogue_links_what_is_there_and_all_that_is_published():
    links = re.findall(r"\]\((?!http)([^)#]+)", CATALOGUE.read_text("utf-8"))
    assert [link for link in links if not (CATALOGUE.parent / link).exists()] == []
    linked = {(CATALOGUE.parent / link).resolve() for link in links}
    assert [path for path in committed() if path.name == "leaderboard.md" and path not in linked] == []


@pytest.mark.parametrize("path", OWN_PICTURES, ids=lambda path: path.stem)
def test_a_suite_of_pictures_that_are_not_here_says_what_to_put_where(path, tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path))
    dataset = load_suite(path).dataset("cpu")
    reason = str(dataset.model_copy(update={"download": False}).missing())
    assert str(tmp_path) in reason
    assert "http" in reason


@pytest.mark.parametrize("path", OWN_PICTURES, ids=lambda path: path.stem)
def test_pictures_of_others_are_credited_and_none_is_committed(path):
    credits = load_suite(path).dataset("cpu").credits
    assert all(credit.artist and credit.licence for credit in credits)
    assert [credit.publish for credit in credits].count(False) >= 1
    suite = ROOT / "results" / path.stem
    assert [file for file in committed() if file.is_relative_to(suite) and file.suffix in (".png", ".npz")] == []


def test_every_published_page_shows_pictures_that_are_committed_too():
    files = set(committed())
    shown = [path.parent / name for path in files if path.name == "leaderboard.md"
             for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", path.read_text("utf-8"))]  # fmt: skip
    assert [path for path in shown if path not in files] == []


@pytest.mark.parametrize("name", ["comparison-private.png", "pictures.npz", "cyclegan-seed0-00000000/samples.png"])
def test_git_leaves_out_what_may_not_be_published(name):
    told = git("check-ignore", "--no-index", f"results/celeba_gender/cpu/{name}")
    assert told == [f"results/celeba_gender/cpu/{name}"]
    assert git("check-ignore", "--no-index", "results/celeba_gender/cpu/leaderboard.md") == []


def committed():
    """Return the committed files of results/."""
    return [ROOT / name for name in git("ls-files", "results")]


def git(*arguments):
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and the repository")
    told = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return told.stdout.splitlines()
