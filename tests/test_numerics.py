"""How a profile computes: what is chosen, by what, and that the fast ways give the plain one's numbers."""

import shutil

import pytest
import torch
from tiny_suite import TINY_SUITE

from ganbench import numerics_choice
from ganbench.errors import InputError
from ganbench.methods.base import METHODS, Batch, Task, networks
from ganbench.numerics import Numerics
from ganbench.numerics_choice import NumericsChoice, StepTime, choose_numerics, pays, store_numerics
from ganbench.options import read_options
from ganbench.seeding import torch_generator
from ganbench.spec import make_specs
from ganbench.variants import load_suite

PLAIN = Numerics(memory_format="contiguous")
OPEN = "precision: float32, memory_format: channels_last, compile: false,"


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Return a function: what a tiny profile with these keys is given, its candidates taking these milliseconds.

    The machine has no bfloat16, whatever it is.
    """
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(numerics_choice, "has_fast_bfloat16", lambda _: False)
    asked = []

    def plan(keys="", times=None, steps=4, directory=tmp_path / "results"):
        class Timer:
            def __init__(self, _method, _data, spec):
                self.numerics, self.first = spec.numerics, True

            def seconds(self):
                asked.append(self.numerics)
                warm_up, self.first = self.first, False
                return 30.0 if warm_up and self.numerics.compiled else times[str(self.numerics)] / 1e3

        monkeypatch.setattr(numerics_choice, "StepTimer", Timer)
        path = tmp_path / "suite.yaml"
        path.write_text(TINY_SUITE.replace(OPEN, keys).replace("steps: 4", f"steps: {steps}"))
        loaded = load_suite(path)
        profile = loaded.profile("cpu")
        data = loaded.dataset("cpu").load(profile.image_size)
        specs = make_specs(loaded, "cpu", data, tmp_path)
        asked.clear()
        return choose_numerics(profile, specs, data, directory), list(asked)

    return plan


BOTH = {"float32, channels_last": 100.0, "float32, contiguous": 60.0}


@pytest.mark.parametrize(
    ("contiguous", "chosen"), [(60.0, "contiguous"), (95.0, "channels_last"), (120.0, "channels_last")]
)
def test_the_default_stays_unless_another_format_is_clearly_faster(planned, contiguous, chosen):
    choice, _ = planned(times={"float32, channels_last": 100.0, "float32, contiguous": contiguous})
    assert choice.numerics.memory_format == chosen
    assert {time.milliseconds for time in choice.measured} == {100.0, contiguous}


def test_a_measurement_is_made_once_per_machine_and_kind_of_step(planned):
    first, asked = planned(times=BOTH)
    again, asked_again = planned(times={"float32, channels_last": 60.0, "float32, contiguous": 100.0})
    assert asked
    assert not asked_again
    assert again == first
    for anew in (planned(times=BOTH, steps=5), planned("precision: float32,", times=BOTH)):
        assert anew[1]


def test_a_training_of_one_step_is_timed_by_more(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "suite.yaml"
    suite = TINY_SUITE.replace(OPEN, "").replace("steps: 4", "steps: 1")
    path.write_text(suite.replace("ngf: 4", "decay_from: 1.0, ngf: 4"))
    loaded = load_suite(path)
    data = loaded.dataset("cpu").load(16)
    specs = make_specs(loaded, "cpu", data, tmp_path)
    choice = choose_numerics(loaded.profile("cpu"), specs, data, tmp_path / "results")
    assert len(choice.measured) > 1
    assert all(time.milliseconds > 0 for time in choice.measured)


def test_the_results_directory_keeps_its_choice(planned, tmp_path):
    store_numerics(NumericsChoice(numerics=PLAIN), tmp_path / "kept")
    choice, asked = planned(
        times={"float32, channels_last": 1.0, "float32, contiguous": 9.0}, directory=tmp_path / "kept"
    )
    assert choice.numerics == PLAIN
    assert not asked


def test_what_the_suite_says_counts_more_than_what_was_kept(planned, tmp_path):
    store_numerics(NumericsChoice(numerics=PLAIN), tmp_path / "kept")
    choice, _ = planned("memory_format: channels_last,", times=BOTH, directory=tmp_path / "kept")
    assert choice.numerics.memory_format == "channels_last"


def test_a_damaged_choice_is_refused_by_name(planned, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "numerics.json").write_text("{")
    with pytest.raises(InputError, match=r"numerics\.json"):
        planned(times=BOTH, directory=tmp_path / "kept")


def test_compilation_is_tried_only_where_training_is_long(planned, monkeypatch):
    monkeypatch.setattr(numerics_choice, "can_compile", lambda: True)
    times = BOTH | {"float32, contiguous, compiled": 40.0}
    short, asked = planned(times=times, steps=400)
    assert not short.numerics.compiled
    assert not any(numerics.compiled for numerics in asked)
    long, _ = planned(times=times, steps=40_000)
    assert long.numerics.compiled


def test_compilation_must_save_more_than_its_warm_up_takes():
    eager = StepTime(numerics=PLAIN, milliseconds=100.0)
    compiled = StepTime(numerics=PLAIN, milliseconds=90.0, warm_up_seconds=30.0)
    assert pays(eager, compiled, steps=7000)
    assert not pays(eager, compiled, steps=5000)


def test_compilation_without_a_compiler_is_refused(planned, monkeypatch):
    monkeypatch.setattr(numerics_choice, "can_compile", lambda: False)
    with pytest.raises(InputError, match="needs a C\\+\\+ compiler"):
        planned("compile: true, memory_format: contiguous, precision: float32,", times=BOTH)


def method_under(numerics, name="cyclegan", **options):
    cls = METHODS.get(name)
    small = {"ngf": 8, "ndf": 8, "n_blocks": 1} | options
    method = cls(
        read_options(cls.Options, small, name), Task(16, "x", "y", 8, 4), torch_generator(0, "w"), torch.device("cpu")
    )
    return numerics.prepare(method)


def losses_under(numerics, steps=1, **options):
    method = method_under(numerics, **options)
    pictures = torch.rand(2, 4, 3, 16, 16, generator=torch_generator(0, "pictures")) * 2 - 1
    images = {
        name: each.contiguous(memory_format=numerics.torch_format) for name, each in zip("xy", pictures, strict=True)
    }
    with numerics.autocast(torch.device("cpu")):
        for step in range(steps):
            losses = method.training_step(Batch(images, "x", "y"), step, torch_generator(0, "step", step))
    return {name: float(loss) for name, loss in losses.items()}


@pytest.mark.parametrize(
    ("numerics", "tolerance"), [(Numerics(), 1e-5), (Numerics(precision="bfloat16"), 2e-2)], ids=str
)
def test_the_fast_ways_give_the_plain_losses_to_the_tolerance_of_the_number_format(numerics, tolerance):
    assert losses_under(numerics) == pytest.approx(losses_under(PLAIN), rel=tolerance)


def test_bfloat16_uses_the_weights_as_they_are_and_passes_gradients_after_a_pass_without():
    layer, images = torch.nn.Conv2d(1, 1, 1), torch.ones(1, 1, 2, 2)
    with Numerics(precision="bfloat16").autocast(torch.device("cpu")):
        with torch.no_grad():
            before = layer(images)
        assert before.dtype == torch.bfloat16
        layer(images).sum().backward()
        assert float(layer.weight.grad) == 4
        with torch.no_grad():
            layer.weight += 1
        assert torch.allclose(layer(images), before + 1, rtol=1e-2)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++")
@pytest.mark.timeout(280)
def test_compiled_networks_give_the_plain_losses():
    """One network alone: each takes half a minute to compile."""
    alone = {"name": "pix2pix", "lambda_adversarial": 0.0, "noise": "none", "generator": "resnet", "norm": "instance"}
    compiled = losses_under(Numerics(compiled=True), steps=2, **alone)
    assert compiled == pytest.approx(losses_under(PLAIN, steps=2, **alone), rel=1e-4)


def test_a_discriminator_with_a_penalty_is_not_compiled():
    plain, penalised = (
        method_under(Numerics(compiled=True), "half_cycle", adversarial=loss, regularizer=penalty)
        for loss, penalty in (("lsgan", "none"), ("wgan", "gradient_penalty"))
    )
    assert plain.forth.judge.network._compiled_call_impl is not None
    assert penalised.forth.judge.network._compiled_call_impl is None
    assert penalised.forth.generator._compiled_call_impl is not None


def test_all_weights_of_a_method_are_in_the_memory_format():
    for numerics in (PLAIN, Numerics()):
        weights = [
            p for net in networks(method_under(numerics)) for p in net.parameters() if p.ndim == 4 and p.shape[2] > 1
        ]
        assert len(weights) > 10
        assert all(weight.is_contiguous(memory_format=numerics.torch_format) for weight in weights)


def test_only_other_numerics_change_the_training_hash(tmp_path, colour_data):
    path = tmp_path / "suite.yaml"
    path.write_text(TINY_SUITE)
    spec = make_specs(load_suite(path), "cpu", colour_data, tmp_path)[0]
    hashes = [
        spec.model_copy(update=n.model_dump()).training_hash for n in (Numerics(), PLAIN, Numerics(compiled=True))
    ]
    assert hashes[0] == spec.training_hash
    assert len(set(hashes)) == 3


def test_a_directory_without_a_choice_goes_on_as_its_trials_were_trained(planned, finished):
    directory = finished / "tiny" / "cpu"
    (directory / "numerics.json").unlink()
    trained = next(directory.glob("half_cycle-*")).rename(directory / "zzz")  # baselines say nothing of a training
    record = (trained / "record.json").read_text()
    (trained / "record.json").write_text(record.replace('"channels_last"', '"contiguous"'))
    choice, asked = planned(times={"float32, channels_last": 1.0, "float32, contiguous": 9.0}, directory=directory)
    assert choice.numerics == PLAIN
    assert not asked


def test_bfloat16_is_taken_where_the_hardware_has_it_and_it_is_clearly_faster(planned, monkeypatch):
    monkeypatch.setattr(numerics_choice, "has_fast_bfloat16", lambda _: True)
    times = BOTH | {"bfloat16, channels_last": 40.0, "bfloat16, contiguous": 50.0}
    assert planned(times=times)[0].numerics == Numerics(precision="bfloat16")
    equal = dict.fromkeys(times, 100.0)
    assert planned(times=equal, steps=6)[0].numerics == Numerics()
