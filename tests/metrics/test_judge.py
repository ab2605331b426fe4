import pytest
import torch

from ganbench.metrics.judge import (
    ATTRIBUTES,
    DOMAIN,
    Judge,
    accuracy,
    attribute_questions,
    ceilings,
    chance,
    judge_of,
    kinds,
    trusted_judge,
)
from ganbench.metrics.workbench import Workbench
from ganbench.nets.judge_net import augment, judge_input


@pytest.fixture(scope="module")
def trained(toy_workbench):
    """Train both judges once."""
    Judge().prepare(toy_workbench)
    return toy_workbench


def test_judges_know_real_images(trained):
    assert ceilings(trained, DOMAIN)[DOMAIN] >= 0.95
    assert ceilings(trained, ATTRIBUTES)["colour"] >= 0.95


def test_row_of_real_images_shows_the_ceilings(trained, judge_outputs, by_name):
    values = by_name(Judge().compute(judge_outputs()))
    assert values["target_rate"].value >= 0.95
    assert values["judge_colour"].value == values["judge_colour"].details["ceiling"]
    assert values["judge_success"].value == pytest.approx(values["target_rate"].value * values["judge_colour"].value)


def test_copying_keeps_the_content_and_never_succeeds(trained, judge_outputs, toy_data, by_name):
    values = by_name(Judge().compute(judge_outputs(toy_data.images("disc", "test"))))
    assert values["target_rate"].value <= 0.05
    assert values["judge_colour"].value >= 0.9
    assert values["target_rate_x_colour"].value <= 0.05
    assert values["judge_colour"].quantity.title == "Colour kept"


def test_one_picture_for_all_is_recognised_and_scores_chance(trained, judge_outputs, toy_data, by_name):
    one = toy_data.images("square", "test")[:1].expand(60, -1, -1, -1).contiguous()
    values = by_name(Judge().compute(judge_outputs(one)))
    assert values["target_rate"].value == 1
    labels = toy_data.labels("disc", "test")["colour"]
    shares = labels.bincount().double() / len(labels)
    assert any(values["target_rate_x_colour"].value == pytest.approx(float(share)) for share in shares)
    assert values["judge_colour"].details["chance"] == pytest.approx(float(shares.max()))


def test_per_image_values_average_to_the_value(trained, judge_outputs, toy_data, by_name):
    value = by_name(Judge().compute(judge_outputs(toy_data.images("disc", "test"))))["judge_colour"]
    assert float(value.per_image.mean()) == pytest.approx(value.value)


@pytest.fixture
def hasty(monkeypatch):
    """Train as briefly as can be."""
    monkeypatch.setattr("ganbench.metrics.judge.LEAST_STEPS", 1)


@pytest.mark.usefixtures("hasty")
def test_judges_are_trained_once_and_the_same_for_the_same_seed(toy_data, tmp_path, tmp_path_factory, monkeypatch):
    before = judge_of(Workbench(toy_data, "toy", tmp_path_factory.mktemp("other")), DOMAIN).state_dict()
    torch.manual_seed(99)  # the global generator must not matter
    again = judge_of(Workbench(toy_data, "toy", tmp_path), DOMAIN).state_dict()
    assert all(torch.equal(before[name], again[name]) for name in before)
    other = judge_of(Workbench(toy_data, "toy", tmp_path, seed=1), DOMAIN).state_dict()
    assert any(not torch.equal(before[name], other[name]) for name in before)
    monkeypatch.setattr("ganbench.metrics.judge.train_judge", None)  # would fail if it trained again
    cached = judge_of(Workbench(toy_data, "toy", tmp_path), DOMAIN).state_dict()
    assert all(torch.equal(before[name], cached[name]) for name in before)


@pytest.mark.usefixtures("hasty")
def test_training_leaves_the_global_generator_alone(toy_data, tmp_path):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    judge_of(Workbench(toy_data, "toy", tmp_path), ATTRIBUTES)
    assert torch.equal(state, torch.get_rng_state())


def stub_training(monkeypatch, judges):
    """Have `train_judge` return ``judges`` in turn; collect the numbers of epochs that it is asked for."""
    asked = []

    def train(questions, workbench, stage):
        asked.append(questions.epochs)
        return judges[len(asked) - 1]

    monkeypatch.setattr("ganbench.metrics.judge.train_judge", train)
    monkeypatch.setattr("ganbench.metrics.judge._validated", lambda judge, questions, workbench: judge)
    return asked


@pytest.mark.parametrize(
    ("judges", "many", "runs", "kept"),
    [
        ([{"a": 0.95, "b": 1.0}], 90, 1, 0),  # trusted
        ([{"a": 1.0, "b": 0.9}, {"a": 1.0, "b": 0.97}], 90, 2, 1),
        ([{"a": 1.0, "b": 0.9}, {"a": 0.9, "b": 0.9}], 90, 2, 0),  # longer was worse
        ([{"a": 1.0, "b": 0.5}], 91, 1, 0),  # of 90 training images not much more can be learned
    ],
)
def test_judges_that_answer_badly_are_trained_longer(judges, many, runs, kept, toy_workbench, monkeypatch):
    monkeypatch.setattr("ganbench.metrics.judge.MANY", many)
    asked = stub_training(monkeypatch, judges)
    questions = attribute_questions(toy_workbench.data)
    assert trusted_judge(questions, toy_workbench, "judge") is judges[kept]
    assert asked == [questions.epochs, 6 * questions.epochs][:runs]


def test_without_common_labels_only_the_domain_is_judged(trained, judge_outputs, by_name):
    assert set(by_name(Judge().compute(judge_outputs(labels={})))) == {"target_rate"}
    assert kinds(trained.data) == (DOMAIN, ATTRIBUTES)


def test_accuracy_and_chance():
    labels = torch.tensor([0, 0, 1, 2])
    assert accuracy({"a": torch.tensor([0, 1, 1, 2]), "b": labels}, {"a": labels}) == {"a": 0.75}
    assert chance(labels) == 0.5


def test_augmentation_is_modest_and_seeded():
    images = torch.rand(8, 3, 32, 32) * 2 - 1
    first, second = (augment(images, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    ramp = torch.linspace(-0.5, 0.5, 32).expand(8, 3, 32, 32)
    assert (augment(ramp, torch.Generator().manual_seed(1)).diff(dim=3) >= -1e-6).all()  # moved, never mirrored
    assert float((augment(ramp, torch.Generator().manual_seed(1)) - ramp).abs().max()) < 0.2


@pytest.mark.parametrize(("size", "seen"), [(16, 16), (64, 64), (128, 64)])
def test_large_pictures_are_shrunk(size, seen):
    images = torch.tensor([0, 255], dtype=torch.uint8).repeat(2, 3, size, size // 2)
    assert judge_input(images, torch.device("cpu")).shape == (2, 3, seen, seen)
    assert judge_input(images, torch.device("cpu")).amin() >= -1.001
