"""What a run needs processes of its own for: Ctrl-C, Ray, methods of other packages."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from runs import content, records, run_serial

from ganbench.results.store import read_profile


def start(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "ganbench", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        start_new_session=True,
    )


@pytest.mark.parametrize(("engine", "number"), [("ray", signal.SIGINT), ("serial", signal.SIGTERM)])
def test_ctrl_c_or_sigterm_saves_and_the_same_command_goes_on(tiny_suite, results, cli, engine, number):
    suite = tiny_suite(("steps: 4", "steps: 400"))
    process = start("run", suite, "--engine", engine, "--results", results)
    deadline = time.monotonic() + 120
    while not list(results.rglob("step_0000100.png")):
        assert time.monotonic() < deadline, "training did not begin"
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    record = records(results)["half_cycle"]
    assert record.status == "interrupted"
    assert record.curve[-1]["step"] >= 100
    code, _, err = run_serial(cli, suite, results, "--only", "half_cycle")
    assert code == 0, err
    assert "goes on from step" in err
    finished = records(results)["half_cycle"]
    assert finished.status == "ok"
    assert finished.curve[-1]["step"] == 400


def test_ray_and_serial_give_identical_scores(tiny_suite, tmp_path, cli):
    suite = tiny_suite(("[half_cycle]", "[half_cycle, cyclegan]"), ("seeds: [0]", "seeds: [0, 1]"))
    through_ray = start("run", suite, "--engine", "ray", "--results", tmp_path / "ray")
    code, _, err = run_serial(cli, suite, tmp_path / "serial")
    assert code == 0, err
    _, err = through_ray.communicate(timeout=200)
    assert through_ray.returncode == 0, err
    found = {}
    for engine in ("ray", "serial"):
        read = read_profile(tmp_path / engine / "tiny" / "cpu").records.values()
        found[engine] = {(record.label, record.seed): content(record) for record in read}
    assert len(found["ray"]) == 9
    assert found["ray"] == found["serial"]


PLUGIN = """
from ganbench.methods.base import METHODS, Method

@METHODS.register("their_negative")
class Negative(Method):
    summary = "the negative of the input"
    trained = False

    def translate(self, source, generator):
        return -source
"""


def test_a_method_in_a_package_of_its_own_is_found_and_run(tiny_suite, tmp_path, results):
    package = tmp_path / "their_package"
    package.mkdir()
    (package / "their_methods.py").write_text(PLUGIN)
    (package / "pyproject.toml").write_text(
        textwrap.dedent("""
        [build-system]
        requires = ["setuptools"]
        build-backend = "setuptools.build_meta"
        [project]
        name = "their-package"
        version = "1.0"
        [project.entry-points."ganbench.methods"]
        their_negative = "their_methods"
        [tool.setuptools]
        py-modules = ["their_methods"]
        """)
    )
    installed = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--target", installed, package], check=True, capture_output=True
    )  # fmt: skip
    process = start(
        "run", tiny_suite(("[half_cycle]", "[their_negative]")), "--results", results, PYTHONPATH=str(installed)
    )
    _, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert records(results)["their_negative"].status == "ok"
    (folder,) = (results / "tiny" / "cpu").glob("their_negative-*")
    with np.load(folder / "translations.npz") as stored:
        inputs = next((results / "tiny" / "cpu").glob("identity-*"))
        assert np.abs(255 - stored["outputs"].astype(int) - np.load(inputs / "translations.npz")["outputs"]).max() <= 1
