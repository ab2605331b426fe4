import pytest
import torch

from ganbench.metrics.inception_score import InceptionScore, inception_score


def test_sure_and_evenly_spread_classes_score_their_number():
    logits = torch.eye(4).repeat(50, 1) * 100
    mean, std = inception_score(logits, 0, splits=1)
    assert mean == pytest.approx(4)
    assert std == 0


def test_unsure_or_single_class_scores_one():
    assert inception_score(torch.zeros(40, 5), 0)[0] == pytest.approx(1)
    assert inception_score(torch.eye(5)[:1].repeat(40, 1) * 100, 0)[0] == pytest.approx(1)


def test_shuffle_follows_from_the_seed_alone():
    logits = torch.randn(100, 6, generator=torch.Generator().manual_seed(0)) * 3
    torch.manual_seed(1)
    before = inception_score(logits, 5)
    torch.randn(3)
    assert inception_score(logits, 5) == before
    assert inception_score(logits, 6) != before


def test_few_images_make_fewer_splits_and_the_protocol_says_so(judge_outputs, toy_data):
    protocol = InceptionScore().compute(judge_outputs(toy_data.images("disc", "test")[:7]))[0].protocol
    assert protocol | {"splits": 7, "images_per_split": 1} == protocol
