import itertools
from types import SimpleNamespace

import pytest
import torch

from ganbench.metrics.lpips_diversity import (
    BICYCLEGAN,
    MUNIT,
    LpipsDiversity,
    all_pairs,
    consecutive_pairs,
    drawn_pairs,
    pairwise,
)
from ganbench.nets.perceptual import Lpips
from ganbench.seeding import torch_generator

PD = "diversity_stargan-v2_pd_efficientnet-lite0"
LPIPS = "lpips-squeeze-v0.1"


@pytest.fixture(autouse=True)
def no_lpips_file(monkeypatch, tmp_path):
    """Hide whatever weights this machine has."""
    monkeypatch.delenv("GANBENCH_WEIGHTS", raising=False)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))


@pytest.fixture
def lpips(monkeypatch):
    """Return a workbench whose LPIPS is half the squared difference of the first pixel's red, its file being here."""
    monkeypatch.setattr("ganbench.metrics.lpips_diversity.SQUEEZENET", SimpleNamespace(find=lambda: True))
    monkeypatch.setattr(Lpips, "maps", lambda self, images: [images[:, :1, :1, :1] * 0.5**0.5])
    distance = Lpips.__new__(Lpips)
    distance.digest = "1" * 64
    return SimpleNamespace(distances=lambda: [distance])


def reds(values):
    """Return samples (M, K, 3, 8, 8) of one red each."""
    samples = torch.zeros(*values.shape, 3, 8, 8, dtype=torch.uint8)
    samples[:, :, 0] = values.to(torch.uint8)[:, :, None, None]
    return samples


def test_the_pairs_of_each_protocol():
    assert consecutive_pairs(4).tolist() == [[0, 1], [1, 2], [2, 3]]
    assert [tuple(pair) for pair in all_pairs(10).tolist()] == list(itertools.combinations(range(10), 2))
    first, again, other = (drawn_pairs(20, 19, torch_generator(0, "pairs", k)).tolist() for k in (1, 1, 2))
    assert first == again != other
    assert len({tuple(pair) for pair in first}) == 19
    assert all(i < j < 20 for i, j in first)


def test_each_protocol_by_hand(judge_outputs, toy_data, lpips, by_name):
    values = torch.randint(0, 256, (103, 20), generator=torch.Generator().manual_seed(0))
    evidence = judge_outputs(toy_data.images("disc", "test"), samples=reds(values), workbench=lpips)
    found = by_name(LpipsDiversity().compute(evidence))
    assert LpipsDiversity().missing(evidence).keys() == set()
    squares = (values[:, :, None] - values[:, None]).double().square() / 2
    consecutive = squares[:100].diagonal(1, 1, 2)
    assert found[f"diversity_bicyclegan_{LPIPS}"].value == pytest.approx(float(consecutive.mean()))
    pairs = [MUNIT.pairs(torch_generator(0, "pairs of outputs", index)) for index in range(100)]
    drawn = torch.stack([squares[index][i, j] for index, (i, j) in enumerate(pair.T for pair in pairs)])
    assert found[f"diversity_munit_{LPIPS}"].value == pytest.approx(float(drawn.mean()))
    triangle = squares[:, :10, :10].sum() / (103 * 90)
    assert found[f"diversity_stargan-v2_{LPIPS}"].value == pytest.approx(float(triangle))
    assert [value.n for value in found.values()] == [1900, 1900, 103 * 45]
    assert {value.quantity.title for value in found.values()} == {
        f"{name} diversity, LPIPS (SqueezeNet) v0.1" for name in ("BicycleGAN", "MUNIT", "StarGAN v2")
    }


def test_all_protocols_estimate_the_same(judge_outputs, toy_data, lpips, by_name):
    values = torch.randint(0, 256, (100, 20), generator=torch.Generator().manual_seed(1))
    evidence = judge_outputs(toy_data.images("disc", "test"), samples=reds(values), workbench=lpips)
    expected = (256**2 - 1) / 12  # half the mean squared difference of two is their variance
    for value in LpipsDiversity().compute(evidence):
        assert value.value == pytest.approx(expected, rel=0.06)


def test_pairs_weigh_the_same_in_the_embedded_distance(judge_outputs, toy_data, toy_workbench, by_name):
    samples = torch.randint(0, 256, (3, 10, 3, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    samples[0] = samples[0, 0]  # ten times the same for the first input
    evidence = judge_outputs(toy_data.images("disc", "test"), samples=samples)
    value = by_name(LpipsDiversity().compute(evidence))[PD]
    distance = toy_workbench.distances()[0]
    assert value.value == pytest.approx(sum(distance.spread(images) for images in samples) / 3, rel=1e-5)
    table = pairwise(distance, samples[1])
    assert float(table[2, 5]) == pytest.approx(float(distance.between(samples[1, 2:3], samples[1, 5:6])), rel=1e-5)
    assert float(pairwise(distance, samples[0]).max()) == 0
    assert value.n == 135
    assert value.protocol["deterministic"] is False


def test_deterministic_methods_have_no_diversity_under_any_protocol(judge_outputs, toy_data, lpips, toy_workbench):
    for workbench, count in ((toy_workbench, 1), (lpips, 3)):
        evidence = judge_outputs(toy_data.images("disc", "test"), workbench=workbench)
        assert LpipsDiversity().skip_reason(evidence) is None
        values = LpipsDiversity().compute(evidence)
        assert len(values) == count
        for value in values:
            assert (value.value, value.n, value.protocol["deterministic"]) == (0, 0, True)


def test_too_few_outputs_or_inputs_are_a_reason(judge_outputs, toy_data, lpips):
    def missing(inputs, outputs):
        samples = reds(torch.zeros(inputs, outputs))
        evidence = judge_outputs(toy_data.images("disc", "test"), samples=samples, workbench=lpips)
        values = {} if LpipsDiversity().skip_reason(evidence) else LpipsDiversity().compute(evidence)
        return LpipsDiversity().skip_reason(evidence), LpipsDiversity().missing(evidence), len(values)

    reason, _, _ = missing(100, 9)
    assert "at least 10 outputs per input, got 9" in reason
    for inputs, outputs, text in ((100, 19, "at least 20 outputs per input, got 19"), (99, 20, "100 inputs, got 99")):
        reason, reasons, values = missing(inputs, outputs)
        assert (reason, values) == (None, 1)
        assert reasons.keys() == {f"diversity_{each.name}_{LPIPS}" for each in (BICYCLEGAN, MUNIT)}
        assert all(text in said for said in reasons.values())


def test_without_the_file_every_protocol_of_lpips_names_the_command(judge_outputs, toy_data):
    missing = LpipsDiversity().missing(judge_outputs(toy_data.images("disc", "test")))
    assert len(missing) == 3
    assert all("ganbench weights fetch lpips-squeeze" in reason for reason in missing.values())


def test_real_images_are_no_outputs_for_an_input(judge_outputs):
    assert LpipsDiversity().skip_reason(judge_outputs()) is not None
