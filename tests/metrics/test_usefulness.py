from dataclasses import replace

import pytest
import torch

from ganbench.metrics.usefulness import Usefulness, ceiling, learned, real_lesson
from ganbench.metrics.workbench import Workbench


@pytest.fixture(scope="module")
def useful(toy_data, toy_workbench):
    """Return name → value of evidence made from outputs, each kind of which is computed once."""
    from ganbench.metrics.base import Evidence

    def make(outputs, is_translation=True, **changes):
        labels = toy_data.labels("disc", "test")
        evidence = Evidence(toy_data, outputs, toy_workbench, labels, is_translation=is_translation)
        return {value.quantity.name: value for value in Usefulness().compute(replace(evidence, **changes))}

    return make


def test_real_images_teach_what_the_ceiling_says(useful, toy_data, toy_workbench):
    values = useful(toy_data.images("square", "test"), is_translation=False)
    assert values["cas_colour"].value > 0.9
    assert values["cas_colour"].details["ceiling"] == ceiling(toy_workbench, 60)["colour"] > 0.9
    share = values["cas_colour"].value / values["cas_colour"].details["ceiling"]
    assert values["usefulness"].value == pytest.approx(share)
    assert values["usefulness"].n == values["usefulness"].protocol["n"] == 60


def test_the_row_of_real_images_never_learns_the_images_it_is_tested_on(useful, toy_data, toy_workbench, monkeypatch):
    taught = []
    monkeypatch.setattr("ganbench.metrics.usefulness.learned", lambda _, lesson: taught.append(lesson) or {"colour": 1})
    useful(toy_data.images("square", "test"), is_translation=False)
    assert torch.equal(taught[0].images, toy_data.images("square", "val")[:60])
    assert torch.equal(taught[0].labels["colour"], toy_data.labels("square", "val")["colour"][:60])
    useful(toy_data.images("disc", "test"))
    assert torch.equal(taught[1].images, toy_data.images("disc", "test"))
    assert torch.equal(taught[1].labels["colour"], toy_data.labels("disc", "test")["colour"])


def test_outputs_whose_content_is_lost_teach_chance(useful, toy_data):
    copied = toy_data.images("disc", "test")
    kept, lost = useful(copied), useful(copied[torch.randperm(60, generator=torch.Generator().manual_seed(3))])
    assert kept["cas_colour"].value > 0.8
    assert lost["cas_colour"].value < 0.6
    assert kept["usefulness"].value > lost["usefulness"].value + 0.2
    assert lost["cas_colour"].details["chance"] == pytest.approx(
        float(toy_data.labels("square", "test")["colour"].bincount().max()) / 60
    )


def test_as_many_real_images_are_compared_with(toy_data, toy_workbench, monkeypatch):
    lesson = real_lesson(toy_data, 60, 0)
    assert len({image.numpy().tobytes() for image in lesson.images}) == 60
    known = {image.numpy().tobytes(): int(label) for image, label in _labelled(toy_data)}
    assert [known[image.numpy().tobytes()] for image in lesson.images] == lesson.labels["colour"].tolist()
    again, other = real_lesson(toy_data, 60, 0), real_lesson(toy_data, 60, 1)
    assert torch.equal(again.images, lesson.images)
    assert not torch.equal(other.images, lesson.images)


def _labelled(data):
    return zip(data.images("square", "train"), data.labels("square", "train")["colour"], strict=True)


def test_more_outputs_than_real_training_images_are_not_used(useful, toy_data, monkeypatch, tmp_path):
    monkeypatch.setattr("ganbench.metrics.judge.LEAST_STEPS", 1)
    few = toy_data.limited_to(30)
    values = useful(toy_data.images("disc", "test"), data=few, workbench=Workbench(few, "toy", tmp_path))
    assert values["usefulness"].n == 30


def test_the_ceiling_is_computed_once_and_the_outcome_follows_from_the_seed(toy_data, tmp_path, monkeypatch):
    monkeypatch.setattr("ganbench.metrics.judge.LEAST_STEPS", 1)
    first = ceiling(Workbench(toy_data, "toy", tmp_path), 60)
    torch.manual_seed(1)  # the global generator must not matter, nor be used
    state = torch.get_rng_state()
    assert learned(Workbench(toy_data, "toy", tmp_path), real_lesson(toy_data, 60, 0)) == first
    assert torch.equal(state, torch.get_rng_state())
    monkeypatch.setattr("ganbench.metrics.usefulness.learned", None)  # would fail if it trained again
    assert ceiling(Workbench(toy_data, "toy", tmp_path), 60) == first


def test_what_cannot_teach_has_a_reason(judge_outputs, toy_data):
    outputs = toy_data.images("disc", "test")
    assert Usefulness().skip_reason(judge_outputs(outputs)) is None
    assert "labels" in Usefulness().skip_reason(judge_outputs(outputs, labels={}))
    assert "at least 20 images to train on, got 19" in Usefulness().skip_reason(judge_outputs(outputs[:19]))
    bare = replace(toy_data, classes={})
    assert "share no labelled attribute" in Usefulness().skip_reason(judge_outputs(outputs, data=bare))
