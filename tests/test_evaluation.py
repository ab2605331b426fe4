import hashlib
import json

import pytest
import torch

from ganbench import evaluation
from ganbench.errors import GanbenchError, InputError
from ganbench.metrics.base import METRICS, Evidence
from ganbench.metrics.sharpness import Sharpness
from ganbench.nets.extractors import EXTRACTORS
from ganbench.nets.perceptual import SQUEEZENET

FAMILIES = METRICS.names()
EXTRACTOR = "efficientnet-lite0"


@pytest.fixture(autouse=True)
def hasty_judges(monkeypatch):
    """Train judges as briefly as can be."""
    monkeypatch.setattr("ganbench.metrics.judge.LEAST_STEPS", 1)


@pytest.fixture
def evidence(colour_data, tmp_path):
    """Return copied inputs as outputs."""
    workbench = evaluation.open_workbench(colour_data, EXTRACTOR, tmp_path)
    labels = colour_data.labels("a", "test")
    return Evidence(colour_data, colour_data.images("a", "test"), workbench, labels=labels)


def test_prepared_workbenches_compute_nothing_shared_again(evidence, colour_data, tmp_path, monkeypatch):
    stages = []
    evaluation.prepare(evidence.workbench, FAMILIES, lambda *message: stages.append(message))
    assert {"features of real train images", "judge of domain"} <= {stage for stage, _, _ in stages}
    assert all(0 < step <= steps for _, step, steps in stages)
    monkeypatch.setattr("ganbench.metrics.judge.train_judge", None)
    monkeypatch.setattr("ganbench.metrics.memorization.make_cells", None)
    monkeypatch.setattr(EXTRACTORS.get(EXTRACTOR), "__init__", None)
    real = evaluation.open_workbench(colour_data, EXTRACTOR, tmp_path)  # as a worker process opens it
    outputs = colour_data.images("b", "test")
    found = evaluation.evaluate(
        Evidence(colour_data, outputs, real, labels=colour_data.labels("b", "test"), is_translation=False),
        FAMILIES,
        EXTRACTOR,
    )
    assert {value.quantity.name for value in found.values} >= {"fd_efficientnet-lite0", "target_rate", "copies_pixel"}


def test_every_family_is_a_value_or_a_reason(evidence):
    found = evaluation.evaluate(evidence, FAMILIES, EXTRACTOR)
    assert set(found.evaluated) == set(FAMILIES)
    assert found.missing["counterpart"] == "the dataset knows no counterparts"
    assert "c_t_efficientnet-lite0" in found.missing
    names = [value.quantity.name for value in found.values]
    assert len(names) == len(set(names))
    assert not set(names) & set(found.missing)
    json.dumps([dict(value.protocol) for value in found.values] + [dict(value.details) for value in found.values])


def test_only_the_families_asked_for_are_run(evidence):
    found = evaluation.evaluate(evidence, ["sharpness"], EXTRACTOR)
    assert [value.quantity.name for value in found.values] == ["sharpness"]
    assert list(found.evaluated) == ["sharpness"]


def test_same_evidence_same_values(evidence, colour_data, tmp_path):
    elsewhere = evaluation.open_workbench(colour_data, EXTRACTOR, tmp_path / "elsewhere")
    again = Evidence(colour_data, evidence.outputs, elsewhere, labels=evidence.labels)
    first, second = (evaluation.evaluate(each, FAMILIES, EXTRACTOR) for each in (evidence, again))
    assert [(v.quantity.name, v.value, v.std) for v in first.values] == [
        (v.quantity.name, v.value, v.std) for v in second.values
    ]


def test_hash_follows_version_extractor_and_optional_weights(monkeypatch, tmp_path):
    before = {family: evaluation.evaluation_hash(family, EXTRACTOR) for family in FAMILIES}
    assert len(set(before.values())) == len(FAMILIES)
    assert before["frechet"] != evaluation.evaluation_hash("frechet", "inception-v3")
    monkeypatch.setattr(METRICS.get("frechet"), "version", 99)
    assert before["frechet"] != evaluation.evaluation_hash("frechet", EXTRACTOR)
    file = tmp_path / "squeezenet1_1-b8a52dc0.pth"
    file.write_bytes(b"weights")
    monkeypatch.setitem(SQUEEZENET.digests, file.name, hashlib.sha256(b"weights").hexdigest())
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    assert before["kernel"] == evaluation.evaluation_hash("kernel", EXTRACTOR)
    assert before["collapse"] != evaluation.evaluation_hash("collapse", EXTRACTOR)


def test_family_that_fails_or_gives_no_number_raises(evidence, monkeypatch):
    monkeypatch.setattr("ganbench.metrics.sharpness.laplacian_variance", lambda images: torch.full((8,), torch.nan))
    monkeypatch.setattr(Sharpness, "skip_reason", lambda *_: None)
    with pytest.raises(GanbenchError, match="sharpness must be finite"):
        evaluation.evaluate(evidence, ["sharpness"], EXTRACTOR)


def test_unknown_family_names_the_nearest(evidence):
    with pytest.raises(InputError, match="Did you mean 'frechet'"):
        evaluation.evaluate(evidence, ["frechett"], EXTRACTOR)
