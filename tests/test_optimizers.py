"""Our optimisers are torch's, to the bit, and a training loads nothing that it doesn't use."""

import subprocess
import sys

import pytest
import torch
from test_training import make_spec

from ganbench import optimizers

TRAINING = """
import sys
import torch
from ganbench.data.base import Domain, TranslationData
from ganbench.spec import TrialSpec
from ganbench.training import train
from ganbench.trial import build_method

images = {split: torch.randint(0, 256, (8, 3, 16, 16), dtype=torch.uint8) for split in ("train", "val", "test")}
data = TranslationData({"a": Domain(images), "b": Domain(images)}, "a", "b")
spec = TrialSpec.model_validate_json(sys.argv[1])
train(build_method(spec, data), data, spec, lambda _: None, lambda: False, until=4)
train(build_method(spec, data), data, spec, lambda _: None, lambda: False)  # goes on from the checkpoint
print(*sorted({"torch._dynamo", "sympy", "torchvision", "pandas", "scipy", "sklearn", "matplotlib"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("name", "options"),
    [("Adam", {"betas": (0.5, 0.999), "fused": True}), ("Adam", {}), ("RMSprop", {"alpha": 0.9, "weight_decay": 0.1})],
)
def test_they_do_what_torch_does(name, options):
    weights, states = [], []
    for package in (optimizers, torch.optim):
        weight = torch.nn.Parameter(torch.linspace(-1, 1, 7))
        optimizer = getattr(package, name)([weight], lr=0.1, **options)
        for step in range(6):
            if step == 3:  # what was saved goes on
                saved = optimizer.state_dict()
                optimizer = getattr(package, name)([weight], lr=0.1, **options)
                optimizer.load_state_dict(saved)
            optimizer.zero_grad(set_to_none=True)
            (weight.sin() * step).sum().backward()
            optimizer.step()
        weights.append(weight)
        states.append(optimizer.state_dict())
    assert weights[0].requires_grad
    assert weights[0].is_leaf
    assert torch.equal(*weights)
    assert not torch.equal(weights[0], torch.linspace(-1, 1, 7))
    assert repr(states[0]) == repr(states[1])


def test_training_loads_neither_the_compiler_nor_what_reports_need(tmp_path):
    spec = make_spec(tmp_path, steps=8)
    command = [sys.executable, "-c", TRAINING, spec.model_dump_json()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
    assert len(list((spec.directory / "progress").iterdir())) == 4  # it went as far as pictures
