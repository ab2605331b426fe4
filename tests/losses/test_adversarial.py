import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ganbench.errors import InputError
from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.losses.energy import pulling_away

REAL = torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(0))
FAKE = torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(1))
NAMES = ADVERSARIAL.names()
OF_SCORES = [n for n in NAMES if ADVERSARIAL.get(n).judgement == "scores" and not ADVERSARIAL.get(n).needs_real]
ENERGIES = ["began", "ebgan"]


def losses(name, real, fake, **options):
    """Return the discriminator's and the generator's loss."""
    loss = ADVERSARIAL.get(name)(**options)
    state = {key: torch.tensor(value) for key, value in loss.initial_state().items()}
    return loss.discriminator_loss(real, fake, state), loss.generator_loss(fake, real if loss.needs_real else None)


def numbers(name, real, fake, **options):
    return [float(each) for each in losses(name, torch.tensor(real), torch.tensor(fake), **options)]


def test_built_in_names():
    assert {
        "minimax", "nonsaturating", "lsgan", "wgan", "wgan-gp", "hinge", "dragan", "began", "ebgan", "mmd", "gmmn",
        "mean_matching", "feature_matching", "fgan:kl",
    } <= set(NAMES)  # fmt: skip


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'lsgan'"):
        ADVERSARIAL.get("lsgn")


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_names_its_source_and_every_option_its_meaning(name):
    loss = ADVERSARIAL.get(name)
    assert loss.source
    assert loss.__doc__.splitlines()[0].endswith((".", "distance.", "radius.")) or ";" in loss.__doc__.splitlines()[0]
    assert all(field.description and not field.is_required() for field in loss.model_fields.values())


def test_nonsaturating_is_binary_cross_entropy_on_logits():
    d, g = losses("nonsaturating", REAL, FAKE)
    torch.testing.assert_close(d, bce(REAL, torch.ones_like(REAL)) + bce(FAKE, torch.zeros_like(FAKE)))
    torch.testing.assert_close(g, bce(FAKE, torch.ones_like(FAKE)))


def test_minimax_is_a_game_of_zero_sum():
    d, g = losses("minimax", REAL, FAKE)
    torch.testing.assert_close(g, -bce(FAKE, torch.zeros_like(FAKE)))
    torch.testing.assert_close(d + g, bce(REAL, torch.ones_like(REAL)))


def test_the_generators_gradient_fades_in_minimax_alone_where_a_fake_is_found_out():
    scores = torch.tensor([-12.0], requires_grad=True)
    slopes = {}
    for name in ("minimax", "nonsaturating", "hinge"):
        (gradient,) = torch.autograd.grad(ADVERSARIAL.get(name)().generator_loss(scores), scores)
        slopes[name] = float(gradient)
    assert slopes["minimax"] == pytest.approx(0, abs=1e-4)
    assert slopes["nonsaturating"] == pytest.approx(-1, abs=1e-4)
    assert slopes["hinge"] == -1


def test_the_gan_divergence_gives_the_losses_of_the_original():
    for form, name in (("heuristic", "nonsaturating"), ("true", "minimax")):
        ours, expected = losses("fgan:gan", REAL, FAKE, generator_form=form), losses(name, REAL, FAKE)
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("name", ["nonsaturating", "minimax", "hinge", "fgan:gan", "fgan:jensen_shannon"])
def test_large_scores_do_not_overflow(name):
    for score in (1e4, -1e4):
        assert all(abs(value) < 2.1e4 for value in numbers(name, [score], [score]))


@pytest.mark.parametrize(
    ("name", "options", "real", "fake", "d", "g"),
    [
        ("lsgan", {}, [1.0], [0.0], 0.0, 0.5),
        ("lsgan", {}, [0.0], [1.0], 1.0, 0.0),
        ("lsgan", {}, [0.5], [0.5], 0.25, 0.125),
        ("lsgan", {"a": -1.0, "b": 1.0, "c": 0.0}, [1.0], [-1.0], 0.0, 0.5),
        ("wgan", {}, [2.0], [0.5], -1.5, -0.5),
        ("wgan-gp", {}, [2.0], [0.5], -1.5, -0.5),
        ("mean_matching", {}, [2.0, 4.0], [0.5, 1.5], -2.0, 4.0),
        ("hinge", {}, [2.0, 0.0], [-2.0, 0.5], 1.25, 0.75),
        ("ebgan", {"margin": 1.0}, [0.25], [0.5], 0.75, 0.5),
        ("ebgan", {"margin": 1.0}, [0.25], [1.5], 0.25, 1.5),
        ("began", {}, [0.25], [0.5], 0.25, 0.5),
    ],
)
def test_known_values(name, options, real, fake, d, g):
    assert numbers(name, real, fake, **options) == pytest.approx([d, g])


def test_the_generator_of_mean_matching_rests_where_the_means_agree():
    fake = torch.tensor([1.0, 3.0], requires_grad=True)
    loss = ADVERSARIAL.get("mean_matching")().generator_loss(fake, torch.tensor([2.0, 2.0]))
    (gradient,) = torch.autograd.grad(loss, fake)
    assert not gradient.any()


