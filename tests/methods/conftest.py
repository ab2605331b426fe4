"""Tiny tasks and quick ways to build and train a method, shared by the tests of methods."""

import pytest
import torch

from ganbench.data.base import Domain, TranslationData
from ganbench.data.batches import BatchSource
from ganbench.methods.base import METHODS, Batch, Task
from ganbench.options import read_options
from ganbench.seeding import derive_seed, torch_generator

SMALL = {"ngf": 4, "ndf": 4, "nef": 4, "n_blocks": 1, "f_width": 4, "f_steps": 3, "f_batch_size": 4, "pool_size": 3}
SMALL |= {"iterations": 3, "noise_dim": 8}
COLOURS = torch.tensor([[220, 40, 40], [40, 200, 60], [50, 70, 230], [230, 200, 50]], dtype=torch.uint8)


def squares(count, size, seed, flipped):
    """Images of a coloured square on grey (or on black, ``flipped``), and the index of the colour."""
    generator = torch.Generator().manual_seed(seed)
    colours = torch.randint(len(COLOURS), (count,), generator=generator)
    corners = torch.randint(size // 2, (count, 2), generator=generator)
    images = torch.full((count, 3, size, size), 0 if flipped else 128, dtype=torch.uint8)
    for image, colour, (top, left) in zip(images, colours, corners.tolist(), strict=True):
        image[:, top : top + size // 2, left : left + size // 2] = COLOURS[colour][:, None, None]
    return images, {"colour": colours}


def make_data(size=16, labels=True, paired=False, domains=("plain", "dark")):
    found = {}
    for number, name in enumerate(domains):
        parts = {
            split: squares(12, size, k if paired else 10 * number + k, number == 1)
            for k, split in enumerate(("train", "val", "test"))
        }
        found[name] = Domain(
            images={split: images for split, (images, _) in parts.items()},
            labels={split: known for split, (_, known) in parts.items()} if labels else {},
        )
    classes = {"colour": ("red", "green", "blue", "yellow")} if labels else {}
    pairs = dict(found["dark"].images) if paired else {}
    return TranslationData(found, "plain", "dark", classes, pairs, paired)


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Networks of four channels are slower on many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def data():
    return make_data()


@pytest.fixture(scope="session")
def data_without_labels():
    return make_data(labels=False)


@pytest.fixture(scope="session")
def paired_data():
    return make_data(paired=True)


@pytest.fixture(scope="session")
def data_of_three_domains():
    return make_data(domains=("plain", "dark", "further"))


@pytest.fixture
def data_for(data, paired_data):
    """Return the smallest data that a method accepts."""
    return lambda name: paired_data if METHODS.get(name).needs_pairs else data


@pytest.fixture
def make_method():
    """Build a method from its name, with small networks; further keywords are options."""

    def make(name, size=16, steps=8, seed=0, others=(), **options):
        method = METHODS.get(name)
        small = {key: value for key, value in SMALL.items() if key in method.Options.model_fields}
        task = Task(size, "plain", "dark", steps, 4, {"colour": ("red", "green", "blue", "yellow")}, others)
        read = read_options(method.Options, small | options, name)
        return method(read, task, torch_generator(seed, "weights"), torch.device("cpu"))

    return make


@pytest.fixture
def train():
    """Train a method for the steps of a range; return the losses of each."""

    def run(method, data, steps, seed=0):
        source = BatchSource(data, 4, seed)
        batches = (Batch(source.images(step), data.source, data.target, source.labels(step)) for step in steps)
        losses = []
        for step, batch in zip(steps, batches, strict=True):
            torch.manual_seed(derive_seed(seed, "layers", step))  # for dropout, as the training loop does it
            losses.append(method.training_step(batch, step, torch_generator(seed, "step", step)))
        return losses

    return run


def same_state(first, second):
    """Say whether two nested states hold the same numbers."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same_state(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same_state, first, second))
    return first == second


@pytest.fixture
def assert_same_state():
    def check(first, second):
        assert same_state(first.state_dict(), second.state_dict())

    return check
