"""What every registered method must hold to; a new method is tested by being registered."""

import io
import math

import pytest
import torch

from ganbench.data.batches import to_float
from ganbench.methods.base import METHODS, networks
from ganbench.numerics import Numerics
from ganbench.seeding import torch_generator

METHOD_NAMES = METHODS.names()
TRANSLATING = [name for name in METHOD_NAMES if not METHODS.get(name).reference]
TRAINED = [name for name in METHOD_NAMES if METHODS.get(name).trained]


def ignore(stage, step, steps, losses):
    pass


def test_the_built_in_methods_are_there():
    translators = {"half_cycle", "cyclegan", "dtn", "stargan", "residual"}
    assert {"identity", "mean_target", "random_target", "real"} | translators <= set(METHOD_NAMES)


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_every_option_has_a_description_and_a_default(name):
    fields = METHODS.get(name).Options.model_fields
    assert all(field.description and not field.is_required() for field in fields.values())
    assert METHODS.get(name).summary


@pytest.mark.parametrize("name", TRANSLATING)
def test_translations_have_shape_range_and_type_of_images(name, data_for, make_method):
    data = data_for(name)
    method = make_method(name)
    method.prepare(data, 0, ignore)
    source = to_float(data.images("plain", "test"))
    before = source.clone()
    output = method.translate(source, torch_generator(0, "noise"))
    assert output.shape == source.shape
    assert output.dtype == torch.float32
    assert not output.requires_grad
    assert -1 <= float(output.min()) <= float(output.max()) <= 1
    assert torch.equal(source, before)


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_the_way_back_gives_images_where_there_is_one(name, data_for, make_method):
    data, method = data_for(name), make_method(name)
    method.prepare(data, 0, ignore)
    target = to_float(data.images("dark", "test"))
    before = target.clone()
    if not method.way_back:
        with pytest.raises(NotImplementedError, match="no way back"):
            method.translate_back(target, torch_generator(0, "noise"))
        return
    first, again = (method.translate_back(target, torch_generator(0, "noise")) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == target.shape
    assert first.dtype == torch.float32
    assert not first.requires_grad
    assert -1 <= float(first.min()) <= float(first.max()) <= 1
    assert torch.equal(target, before)
    assert not torch.equal(first, method.translate(target, torch_generator(0, "noise")))


@pytest.mark.parametrize("name", TRANSLATING)
def test_noise_matters_to_stochastic_methods_alone(name, data_for, make_method):
    data = data_for(name)
    method = make_method(name)
    method.prepare(data, 0, ignore)
    source = to_float(data.images("plain", "test"))
    first, again, other = (method.translate(source, torch_generator(seed, "noise")) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert torch.equal(first, other) != method.is_stochastic(method.options)


def up_to_an_update(method):
    """Return the steps, at least three, that update the generator once: critics may come first."""
    return range(next(steps for steps in range(3, 100) if method.generator_updates(steps)))


@pytest.mark.parametrize("name", TRAINED)
def test_training_gives_finite_losses_and_changes_the_translations(name, data_for, make_method, train):
    data = data_for(name)
    method = make_method(name)
    method.prepare(data, 0, ignore)
    source = to_float(data.images("plain", "test"))
    before = method.translate(source, torch_generator(0))
    for losses in train(method, data, up_to_an_update(method)):
        assert losses
        assert all(loss.ndim == 0 and not loss.requires_grad for loss in losses.values())
        assert all(math.isfinite(loss) for loss in losses.values())
    assert not torch.equal(before, method.translate(source, torch_generator(0)))


@pytest.mark.parametrize("name", TRAINED)
def test_bfloat16_moves_every_weight_that_float32_moves(name, data_for, make_method, train):
    data, moved = data_for(name), []
    for numerics in (Numerics(), Numerics(precision="bfloat16")):
        method = make_method(name)
        weights = [weight for network in networks(method) for weight in network.parameters()]
        before = [weight.detach().clone() for weight in weights]
        with numerics.autocast(method.device):
            method.prepare(data, 0, ignore)
        for step in up_to_an_update(method):
            with numerics.autocast(method.device):
                train(method, data, range(step, step + 1))
        moved.append([not torch.equal(*pair) for pair in zip(before, weights, strict=True)])
    assert moved[0] == moved[1]
    assert any(moved[0])


@pytest.mark.parametrize("name", TRAINED)
def test_training_follows_from_the_seed_alone(name, data_for, make_method, train, assert_same_state):
    data = data_for(name)
    methods = []
    for global_seed in (0, 1):
        torch.manual_seed(global_seed)
        methods.append(make_method(name))
        methods[-1].prepare(data, 0, ignore)
        train(methods[-1], data, range(3))
    assert_same_state(*methods)
    assert not torch.equal(*(next(iter(_weights(make_method(name, seed=seed)))) for seed in (0, 1)))


def _weights(method):
    def tensors(state):
        for value in state.values():
            if isinstance(value, dict):
                yield from tensors(value)
            elif isinstance(value, torch.Tensor) and value.ndim == 4:
                yield value

    return tensors(method.state_dict())


@pytest.mark.parametrize("name", TRANSLATING)
def test_state_comes_back_without_unpickling_code(name, data_for, make_method, assert_same_state):
    data = data_for(name)
    method, fresh = make_method(name), make_method(name, seed=1)
    method.prepare(data, 0, ignore)
    fresh.load_state_dict(saved_and_loaded(method))
    assert_same_state(method, fresh)
    source = to_float(data.images("plain", "test"))
    assert torch.equal(method.translate(source, torch_generator(0)), fresh.translate(source, torch_generator(0)))


@pytest.mark.parametrize("name", TRAINED)
def test_a_resumed_run_ends_as_an_uninterrupted_one(name, data_for, make_method, train, assert_same_state):
    data = data_for(name)
    whole, first, second = make_method(name), make_method(name), make_method(name, seed=1)
    for method in (whole, first):
        method.prepare(data, 0, ignore)
    end = len(up_to_an_update(whole)) + 1
    train(whole, data, range(end))
    train(first, data, range(end - 2))
    second.load_state_dict(saved_and_loaded(first))
    train(second, data, range(end - 2, end))
    assert_same_state(whole, second)


@pytest.mark.parametrize("name", TRAINED)
def test_further_domains_are_no_obstacle(name, data_of_three_domains, make_method, train):
    method = make_method(name, others=("further",))
    if reason := method.skip_reason(data_of_three_domains):
        pytest.skip(reason)
    method.prepare(data_of_three_domains, 0, ignore)
    train(method, data_of_three_domains, range(1))
    source = to_float(data_of_three_domains.images("plain", "test"))
    assert method.translate(source, torch_generator(0)).shape == source.shape


def saved_and_loaded(method):
    file = io.BytesIO()
    torch.save(method.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_skip_reasons(name, data, data_without_labels, paired_data):
    method = METHODS.get(name)
    assert (method.skip_reason(data_without_labels) is not None) == (method.needs_labels or method.needs_pairs)
    assert (method.skip_reason(data) is not None) == method.needs_pairs
    assert method.skip_reason(paired_data) is None


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_updates_of_the_generator(name, make_method):
    method = make_method(name)
    assert method.generator_updates(0) == 0
    assert 0 < method.generator_updates(10) <= 10 or not method.trained
