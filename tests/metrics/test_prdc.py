import pytest
import torch

from ganbench.metrics import neighbours, prdc


def points(count, seed, shift=0.0):
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(seed)) + shift


def naive(outputs, real, k_pr=3, k_dc=5):
    """The definitions, written out, as the prdc package has them (with its k for each pair)."""

    def radius(x, k):
        return torch.cdist(x, x).sort(1).values[:, k]

    cross = torch.cdist(real, outputs)
    precision = (cross <= radius(real, k_pr)[:, None]).any(0).double().mean()
    recall = (cross <= radius(outputs, k_pr)[None]).any(1).double().mean()
    inside = cross < radius(real, k_dc)[:, None]
    density = inside.double().sum(0).mean() / k_dc
    coverage = (cross.amin(1) < radius(real, k_dc)).double().mean()
    return [float(value) for value in (precision, recall, density, coverage)]


@pytest.mark.parametrize("chunk", [7, 1000])
def test_agrees_with_the_definitions_for_any_chunk(chunk, monkeypatch):
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    outputs, real = points(60, 1, 0.5).double(), points(90, 2).double()
    found = [*prdc.precision_recall(outputs, real), *prdc.density_coverage(outputs, real)]
    assert found == pytest.approx(naive(outputs, real), abs=1e-6)


def test_identical_sets():
    same = points(50, 1)
    assert prdc.precision_recall(same, same) == (1, 1)
    density, coverage = prdc.density_coverage(same, same)
    assert density == pytest.approx(1)  # each real ball holds itself and k − 1 others; the k-th lies on its edge
    assert coverage == 1


def test_disjoint_sets():
    assert prdc.precision_recall(points(50, 1), points(60, 2, 100)) == (0, 0)
    assert prdc.density_coverage(points(50, 1), points(60, 2, 100)) == (0, 0)


def test_too_few_outputs_are_skipped_with_the_reason(judge_outputs, toy_data):
    evidence = judge_outputs(toy_data.images("disc", "test")[:5])
    assert "at least 6" in prdc.Prdc().skip_reason(evidence)


def test_one_picture_for_all_has_no_coverage(judge_outputs, toy_data, by_name):
    real = by_name(prdc.Prdc().compute(judge_outputs()))
    one = toy_data.images("square", "test")[:1].expand(60, -1, -1, -1).contiguous()
    collapsed = by_name(prdc.Prdc().compute(judge_outputs(one)))
    assert collapsed["coverage_toy"].value < 0.3 < real["coverage_toy"].value
    assert collapsed["coverage_toy"].protocol["k"] == 5
    assert collapsed["precision_toy"].protocol["k"] == 3
