import numpy as np
import pytest
import torch

from ganbench.metrics import frechet
from ganbench.metrics.base import METRICS
from ganbench.metrics.frechet import Moments, frechet_distance, moments
from ganbench.metrics.frechet_infinity import FrechetInfinity, distances_by_size, extrapolate, subset_sizes
from ganbench.metrics.workbench import Workbench

WIDTH = 16


@pytest.mark.parametrize(("count", "start"), [(50_000, 5000), (80_000, 5000), (6000, 600), (250, 25), (20, 2)])
def test_fifteen_different_sizes_from_a_tenth_to_all(count, start):
    sizes = subset_sizes(count)
    assert (sizes[0], sizes[-1], len(set(sizes))) == (start, count, 15)
    assert max(np.diff(sizes)) - min(np.diff(sizes)) <= 1


def test_intercept_of_a_line_in_one_over_n():
    sizes = subset_sizes(400)
    assert extrapolate(sizes, [7 + 30 / size for size in sizes]) == pytest.approx(7)


def gaussian(count, seed):
    """Draw from a Gaussian with mean 0.3 and standard deviations 2 in every direction."""
    return 0.3 + 2 * torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed))


def test_intercept_is_nearer_to_the_distance_of_known_gaussians():
    reference = Moments(torch.zeros(WIDTH, dtype=torch.float64), 1.5 * torch.eye(WIDTH, dtype=torch.float64))
    truth = WIDTH * (0.3**2 + (2 - 1.5) ** 2)
    sizes = subset_sizes(400)
    runs = [distances_by_size(gaussian(400, seed), reference, sizes, seed) for seed in range(24)]
    biased = np.array([run[-1] for run in runs]) - truth
    freed = np.array([extrapolate(sizes, run) for run in runs]) - truth
    assert biased.mean() > 3 * biased.std() / 24**0.5  # there is a bias to be freed of
    assert abs(freed.mean()) < biased.mean() / 3


def test_subset_of_all_gives_the_plain_distance():
    outputs, real = gaussian(60, 1), gaussian(90, 2)
    assert distances_by_size(outputs, moments(real), [60], 0) == pytest.approx([frechet_distance(outputs, real)])


def test_subsets_follow_from_the_seed_alone_and_repeat_no_image():
    outputs, reference = gaussian(60, 1), moments(gaussian(90, 2))
    torch.manual_seed(0)
    before = distances_by_size(outputs, reference, [20, 30], 3)
    torch.randn(5)
    assert distances_by_size(outputs, reference, [20, 30], 3) == before
    assert distances_by_size(outputs, reference, [30], 3) == before[1:]
    assert distances_by_size(outputs, reference, [20, 30], 4) != before
    shuffled = outputs[torch.randperm(60, generator=torch.Generator().manual_seed(1))]  # drawn with replacement differs
    assert distances_by_size(shuffled, reference, [60], 3) == pytest.approx(
        distances_by_size(outputs, reference, [60], 4)
    )


def test_moments_of_the_reference_are_computed_once_for_all_families(judge_outputs, toy_data, tmp_path, monkeypatch):
    counts = []
    monkeypatch.setattr(
        frechet, "covariance_factor", lambda f, g=frechet.covariance_factor: counts.append(len(f)) or g(f)
    )
    evidence = judge_outputs(toy_data.images("disc", "test"), workbench=Workbench(toy_data, "toy", tmp_path))
    for family in ("frechet", "frechet_infinity", "mifid"):
        METRICS.get(family)().compute(evidence)
    assert counts.count(90) == 1
    assert sorted(counts)[-4:-1] == [60, 60, 60]


def test_real_images_beat_copying_and_details_hold_the_points(judge_outputs, toy_data):
    real, copied = (
        FrechetInfinity().compute(judge_outputs(images))[0] for images in (None, toy_data.images("disc", "test"))
    )
    assert real.value < copied.value
    assert real.value < real.details["values"][-1]
    assert real.details["sizes"] == subset_sizes(60)
    assert len(real.details["values"]) == 15
    assert real.std is None
    assert real.protocol | {"sizes": "15 from 6 to 60", "seed": 0, "n": 60, "n_reference": 90} == real.protocol


def test_plain_name_belongs_to_inception_alone():
    named = [FrechetInfinity().quantities(name)[0] for name in ("inception-v3", "efficientnet-lite0")]
    assert [quantity.name for quantity in named] == ["fid_infinity", "fd_infinity_efficientnet-lite0"]
    assert [quantity.title for quantity in named] == ["FID∞", "FD∞ (EfficientNet-Lite0)"]


@pytest.mark.parametrize(("count", "refused"), [(19, True), (20, False)])
def test_too_few_images_are_refused(count, refused, judge_outputs, toy_data):
    reason = FrechetInfinity().skip_reason(judge_outputs(toy_data.images("disc", "test")[:count]))
    assert reason == ("needs at least 20 outputs and reference images, got 19" if refused else None)
