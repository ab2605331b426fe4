"""The proof of the lost node, with two short trainings."""

import subprocess
import sys
from pathlib import Path


def test_a_node_that_is_lost_costs_no_result():
    command = [sys.executable, "-m", "proofs.cluster", "--quick", "--trials", "2", "--steps", "120"]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=290)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the second node is lost" in done.stdout
    assert "went on from a checkpoint" in done.stdout
    assert "all records equal those of the undisturbed run" in done.stdout