def test_k_of_began_follows_its_rule_and_stays_within_bounds():
    loss = ADVERSARIAL.get("began")(gamma=0.5, lambda_k=0.1)
    state = {"k": torch.tensor(0.3)}
    real, fake = torch.tensor([0.8, 1.2]), torch.tensor([0.1, 0.3])
    advanced = loss.advance(state, real, fake)
    assert float(advanced["k"]) == pytest.approx(0.3 + 0.1 * (0.5 * 1.0 - 0.2))
    assert float(advanced["convergence"]) == pytest.approx(1.0 + abs(0.5 * 1.0 - 0.2))
    assert float(loss.discriminator_loss(real, fake, state)) == pytest.approx(1.0 - 0.3 * 0.2)
    assert float(loss.advance(state, 0 * real, 100 * fake)["k"]) == 0
    assert float(loss.advance(state, 100 * real, fake)["k"]) == 1
    assert loss.initial_state()["k"] == 0


def test_codes_pull_away_until_they_are_orthogonal():
    """Zhao 2016, section 2.4: 1/(N(N − 1)) Σ_i Σ_{j≠i} (S_iᵀS_j / ‖S_i‖‖S_j‖)²."""
    assert float(pulling_away(torch.eye(5))) == 0
    assert float(pulling_away(torch.ones(4, 7) * torch.tensor([[1.0], [-2.0], [3.0], [0.1]]))) == pytest.approx(1)
    codes = torch.randn(6, 3, generator=torch.Generator().manual_seed(2))
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    cosines = [float(torch.cosine_similarity(codes[i], codes[j], 0)) for i, j in pairs]
    assert float(pulling_away(codes)) == pytest.approx(sum(cosine**2 for cosine in cosines) / 30)
    with torch.autocast("cpu", torch.bfloat16):
        assert float(pulling_away(codes)) == pytest.approx(sum(cosine**2 for cosine in cosines) / 30)


def test_the_repelling_regulariser_weighs_nothing_by_default():
    ebgan = ADVERSARIAL.get("ebgan")
    assert not ebgan().repels
    assert ebgan(lambda_pt=0.1).repels
    assert float(ebgan(lambda_pt=0.1).repulsion(torch.ones(2, 3))) == pytest.approx(0.1)


def test_feature_matching_compares_means_over_batch_and_places():
    loss = ADVERSARIAL.get("feature_matching")()
    real, fake = (torch.randn(4, 5, 3, 3, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    expected = sum(float(real[:, k].mean() - fake[:, k].mean()) ** 2 for k in range(5))
    assert float(loss.generator_loss(fake, real)) == pytest.approx(expected, rel=1e-4)
    assert float(loss.generator_loss(real.flip(0), real)) == pytest.approx(0, abs=1e-10)
    assert loss.generator_sees == "features"


@pytest.mark.parametrize("name", OF_SCORES)
def test_the_discriminator_gains_by_telling_apart_and_the_generator_by_deceiving(name):
    real, fake = torch.full((8,), 0.4, requires_grad=True), torch.full((8,), 0.6, requires_grad=True)
    d, g = losses(name, real, fake)
    to_real, to_fake = torch.autograd.grad(d, (real, fake))
    (to_deceive,) = torch.autograd.grad(g, fake)
    assert bool((to_real < 0).all() and (to_fake > 0).all() and (to_deceive < 0).all())


@pytest.mark.parametrize("name", ENERGIES)
def test_energy_of_real_images_and_of_the_generators_falls(name):
    real, fake = torch.full((8,), 0.2, requires_grad=True), torch.full((8,), 0.3, requires_grad=True)
    loss = ADVERSARIAL.get(name)()
    to_real, to_fake = torch.autograd.grad(loss.discriminator_loss(real, fake, {"k": torch.tensor(0.5)}), (real, fake))
    (of_generator,) = torch.autograd.grad(loss.generator_loss(fake), fake)
    assert bool((to_real > 0).all() and (to_fake < 0).all() and (of_generator > 0).all())


@pytest.mark.parametrize("name", [name for name in NAMES if ADVERSARIAL.get(name).judgement in ("scores", "energy")])
@pytest.mark.parametrize("autocast", [False, True])
def test_computed_in_float32_whatever_the_autocast(name, autocast):
    real, fake = REAL.bfloat16(), FAKE.bfloat16()
    exact = losses(name, real.float(), fake.float())
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found = losses(name, real, fake)
    assert all(each.dtype == torch.float32 for each in found)
    torch.testing.assert_close(found, exact)


@pytest.mark.parametrize("name", ["mmd", "gmmn"])
def test_kernels_are_computed_in_float32_under_autocast(name):
    real, fake = (torch.randn(6, 8, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    exact = losses(name, real, fake)
    with torch.autocast("cpu", torch.bfloat16):
        found = losses(name, real, fake)
    assert all(each.dtype == torch.float32 for each in found)
    torch.testing.assert_close(found, exact)
