"""The proof of fifty kills, with two."""

import subprocess
import sys
from pathlib import Path


def test_a_run_that_is_killed_again_and_again_ends_as_one_left_alone():
    command = [sys.executable, "-m", "proofs.kills", "--kills", "2", "--steps", "24", "--interval", "0.1"]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=290)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kills" in done.stdout
    assert "all records equal those of the undisturbed run" in done.stdout
