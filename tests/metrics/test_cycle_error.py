"""Cycle: the error of the way back, and whether the way back lives on what can be seen."""

import pytest
import torch

from ganbench.data.batches import to_float, to_uint8
from ganbench.methods.base import Method, MethodOptions, Task
from ganbench.metrics.base import NO_WAY_BACK
from ganbench.metrics.cycle import Cycle, mean_size
from ganbench.translations import reconstruct

BITS = 3


class Honest(Method):
    """Negates forth and back: everything is seen."""

    way_back = True

    def translate(self, source, generator):
        return -source

    def translate_back(self, target, generator):
        return -target


class Hider(Method):
    """Shows one grey for all inputs, and keeps the input's three highest bits in the three lowest of the output."""

    way_back = True

    def translate(self, source, generator):
        return to_float(128 + (to_uint8(source) >> (8 - BITS)))

    def translate_back(self, target, generator):
        return to_float(((to_uint8(target) & (1 << BITS) - 1) << (8 - BITS)) + (1 << (7 - BITS)))


class ColourHider(Method):
    """Shows a picture without its colours, which are kept at a tenth of their strength."""

    way_back = True

    def translate(self, source, generator):
        grey = source.mean(1, keepdim=True)
        return grey + 0.1 * (source - grey)

    def translate_back(self, target, generator):
        grey = target.mean(1, keepdim=True)
        return (grey + 10 * (target - grey)).clamp(-1, 1)


class Forgetful(Hider):
    """Gives the same grey whatever comes: nothing is hidden, nothing comes back."""

    def translate_back(self, target, generator):
        return torch.zeros_like(target)


@pytest.fixture
def judged(judge_outputs, toy_data, by_name):
    """Return the values of a method's outputs on the toy data."""

    def judge(kind, seed=0):
        sources = toy_data.images("disc", "test")
        method = kind(MethodOptions(), Task(24, "disc", "square", 1, 1), torch.Generator(), torch.device("cpu"))
        outputs = method.translate(to_float(sources), torch.Generator())
        found = reconstruct(method, outputs, seed)
        return by_name(Cycle().compute(judge_outputs(to_uint8(outputs), reconstructions=found)))

    return judge


def test_a_generator_that_hides_its_input_is_caught(judged):
    values = judged(Hider)
    assert values["cycle_l1"].value < 0.05
    assert values["cycle_l1_noise8"].value > 0.2
    assert values["cycle_hiding"].value > 5
    assert values["cycle_hiding"].details["hides"] is True


def test_one_that_hides_a_part_is_caught_too(judged):
    values = judged(ColourHider)
    assert values["cycle_l1"].value < 0.01
    assert values["cycle_hiding"].details["hides"] is True


def test_one_that_keeps_its_input_in_sight_is_not(judged):
    values = judged(Honest)
    assert values["cycle_l1"].value == 0
    assert values["cycle_l1_noise8"].value == pytest.approx(mean_size(8), rel=0.02)  # the noise passes through
    assert values["cycle_hiding"].value == pytest.approx(1, abs=0.02)
    assert values["cycle_hiding"].details["hides"] is False


def test_one_that_forgets_its_input_hides_nothing(judged):
    values = judged(Forgetful)
    assert values["cycle_l1"].value > 0.05
    assert values["cycle_hiding"].value == 0
    assert values["cycle_hiding"].details["hides"] is False


def test_errors_are_means_over_images_in_units_of_the_range(judge_outputs, toy_data, by_name):
    sources = toy_data.images("disc", "test")
    shifted = torch.where(sources > 127, sources - 51, sources + 51)
    evidence = judge_outputs(sources, reconstructions={0: sources, 8: shifted})
    values = by_name(Cycle().compute(evidence))
    assert values["cycle_l1"].value == 0
    assert values["cycle_l1_noise8"].value == pytest.approx(0.2)
    assert values["cycle_hiding"].value == pytest.approx(0.2 / mean_size(8))
    for value in values.values():
        assert value.per_image.shape == (60,)
        assert float(value.per_image.mean()) == pytest.approx(value.value)
    assert values["cycle_l1_noise8"].protocol["noise"] != values["cycle_l1"].protocol.get("noise")


def test_the_noise_follows_from_the_seed(judged):
    first, again, other = (judged(Hider, seed)["cycle_l1_noise8"].value for seed in (0, 0, 1))
    assert first == again != other


def test_mean_size_of_noise():
    drawn = torch.randn(200_000, generator=torch.Generator().manual_seed(0)) * 8 / 255
    assert mean_size(8) == pytest.approx(float(drawn.abs().mean()), rel=0.01)


def test_what_cannot_come_back_is_a_reason(judge_outputs, toy_data):
    outputs = toy_data.images("disc", "test")
    assert "real images" in Cycle().skip_reason(judge_outputs())
    assert Cycle().skip_reason(judge_outputs(outputs)) == NO_WAY_BACK
    assert Cycle().skip_reason(judge_outputs(outputs, reconstructions="lost")) == "lost"
    assert Cycle().skip_reason(judge_outputs(outputs, reconstructions={0: outputs, 8: outputs})) is None
