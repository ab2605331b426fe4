import pytest
import torch

from ganbench.data.batches import to_float
from ganbench.methods.base import METHODS
from ganbench.seeding import torch_generator


def ignore(stage, step, steps, losses):
    pass


@pytest.fixture
def source(data):
    return to_float(data.images("plain", "test"))


@pytest.fixture
def prepared(data, make_method):
    def make(name):
        method = make_method(name)
        method.prepare(data, 0, ignore)
        return method

    return make


@pytest.mark.parametrize("name", ["identity", "mean_target", "random_target", "real"])
def test_baselines_declare_themselves(name):
    method = METHODS.get(name)
    assert method.baseline
    assert not method.trained
    assert method.reference == (name == "real")


def test_identity_copies(source, prepared):
    output = prepared("identity").translate(source, torch_generator(0))
    assert torch.equal(output, source)
    assert output.data_ptr() != source.data_ptr()


def test_mean_target_is_the_mean_of_the_targets_training_images(source, data, prepared):
    output = prepared("mean_target").translate(source, torch_generator(0))
    expected = data.images("dark", "train").double().mean(0) / 127.5 - 1
    assert output.shape == source.shape
    for image in output:
        torch.testing.assert_close(image.double(), expected, atol=1e-6, rtol=0)


def test_random_target_gives_training_images_of_the_target_and_not_always_the_same(source, data, prepared):
    output = prepared("random_target").translate(source, torch_generator(0))
    bank = to_float(data.images("dark", "train"))
    nearest = torch.cdist(output.flatten(1), bank.flatten(1)).min(1)
    assert float(nearest.values.max()) == pytest.approx(0.0, abs=1e-3)
    assert len(nearest.indices.unique()) > 3


def test_the_row_of_real_images_translates_nothing(source, prepared):
    with pytest.raises(NotImplementedError, match="held-out"):
        prepared("real").translate(source, torch_generator(0))
