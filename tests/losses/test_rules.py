import itertools

import pytest

from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.losses.regularizers import REGULARIZERS
from ganbench.losses.rules import RULES, Choice, refused

NORMS = ("instance", "batch", "none")


def choice(adversarial, regularizer=None, norm="instance", n_critic=None):
    loss = ADVERSARIAL.get(adversarial)
    name = regularizer or loss.regularizer
    return Choice(adversarial, loss, name, REGULARIZERS.get(name), norm, n_critic or loss.n_critic)


@pytest.mark.parametrize("name", ADVERSARIAL.names())
def test_every_loss_stands_with_its_own_defaults(name):
    assert not list(refused(choice(name)))


@pytest.mark.parametrize(
    ("given", "reason", "remedy"),
    [
        (("wgan-gp", None, "batch"), "ties the images together", "'instance' or 'none'"),
        (("hinge", "r1", "batch"), "ties the images together", "'instance' or 'none'"),
        (("began", "gradient_penalty"), "autoencoder", "'spectral_norm'"),
        (("ebgan", "clipping"), "autoencoder", "Leave regularizer out"),
        (("mmd", "r1"), "embedding", "'clipping' or 'spectral_norm'"),
        (("mmd", "none"), "without a bound", "'clipping' or 'spectral_norm'"),
        (("gmmn", "spectral_norm"), "no discriminator", "Leave regularizer out"),
        (("gmmn", None, "instance", 5), "no discriminator", "Leave n_critic out"),
        (("wgan", "none"), "without a bound", "'clipping' or 'gradient_penalty' or 'spectral_norm'"),
        (("mean_matching", "r1"), "without a bound", "'clipping'"),
        (("wgan-gp", "clipping"), "named after", "adversarial 'wgan'"),
        (("dragan", "r1"), "named after", "adversarial 'nonsaturating'"),
    ],
)
def test_a_senseless_choice_is_refused_with_reason_and_remedy(given, reason, remedy):
    problems = list(refused(choice(*given)))
    assert any(reason in problem and remedy in problem for problem in problems)
    assert all(repr(given[0]) in problem and "None" not in problem and "{" not in problem for problem in problems)


@pytest.mark.parametrize("given", [("wgan", "spectral_norm"), ("mmd", "spectral_norm"), ("ebgan", "spectral_norm")])
def test_what_makes_sense_stands(given):
    assert not list(refused(choice(*given)))


def test_every_rule_forbids_something_and_never_everything_of_a_loss():
    names = itertools.product(ADVERSARIAL.names(), REGULARIZERS.names(), NORMS, (1, 5))
    choices = [choice(*each) for each in names]
    assert all(any(rule.forbids(each) for each in choices) for rule in RULES)
    standing = {each.adversarial for each in choices if not list(refused(each))}
    assert standing == set(ADVERSARIAL.names())
