"""Shared fixtures: a private cache, and the smallest suite that trains."""

import shutil
import subprocess
import sys
import textwrap

import pytest
import torch
from tiny_suite import TINY_SUITE

from ganbench.cli import main
from ganbench.data.base import SPLITS, Domain, TranslationData
from ganbench.methods.base import METHODS


@pytest.fixture(scope="session", autouse=True)
def private_cache(tmp_path_factory):
    """Keep the user's own cache of images out of the tests."""
    patch = pytest.MonkeyPatch()
    patch.setenv("GANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Give torch one thread: the tests' networks are too small for more."""
    torch.set_num_threads(1)


@pytest.fixture
def add_method(monkeypatch):
    """Register a method for one test."""

    def add(name, cls):
        METHODS.names()
        monkeypatch.setitem(METHODS._things, name, cls)

    return add


@pytest.fixture
def tiny_suite(tmp_path):
    """Write the tiny suite, with replacements, and return its path."""

    def write(*replacements: tuple[str, str]):
        text = textwrap.dedent(TINY_SUITE)
        for old, new in replacements:
            assert old in text, f"{old!r} is not in the tiny suite"
            text = text.replace(old, new)
        path = tmp_path / "tiny.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def colour_data():
    """Return 16-pixel data of two domains, random grainy colours against the same with a bright square."""
    generator = torch.Generator().manual_seed(0)

    def images(count, square):
        colours = torch.randint(0, 200, (count, 3, 1, 1), generator=generator, dtype=torch.uint8)
        grain = torch.randint(0, 55, (count, 3, 16, 16), generator=generator, dtype=torch.uint8)
        pictures = colours + grain  # without grain, instance norm would divide rounding by rounding
        if square:
            pictures[:, :, 4:12, 4:12] = 255
        return pictures

    counts = {"train": 12, "val": 8, "test": 8}
    labels = {split: {"parity": torch.arange(counts[split]) % 2} for split in SPLITS}
    domains = {
        name: Domain({split: images(counts[split], name == "b") for split in SPLITS}, labels) for name in ("a", "b")
    }
    return TranslationData(domains, "a", "b", {"parity": ("even", "odd")})


@pytest.fixture
def cli(monkeypatch, capsys):
    """Call the command line in this process; return exit code, standard output and standard error."""

    def call(*arguments: object):
        monkeypatch.setattr(sys, "argv", ["ganbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return call


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture(scope="session")
def one_run(tmp_path_factory):
    """Run the tiny suite once for all tests that only look at what a run leaves."""
    folder = tmp_path_factory.mktemp("one_run")
    suite = folder / "tiny.yaml"
    suite.write_text(TINY_SUITE)
    command = ["run", suite, "--engine", "serial", "--results", folder / "results"]
    done = subprocess.run([sys.executable, "-m", "ganbench", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "results"


@pytest.fixture
def finished(one_run, results):
    """Return a private copy of a finished run."""
    shutil.copytree(one_run, results)
    return results
