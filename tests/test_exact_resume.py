"""A training killed at any step and continued ends as one that was left alone, to the last bit.

Runs over every registered method and loss, and over options that add state or change what a step does.
"""

import json

import pytest
import torch
from test_training import make_spec, never

from ganbench.checkpoint import CHECKPOINT_FILE, PREVIOUS_FILE, load_checkpoint
from ganbench.data.base import TranslationData
from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.losses.reconstruction import RECONSTRUCTION
from ganbench.losses.regularizers import REGULARIZERS
from ganbench.methods.base import METHODS
from ganbench.options import read_options
from ganbench.training import train
from ganbench.trial import build_method

SMALL = {"ngf": 4, "ndf": 4, "nef": 4, "n_blocks": 1, "f_width": 4, "f_steps": 2, "f_batch_size": 4, "pool_size": 3}
STEPS = 6  # enough for the generator's turn at n_critic 5
TRAINED = [name for name in METHODS.names() if METHODS.get(name).trained]
OPTIONS = [
    {"optimizer": "rmsprop", "decay_from": 0.2},
    {"n_critic": 2, "weight_decay": 0.1},
    {"discriminator_norm": "batch", "norm": "batch"},
    {"regularizer": "spectral_norm", "adversarial": "hinge"},
    {"generator": "unet"},
    {"pool_size": 0},
]


class Killed(BaseException):
    """As sudden as SIGKILL: nobody catches it."""


@pytest.fixture
def paired_data(colour_data):
    data = colour_data
    return TranslationData(data.domains, "a", "b", data.classes, dict(data.domains["b"].images), True)


@pytest.fixture
def end(tmp_path, colour_data, paired_data, monkeypatch):
    """Train a method, killed before the checkpoint of each named step; return the content of the last checkpoint."""

    # what takes half the time, and has no part in the training
    monkeypatch.setattr("ganbench.training._save_samples", lambda *_: tmp_path)
    monkeypatch.setattr("os.fsync", lambda _: None)

    def run(name, options, kills):
        cls = METHODS.get(name)
        small = {key: value for key, value in SMALL.items() if key in cls.Options.model_fields}
        read = read_options(cls.Options, small | options, name)
        folder = tmp_path / ("killed" if kills else "whole")
        spec = make_spec(folder, name, STEPS, options=read.model_dump(), batch_size=4, checkpoint_seconds=0.0)
        data = paired_data if cls.needs_pairs else colour_data
        for kill in [*kills, STEPS + 1]:

            def notify(progress, kill=kill):
                if progress.stage == "training" and progress.step == kill and not progress.note:
                    raise Killed

            try:
                train(build_method(spec, data), data, spec, notify, never)
            except Killed:
                continue
        return load_checkpoint(spec.directory / CHECKPOINT_FILE)

    return run


def plain(value):
    """Return a nested state as comparable values; seconds are left out."""
    if isinstance(value, torch.Tensor):
        return (str(value.dtype), tuple(value.shape), value.numpy().tobytes())
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if key not in ("seconds", "spec")}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def assert_exact(end, name, options, kills=(1, 4)):
    whole, killed = end(name, options, ()), end(name, options, kills)
    assert whole["training"]["step"] == killed["training"]["step"] == STEPS
    assert len(whole["training"]["curve"]) == STEPS
    assert plain(whole) == plain(killed)


@pytest.mark.parametrize("name", TRAINED)
def test_of_every_method(end, name):
    assert_exact(end, name, {})


@pytest.mark.parametrize("kill", range(1, STEPS + 1))
def test_at_every_step(end, kill):
    assert_exact(end, "half_cycle", {"adversarial": "began"}, (kill,))


def test_at_all_steps_one_after_the_other(end):
    assert_exact(end, "cyclegan", {"adversarial": "wgan", "regularizer": "clipping"}, range(1, STEPS + 1))


@pytest.mark.parametrize("loss", ADVERSARIAL.names())
def test_of_every_adversarial_loss(end, loss):
    assert_exact(end, "half_cycle", {"adversarial": loss})


@pytest.mark.parametrize("regularizer", REGULARIZERS.names())
def test_of_every_regularizer(end, regularizer):
    loss = (REGULARIZERS.get(regularizer).bounds_slope and "wgan") or "nonsaturating"
    loss = "dragan" if regularizer == "dragan" else loss
    assert_exact(end, "half_cycle", {"adversarial": loss, "regularizer": regularizer})


@pytest.mark.parametrize("loss", [name for name in RECONSTRUCTION.names()
                                  if RECONSTRUCTION.get(name).compares != "frozen features"])  # fmt: skip
def test_of_every_reconstruction_loss(end, loss):
    assert_exact(end, "forward_cycle", {"reconstruction": loss})


@pytest.mark.parametrize("options", OPTIONS, ids=json.dumps)
def test_of_options_that_change_a_step(end, options):
    assert_exact(end, "half_cycle", options)


def test_a_checkpoint_cut_in_half_costs_one_interval_and_nothing_else(end, tmp_path):
    whole = end("half_cycle", {}, ())
    (path,) = (tmp_path / "whole").rglob(CHECKPOINT_FILE)
    path.write_bytes(path.read_bytes()[:1000])
    assert load_checkpoint(path.with_name(PREVIOUS_FILE))["training"]["step"] == STEPS - 1
    assert plain(end("half_cycle", {}, ())) == plain(whole)


@pytest.mark.parametrize("lost", ["discriminators", "adapted", "images"])
def test_state_that_were_forgotten_would_be_noticed(end, monkeypatch, lost):
    """Leave one part of the state out of a checkpoint: the tests above would see it."""
    from ganbench.methods.adversary import Adversary

    real_load = Adversary.load_state_dict

    def forgetful(self, state):
        fresh = self.state_dict()
        keep = {"discriminators": "network", "adapted": "adapted", "images": "pool"}[lost]
        real_load(self, {**state, keep: fresh[keep]})

    whole = end("half_cycle", {"adversarial": "began"}, ())
    monkeypatch.setattr(Adversary, "load_state_dict", forgetful)
    assert plain(whole) != plain(end("half_cycle", {"adversarial": "began"}, (5,)))
