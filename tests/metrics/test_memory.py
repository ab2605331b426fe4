"""Memory grows with the number of images, and not with its square."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import torch
from ganbench.metrics import frechet, kernel, memorization, neighbours, prdc

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10)

import sys
import sklearn.cluster, torch_fidelity.metric_kid
torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)
outputs, real = (torch.randn(8000, 64, generator=generator) for _ in range(2))
neighbours.nearest(outputs[:300], real)
before = peak()
frechet.frechet_distance(outputs, real)
prdc.precision_recall(outputs, real)
prdc.density_coverage(outputs, real)
memorization.authentic_percent(real, outputs)
cells = memorization.make_cells(real, 0)
memorization.data_copying(cells, real, outputs[:500], outputs)
print(peak() - before)
kernel.kernel_distance(outputs, real, 0, 1000, 2)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no getrusage")
def test_no_metric_holds_all_pairs():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    search, kernel = map(int, done.stdout.split())
    assert search < 100  # MiB; 8,000 × 8,000 distances are 244 as float32, 488 as float64
    assert kernel < 200
