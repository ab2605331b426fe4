"""What the rows of every table are known to do is seen by the metric that is there to see it."""

import pytest
import torch

from ganbench.data.batches import to_float, to_uint8
from ganbench.methods.base import METHODS, MethodOptions, Task
from ganbench.metrics.base import METRICS


@pytest.fixture
def judged(judge_outputs, toy_data, by_name, monkeypatch, tmp_path):
    """Return what a family says of a baseline's outputs for the toy data."""
    monkeypatch.delenv("GANBENCH_WEIGHTS", raising=False)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))

    def judge(method_name, family):
        generator = torch.Generator().manual_seed(0)
        task = Task(24, "disc", "square", 1, 1)
        method = METHODS.get(method_name)(MethodOptions(), task, generator, torch.device("cpu"))
        method.prepare(toy_data, 0, lambda *_: None)
        outputs = method.translate(to_float(toy_data.images("disc", "test")), generator)
        return by_name(METRICS.get(family)().compute(judge_outputs(to_uint8(outputs))))

    return judge


def test_identity_is_caught_by_input_copying(judged):
    assert judged("identity", "input_copying")["input_copying_pd_efficientnet-lite0"].value == 0
    assert judged("random_target", "input_copying")["input_copying_pd_efficientnet-lite0"].value > 0.5


def test_random_target_is_caught_by_memorization(judged):
    assert judged("random_target", "memorization")["copies_pixel"].alarm
    assert judged("random_target", "memorization")["copies_pixel"].value == 1
    assert not judged("identity", "memorization")["copies_pixel"].alarm


def test_one_answer_to_all_is_caught_by_collapse(judged):
    assert judged("mean_target", "collapse")["collapse_pixel"].value == 0
    assert judged("random_target", "collapse")["collapse_pixel"].value > 0.7
