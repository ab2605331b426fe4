import pytest

from ganbench.errors import InputError
from ganbench.methods.base import METHODS
from ganbench.options import read_options


def read(name, **values):
    return read_options(METHODS.get(name).Options, values, "suite.yaml")


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"adversarial": "lsgn"}, "Did you mean 'lsgan'"),
        ({"reconstruction": "l3"}, "Known: adversarial, charbonnier"),
        ({"lambda_cicle": 1.0}, "Did you mean 'lambda_cycle'"),
        ({"ngf": "64"}, "ngf"),
        ({"ngf": 0}, "ngf"),
        ({"patch_size": 50}, "1, 16, 34, 70 or 'image'"),
        ({"norm": "layer"}, "'instance', 'batch' or 'none'"),
        ({"lambda_cycle": float("nan")}, "lambda_cycle"),
        ({"lr": -1.0}, "lr"),
        ({"adversarial": "wgan-gp", "norm": "batch"}, "Set discriminator_norm"),
        ({"adversarial": "wgan-gp", "discriminator_norm": "batch"}, "ties the images together"),
    ],
)
def test_bad_options_are_refused_with_the_remedy(values, answer):
    with pytest.raises(InputError, match=answer) as caught:
        read("cyclegan", **values)
    assert all(problem.startswith("suite.yaml: ") for problem in caught.value.problems)


def test_all_problems_are_told_at_once():
    with pytest.raises(InputError) as caught:
        read("cyclegan", adversarial="lsgn", reconstruction="l3", ngf=0)
    assert len(caught.value.problems) == 3


def test_batch_normalisation_in_the_generator_goes_with_a_gradient_penalty():
    options = read("cyclegan", adversarial="wgan-gp", norm="batch", discriminator_norm="none")
    assert (options.norm, options.norm_of_discriminator) == ("batch", "none")


def test_the_defaults_are_the_papers():
    options = read("cyclegan")
    assert (options.ngf, options.ndf, options.lr, options.beta1, options.beta2) == (64, 64, 2e-4, 0.5, 0.999)
    assert (options.adversarial, options.reconstruction, options.lambda_cycle) == ("lsgan", "l1", 10.0)
    assert (options.lambda_identity, options.pool_size, options.norm) == (5.0, 50, "instance")


@pytest.mark.parametrize("name", ["cyclegan", "half_cycle", "dtn"])
def test_a_patch_too_large_for_the_images_is_refused_with_the_largest_that_fits(name, make_method):
    with pytest.raises(InputError, match="at most 16"):
        make_method(name, patch_size=70)


@pytest.mark.parametrize("name", ["cyclegan", "half_cycle", "dtn"])
def test_a_size_that_cannot_be_halved_is_refused(name, make_method):
    with pytest.raises(InputError, match="multiple of"):
        make_method(name, size=18)
