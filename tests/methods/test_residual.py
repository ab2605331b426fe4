import pytest
import torch

from ganbench.data.batches import to_float
from ganbench.errors import InputError
from ganbench.methods.base import METHODS
from ganbench.methods.residual import GENERATED, REAL_SOURCE, REAL_TARGET, ResidualOptions, _classified_as
from ganbench.seeding import torch_generator


@pytest.fixture
def source(data):
    return to_float(data.images("plain", "test"))


def silence(network):
    """Make the generator's residual zero everywhere."""
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)


def test_translations_are_the_image_plus_the_clipped_residual(make_method, source):
    method = make_method("residual")
    with torch.no_grad():
        assert torch.equal(method.translate(source, torch_generator(0)), (source + method.forth(source)).clamp(-1, 1))
    silence(method.forth)
    assert torch.equal(method.translate(source, torch_generator(0)), source)


def test_nothing_is_sparse_and_alike_where_the_residual_is_zero(make_method, data, train):
    method = make_method("residual")
    silence(method.forth)
    silence(method.back)
    (losses,) = train(method, data, range(1))
    assert losses["sparsity"] == losses["perceptual"] == 0
    assert losses["adversarial"] > 0


def test_sparsity_is_the_sum_over_an_image(make_method, data, train):
    method = make_method("residual")
    for network in (method.forth, method.back):
        silence(network)
        torch.nn.init.constant_(network.layers[-1].bias, 0.25)
    (losses,) = train(method, data, range(1))
    torch.testing.assert_close(losses["sparsity"], torch.tensor(2 * 0.25 * 3 * 16 * 16))


def test_more_alpha_leaves_less_residual(make_method, data, train, source):
    sizes = []
    for alpha in (0.0, 1.0):
        method = make_method("residual", alpha=alpha, steps=30, lr=2e-3)
        train(method, data, range(20))
        sizes.append(float(method.forth(source).detach().abs().mean()))
    assert sizes[1] < 0.5 * sizes[0]


def test_the_judge_learns_its_three_classes(make_method, data, train, source):
    method = make_method("residual", steps=60, ndf=8, lr=2e-3)
    for network in (method.forth, method.back):
        torch.nn.init.constant_(network.layers[-1].bias, 0.5)
    method._update_generators = lambda x, y: ({}, (method.forth(x).detach() + x, method.back(y).detach() + y))
    train(method, data, range(40))
    target = to_float(data.images("dark", "test"))
    with torch.no_grad():
        shown = {REAL_SOURCE: source, REAL_TARGET: target, GENERATED: source + method.forth(source)}
        for label, images in shown.items():
            assert _classified_as(label, method.discriminator(images)) < 0.5  # log 3 = 1.1 by guessing


@pytest.mark.parametrize("term", ["alpha", "perceptual", "dual"])
def test_every_weight_reaches_the_generators(term, make_method, data, train):
    weights = []
    for value in (0.5, 1.0):
        method = make_method("residual", **{"alpha": 0.1, term: value})
        train(method, data, range(2))
        weights.append(method.state_dict()["forth"]["layers.0.weight"])
    assert not torch.equal(*weights)


@pytest.mark.parametrize(
    ("options", "size", "words"),
    [
        ({}, 24, "dcgan discriminator needs a power of two"),
        ({"discriminator": "patch"}, 18, "need a multiple of 4. Got 18: take 16"),
    ],
)
def test_image_sizes_that_do_not_fit_are_refused(options, size, words, make_method):
    read = ResidualOptions(**options)
    assert words in " ".join(METHODS.get("residual").refusals(read, size, 4))
    with pytest.raises(InputError, match=words.split(".")[0]):
        make_method("residual", size=size, **options)
    assert not list(read.refusals(32, 4))
