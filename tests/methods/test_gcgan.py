import pytest
import torch

from ganbench.errors import InputError
from ganbench.methods.base import METHODS
from ganbench.options import read_options

IMAGES = torch.rand(2, 3, 16, 16) * 2 - 1


@pytest.mark.parametrize("geometry", ["rot90", "vertical_flip"])
def test_turning_back_undoes_turning(geometry, make_method):
    method = make_method("gcgan", geometry=geometry)
    assert torch.equal(method.turn_back(method.turn(IMAGES)), IMAGES)
    assert not torch.equal(method.turn(IMAGES), IMAGES)


def test_a_quarter_turn_is_clockwise(make_method):
    top_left = torch.zeros(1, 3, 16, 16)
    top_left[..., 0, 0] = 1
    assert float(make_method("gcgan").turn(top_left)[0, 0, 0, -1]) == 1  # now top right
    assert float(make_method("gcgan", geometry="vertical_flip").turn(top_left)[0, 0, -1, 0]) == 1


@pytest.mark.parametrize("geometry", ["rot90", "vertical_flip"])
def test_a_translator_that_commutes_with_turning_pays_nothing(geometry, make_method):
    method = make_method("gcgan", geometry=geometry, lambda_identity=0.0)
    fake = torch.rand(2, 3, 16, 16)
    consistent = method._losses((fake, method.turn(fake)), (IMAGES, method.turn(IMAGES)))
    assert float(consistent["geometry"]) == 0
    assert float(method._losses((fake, fake), (IMAGES, IMAGES))["geometry"]) > 0.1


def test_the_geometry_term_counts_both_sides_and_pulls_both(make_method):
    method = make_method("gcgan", lambda_identity=0.0)
    plain, turned = torch.zeros(2, 3, 16, 16, requires_grad=True), torch.ones(2, 3, 16, 16, requires_grad=True)
    term = method._losses((plain, turned), (IMAGES, IMAGES))["geometry"]
    assert term.item() == pytest.approx(2.0)  # |0 − 1| on each side
    term.backward()
    assert float(plain.grad.sum()) == pytest.approx(-1.0)
    assert float(turned.grad.sum()) == pytest.approx(1.0)


def test_terms_and_weights(data, make_method, train):
    (losses,) = train(make_method("gcgan"), data, range(1))
    expected = (
        losses["adversarial_plain"]
        + losses["adversarial_turned"]
        + 20.0 * losses["geometry"]
        + 3.0 * losses["identity"]
    )
    torch.testing.assert_close(losses["generator"], expected)
    assert {"discriminator_plain", "discriminator_turned"} <= set(losses)


def test_without_weight_a_term_is_not_computed(data, make_method, train):
    (losses,) = train(make_method("gcgan", lambda_geometry=0.0, lambda_identity=0.0), data, range(1))
    assert not {"geometry", "identity"} & set(losses)


def test_n_critic_holds_here_too(data, make_method, train):
    method = make_method("gcgan", adversarial="wgan-gp", n_critic=2)
    assert ["generator" in losses for losses in train(method, data, range(4))] == [False, True, False, True]
    assert method.generator_updates(9) == 4


def test_an_unknown_geometry_is_refused():
    with pytest.raises(InputError, match="'rot90' or 'vertical_flip'"):
        read_options(METHODS.get("gcgan").Options, {"geometry": "rot180"}, "suite.yaml")
