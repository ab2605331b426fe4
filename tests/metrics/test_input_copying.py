"""Input copying: what copies scores 0, what answers with the mean target picture 1."""

import pytest
import torch

from ganbench.data.base import Domain, TranslationData
from ganbench.metrics import input_copying
from ganbench.metrics.input_copying import InputCopying, mean_target
from ganbench.metrics.workbench import Workbench

PD = "input_copying_pd_efficientnet-lite0"


@pytest.fixture(autouse=True)
def no_lpips_file(monkeypatch, tmp_path):
    """Hide whatever weights this machine has."""
    monkeypatch.delenv("GANBENCH_WEIGHTS", raising=False)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))


def test_copies_score_nothing_and_the_mean_picture_one(judge_outputs, toy_data, toy_workbench, by_name):
    sources = toy_data.images("disc", "test")
    mean = mean_target(toy_workbench).expand(60, -1, -1, -1).contiguous()
    half = torch.cat([sources[:30], mean[30:]])
    copied, moved, both = (by_name(InputCopying().compute(judge_outputs(x)))[PD] for x in (sources, mean, half))
    assert copied.value == 0
    assert copied.per_image.tolist() == [0] * 60
    assert moved.value == pytest.approx(1)
    assert both.value == pytest.approx(0.5, abs=0.1)
    assert float(both.per_image.mean()) == pytest.approx(both.value)
    assert both.per_image[:30].max() == 0 < both.per_image[30:].min()
    assert "copied" in copied.quantity.note


def test_only_the_first_hundred_inputs_are_looked_at(judge_outputs, toy_data, toy_workbench, by_name, monkeypatch):
    monkeypatch.setattr(input_copying, "INPUTS", 20)
    sources = toy_data.images("disc", "test")
    outputs = sources.clone()
    outputs[20:] = 255 - outputs[20:]
    few = by_name(InputCopying().compute(judge_outputs(outputs)))[PD]
    assert (few.value, few.n, few.protocol["n"], len(few.per_image)) == (0, 20, 20, 20)
    moved = mean_target(toy_workbench).expand(60, -1, -1, -1).contiguous()
    assert by_name(InputCopying().compute(judge_outputs(moved)))[PD].value == pytest.approx(1)


def test_a_faint_change_is_near_to_copying(judge_outputs, toy_data, by_name):
    sources = toy_data.images("disc", "test")
    brighter = (sources.float() * 1.02).clamp(0, 255).to(torch.uint8)
    assert 0 < by_name(InputCopying().compute(judge_outputs(brighter)))[PD].value < 0.1


def test_mean_target_is_of_training_images(toy_data, toy_workbench):
    mean = toy_data.images("square", "train").double().mean(0)
    assert float((mean_target(toy_workbench)[0].double() - mean).abs().max()) <= 0.5


def test_reasons(judge_outputs, toy_data, tmp_path):
    outputs = toy_data.images("disc", "test")
    assert "real images" in InputCopying().skip_reason(judge_outputs())
    assert "got 59 for 60" in InputCopying().skip_reason(judge_outputs(outputs[:59]))
    assert InputCopying().skip_reason(judge_outputs(outputs)) is None
    grey = Domain({split: torch.full((4, 3, 16, 16), 90, dtype=torch.uint8) for split in ("train", "val", "test")})
    same = TranslationData({"a": grey, "b": grey}, "a", "b")
    evidence = judge_outputs(grey.images["test"], data=same, workbench=Workbench(same, "toy", tmp_path), labels={})
    assert "mean target picture" in InputCopying().skip_reason(evidence)
    missing = InputCopying().missing(judge_outputs(outputs))
    assert "ganbench weights fetch" in missing["input_copying_lpips-squeeze"]
