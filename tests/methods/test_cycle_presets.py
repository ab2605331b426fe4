import pytest
import torch

from ganbench.errors import InputError
from ganbench.methods.base import METHODS
from ganbench.methods.cycle import Terms, mean_feature_distance
from ganbench.options import read_options

FAMILY = [
    "half_cycle",
    "forward_cycle",
    "backward_cycle",
    "cycle_only",
    "cyclegan",
    "double_cycle",
    "discogan",
    "dualgan",
]
BOTH_WAYS = Terms(adversarial_forward=1.0, adversarial_backward=1.0)


def read(name, **values):
    return read_options(METHODS.get(name).Options, values, "suite.yaml")


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("half_cycle", Terms(adversarial_forward=1.0)),
        ("forward_cycle", Terms(1.0, 1.0, forward_cycle=10.0)),
        ("backward_cycle", Terms(1.0, 1.0, backward_cycle=10.0)),
        ("cycle_only", Terms(forward_cycle=10.0, backward_cycle=10.0)),
        ("cyclegan", Terms(1.0, 1.0, forward_cycle=10.0, backward_cycle=10.0, identity=5.0)),
        ("double_cycle", Terms(1.0, 1.0, forward_cycle=10.0, backward_cycle=10.0, second_cycle=10.0, identity=5.0)),
        ("dualgan", Terms(1.0, 1.0, forward_cycle=200.0, backward_cycle=200.0)),
    ],
)
def test_each_preset_has_its_terms_and_computes_no_others(name, terms, data, make_method, train):
    method = make_method(name)
    assert method.weigh(0.0) == method.weigh(1.0) == terms
    *_, losses = train(method, data, range(method.n_critic))
    computed = {term for term in Terms.__dataclass_fields__ if term in losses}
    assert computed == {term for term in Terms.__dataclass_fields__ if getattr(terms, term)}


@pytest.mark.parametrize("name", FAMILY)
def test_discriminators_learn_only_where_they_judge(name, data, make_method, train):
    method = make_method(name)
    found = set().union(*train(method, data, range(method.n_critic)))
    for way in ("forward", "backward"):
        assert (f"discriminator_{way}" in found) == bool(getattr(method.terms, f"adversarial_{way}"))


def test_half_a_cycle_builds_nothing_for_the_way_back(data, make_method, train):
    method = make_method("half_cycle")
    assert method.back is None
    assert set(train(method, data, range(1))[0]) == {"adversarial_forward", "generator", "discriminator_forward"}
    assert not {"lambda_cycle", "reconstruction"} & set(method.Options.model_fields)


def test_cycles_alone_have_no_discriminator_and_no_options_of_one(make_method):
    method = make_method("cycle_only")
    assert all(way.adversary is None for way in method.ways)
    assert not {"adversarial", "n_critic", "pool_size", "lambda_identity"} & set(method.Options.model_fields)


@pytest.mark.parametrize("reconstruction", ["none", "feature_matching"])
def test_cycles_alone_refuse_a_reconstruction_that_leaves_nothing(reconstruction):
    with pytest.raises(InputError, match="reconstruction"):
        read("cycle_only", reconstruction=reconstruction)


@pytest.mark.parametrize("name", ["forward_cycle", "backward_cycle", "discogan", "dualgan"])
def test_presets_whose_papers_have_no_identity_term_offer_none(name):
    assert "lambda_identity" not in METHODS.get(name).Options.model_fields


def test_the_second_cycle_is_the_first_applied_to_what_came_home(data, make_method, train):
    method = make_method("double_cycle", lambda_identity=0.0)
    x, y = torch.rand(4, 3, 16, 16), torch.rand(4, 3, 16, 16)
    losses, _ = method._generator_losses(x, y)
    forth, back = method.forth.generator, method.back.generator
    expected = (back(forth(back(forth(x)))) - x).abs().mean() + (forth(back(forth(back(y)))) - y).abs().mean()
    torch.testing.assert_close(losses["second_cycle"], expected)


def test_discogan_has_the_defaults_of_the_authors():
    options = read("discogan")
    assert (options.adversarial, options.reconstruction, options.weight_decay) == ("nonsaturating", "l2", 1e-5)
    assert (options.lr, options.beta1, options.beta2, options.decay_from) == (2e-4, 0.5, 0.999, 1.0)


def test_discogan_switches_from_judgement_to_reconstruction(make_method):
    method = make_method("discogan", lambda_cycle=1.0, curriculum=0.25)
    first, then = method.weigh(0.24), method.weigh(0.25)
    early = (0.99 * 0.1, 0.99 * 0.9, 0.01)
    assert (first.adversarial_forward, first.features_forward, first.forward_cycle) == pytest.approx(early)
    assert (then.adversarial_backward, then.features_backward, then.backward_cycle) == pytest.approx((0.05, 0.45, 0.5))
    assert then.identity == then.second_cycle == 0


def test_discogan_updates_one_side_at_a_time(data, make_method, train):
    method = make_method("discogan")
    said = [("generator" in losses, "discriminator_forward" in losses) for losses in train(method, data, range(6))]
    assert said == [(False, True), (True, False), (True, False)] * 2
    assert [method.generator_updates(steps) for steps in (1, 2, 3, 6, 800)] == [0, 1, 2, 4, 533]


def test_discogan_with_a_loss_of_several_critic_steps_keeps_to_n_critic(data, make_method, train):
    method = make_method("discogan", adversarial="wgan-gp", norm="instance")
    said = [("generator" in losses, "discriminator_forward" in losses) for losses in train(method, data, range(5))]
    assert said == [(False, True)] * 4 + [(True, True)]


def test_discogan_refuses_to_match_features_where_there_are_none():
    with pytest.raises(InputError, match="features_share"):
        read("discogan", adversarial="gmmn")
    assert read("discogan", adversarial="gmmn", features_share=0.0)


def test_feature_matching_compares_batch_means_of_all_layers_but_the_first():
    real = [torch.full((2, 3, 4, 4), value) for value in (9.0, 1.0, 2.0)]
    fake = [torch.zeros(5, 3, 4, 4), torch.zeros(5, 3, 4, 4), torch.full((5, 3, 4, 4), 5.0)]
    assert float(mean_feature_distance(real, fake)) == pytest.approx(1.0 + 9.0)
    shuffled = [values[torch.tensor([1, 0])] for values in real]
    assert float(mean_feature_distance(real, shuffled)) == 0


def test_dualgan_is_that_of_june_2017(data, make_method, train):
    options = read("dualgan")
    assert (options.adversarial, options.regularizer_name, options.n_critic) == ("wgan", "clipping", 3)
    assert (options.optimizer, options.lr, options.reconstruction, options.lambda_cycle) == ("rmsprop", 5e-5, "l1", 200)
    method = make_method("dualgan")
    train(method, data, range(1))
    for way in method.ways:
        assert max(float(p.detach().abs().max()) for p in way.judge.network.parameters()) <= 0.01 + 1e-7
    assert method.generator_updates(800) == 266
