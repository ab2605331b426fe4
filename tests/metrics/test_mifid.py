import pytest
import torch

from ganbench.metrics import mifid
from ganbench.metrics.frechet import Frechet
from ganbench.metrics.mifid import Mifid, memorization_informed, nearest_cosine_distance


def features(count, seed, width=12):
    return torch.rand(count, width, generator=torch.Generator().manual_seed(seed)) - 0.4


def test_mean_over_the_first_set_of_the_nearest_in_the_second():
    first, second = torch.tensor([[2.0, 0.0], [3.0, 3.0]]), torch.tensor([[1.0, 0.0], [-5.0, 0.0]])
    assert nearest_cosine_distance(first, second) == pytest.approx((0 + 1 - 0.5**0.5) / 2)
    assert nearest_cosine_distance(second, first) == pytest.approx(0)  # each of these has one on its line


def test_length_and_sign_do_not_matter_and_zeros_are_left_out():
    first, second = features(20, 1), features(30, 2)
    expected = nearest_cosine_distance(first, second)
    padded = torch.cat([torch.zeros(3, 12), -7 * first])
    assert nearest_cosine_distance(padded, torch.cat([second, torch.zeros(1, 12)])) == pytest.approx(expected)


def test_copies_have_distance_zero_and_chunks_do_not_matter(monkeypatch):
    first, second = features(20, 1), features(30, 2)
    assert 0 <= nearest_cosine_distance(second[:9], second) < 1e-12
    whole = nearest_cosine_distance(first, second)
    monkeypatch.setattr(mifid, "CHUNK", 7)
    assert nearest_cosine_distance(first, second) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(
    ("frechet", "distance", "expected"),
    [(5.0, 0.05, 100.0), (5.0, 0.1, 5.0), (5.0, 0.7, 5.0), (1e-9, 0.0, 0.0), (5.0, 0.0, 5e6), (5.0, 1e-17, 5e6)],
)
def test_divided_below_the_threshold_alone(frechet, distance, expected):
    assert memorization_informed(frechet, distance) == pytest.approx(expected)


def test_copied_training_images_are_better_by_distance_and_worse_by_mifid(judge_outputs, toy_data):
    real, copies = judge_outputs(), judge_outputs(toy_data.images("square", "train")[:60])
    plain, informed = ([family.compute(row)[0].value for row in (real, copies)] for family in (Frechet(), Mifid()))
    assert plain[1] < plain[0]
    assert informed[1] > informed[0]


def test_details_hold_both_parts(judge_outputs):
    (value,) = Mifid().compute(judge_outputs())
    parts = value.details
    assert parts["frechet_distance"] == pytest.approx(Frechet().compute(judge_outputs())[0].value)
    assert value.value == pytest.approx(parts["frechet_distance"] / parts["cosine_distance"])
    assert value.protocol | {"threshold": 0.1, "n": 60, "n_reference": 90, "split": "train"} == value.protocol


def test_pictures_without_any_feature_are_refused(judge_outputs):
    black = torch.zeros(5, 3, 24, 24, dtype=torch.uint8)
    assert "no cosine is defined" in str(Mifid().skip_reason(judge_outputs(black)))
    black[0] = 9
    assert Mifid().skip_reason(judge_outputs(black)) is None


def test_one_image_is_refused(judge_outputs, toy_data):
    assert "at least 2" in str(Mifid().skip_reason(judge_outputs(toy_data.images("disc", "test")[:1])))


def test_plain_name_belongs_to_inception_alone():
    named = [Mifid().quantities(name)[0] for name in ("inception-v3", "inception-v3-64")]
    assert [(quantity.name, quantity.title) for quantity in named] == [
        ("mifid", "MiFID"),
        ("mifd_inception-v3-64", "MiFD (Inception-v3 64)"),
    ]
