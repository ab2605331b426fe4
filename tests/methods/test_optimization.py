import pytest
import torch

from ganbench.methods.base import TrainingOptions
from ganbench.methods.optimization import learning_rate, make_optimizer, set_learning_rate


def rates(decay_from, steps=10):
    options = TrainingOptions(lr=1.0, decay_from=decay_from)
    return [learning_rate(options, step, steps) for step in range(steps)]


def test_constant_then_linear_towards_zero():
    assert rates(0.5) == pytest.approx([1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])


def test_never_and_from_the_start():
    assert rates(1.0) == [1.0] * 10
    assert rates(0.0) == pytest.approx([1 - step / 10 for step in range(10)])


def test_all_optimisers_get_the_rate():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizers = [make_optimizer([parameter], TrainingOptions()) for _ in range(2)]
    set_learning_rate(0.25, *optimizers)
    assert [optimizer.param_groups[0]["lr"] for optimizer in optimizers] == [0.25, 0.25]


def test_adam_takes_the_options():
    optimizer = make_optimizer([torch.nn.Parameter(torch.zeros(1))], TrainingOptions(lr=0.1, beta1=0.0, beta2=0.9))
    assert (optimizer.defaults["lr"], optimizer.defaults["betas"]) == (0.1, (0.0, 0.9))
