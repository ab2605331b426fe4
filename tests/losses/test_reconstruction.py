import pytest
import torch

from ganbench.losses.reconstruction import RECONSTRUCTION, gram_distance, gram_matrices, style_distance
from ganbench.losses.smoothness import total_variation
from ganbench.nets.frozen_features import frozen_classifier, frozen_features

ON_IMAGES = [
    name for name in RECONSTRUCTION.names() if RECONSTRUCTION.get(name).compares == "images" and name != "none"
]


def distance(name):
    """Return the loss as a function of two batches of images, frozen features taken where it compares these."""
    loss = RECONSTRUCTION.get(name)
    if loss.compares == "images":
        return loss.function
    return lambda output, target: loss.function(frozen_features(output), frozen_features(target))


def images(count, size, seed=0):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_all_the_losses_of_the_field_are_there():
    known = "none l1 l2 charbonnier ssim ms_ssim ms_ssim_l1 perceptual gram feature_matching adversarial"
    assert set(known.split()) <= set(RECONSTRUCTION.names())
    assert all(RECONSTRUCTION.get(name).summary and RECONSTRUCTION.get(name).name == name for name in known.split())


@pytest.mark.parametrize("name", [*ON_IMAGES, "perceptual", "gram"])
def test_zero_on_equal_images_positive_on_others_and_symmetric(name):
    loss = distance(name)
    a, b = images(2, 16, 0), images(2, 16, 1)
    assert float(loss(a, a)) == pytest.approx(0.0, abs=1.1e-3)  # Charbonnier's constant
    assert float(loss(a, b)) > 0.005
    torch.testing.assert_close(loss(a, b), loss(b, a))


@pytest.mark.parametrize("name", [*ON_IMAGES, "perceptual", "gram"])
@pytest.mark.parametrize("start", ["grey", "equal", "inverted"])
def test_the_gradient_is_finite_and_leads_to_the_target(name, start):
    target = torch.nn.functional.interpolate(images(1, 4), (16, 16), mode="bilinear")
    if start == "equal":
        assert bool(gradient(name, target, target).isfinite().all())
        return
    output = torch.zeros_like(target) if start == "grey" else -0.5 * target
    slope = gradient(name, output, target)
    assert bool(slope.isfinite().all())
    better = output - 0.01 * slope / slope.abs().max()
    assert float(distance(name)(better, target)) <= float(distance(name)(output, target))
    assert float(slope.abs().max()) > 0


def gradient(name, output, target):
    output = output.clone().requires_grad_()
    distance(name)(output, target).backward()
    return output.grad


def test_ms_ssim_leads_out_of_contradicting_structures():
    """Adam on the pixels of an inverted picture finds the way: plain clamping of the factors would stay at 0.999."""
    target = torch.nn.functional.interpolate(images(1, 8), (32, 32), mode="bilinear")
    output = (-target).requires_grad_()
    optimizer = torch.optim.Adam([output], lr=0.05)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        losses.append(distance("ms_ssim")(output, target))
        losses[-1].backward()
        optimizer.step()
    assert float(losses[0].detach()) > 0.99
    assert float(losses[-1].detach()) < 0.6


@pytest.mark.parametrize(("name", "expected"), [("l1", 0.5), ("l2", 0.25), ("charbonnier", 0.500001)])
def test_known_values(name, expected):
    loss = RECONSTRUCTION.get(name).function
    assert float(loss(torch.full((2, 3, 4, 4), 0.5), torch.zeros(2, 3, 4, 4))) == pytest.approx(expected, rel=1e-6)


def test_none_is_zero_and_asks_for_nothing():
    value = RECONSTRUCTION.get("none").function(images(1, 8).requires_grad_(), images(1, 8, 1))
    assert float(value) == 0.0
    assert not value.requires_grad


@pytest.mark.parametrize(("name", "statistic"), [("l1", 0.0), ("l2", 0.25), ("charbonnier", 0.0)])
def test_l1_is_answered_best_by_the_median_and_l2_by_the_mean(name, statistic):
    values = torch.tensor([0.0, 0.0, 0.0, 1.0])
    candidates = torch.linspace(0, 1, 101)
    losses = torch.stack([RECONSTRUCTION.get(name).function(candidate.expand(4), values) for candidate in candidates])
    assert float(candidates[losses.argmin()]) == pytest.approx(statistic)


@pytest.mark.parametrize("name", ON_IMAGES)
def test_half_precision_is_compared_in_float32(name):
    assert distance(name)(images(1, 16).bfloat16(), images(1, 16, 1)).dtype == torch.float32


def test_zhaos_mixture_is_weighed_as_in_the_paper():
    flat, shifted = torch.full((1, 3, 16, 16), -0.4), torch.full((1, 3, 16, 16), 0.4)
    expected = 0.84 * distance("ms_ssim")(flat, shifted) + 0.16 * 0.4  # an error of 0.8 on [−1, 1]
    torch.testing.assert_close(distance("ms_ssim_l1")(flat, shifted), expected)


@pytest.mark.parametrize(
    ("name", "size", "called"),
    [
        ("ms_ssim", 16, "ms_ssim (1 scale)"),
        ("ms_ssim", 32, "ms_ssim (2 scales)"),
        ("ms_ssim_l1", 256, "ms_ssim_l1 (5 scales)"),
        ("ssim", 32, "ssim"),
    ],
)
def test_the_count_of_scales_is_in_the_name(name, size, called):
    assert RECONSTRUCTION.get(name).name_at(size) == called


@pytest.mark.parametrize("places", [(7, 7), (4, 9)])
def test_gram_distance_is_the_biased_mmd_of_the_quadratic_kernel(places):
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(3, 5, count, 2, generator=generator, dtype=torch.float64) for count in places)

    def kernel(first, second):
        return (first.flatten(2).transpose(1, 2) @ second.flatten(2)).square().mean((1, 2))

    mmd = kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)
    found = gram_distance(gram_matrices(a), gram_matrices(b))
    torch.testing.assert_close(found.double(), mmd, rtol=1e-5, atol=1e-6)


def test_style_distance_is_gatys_equation_4_of_unnormalised_grams():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 1, 5, 3, 4, generator=generator)
    rows_a, rows_b = a[0].flatten(1), b[0].flatten(1)
    expected = (rows_a @ rows_a.T - rows_b @ rows_b.T).square().sum() / (4 * 5**2 * 12**2)
    torch.testing.assert_close(style_distance([gram_matrices(a)], [gram_matrices(b)])[0], expected)


def test_gram_forgets_places_and_perceptual_does_not():
    loss = {name: RECONSTRUCTION.get(name).function for name in ("gram", "perceptual")}
    maps = torch.randn(2, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    assert float(loss["gram"]([maps], [maps.flip(-1)])) == pytest.approx(0.0, abs=1e-9)
    assert float(loss["perceptual"]([maps], [maps.flip(-1)])) > 0.5


def test_frozen_features_are_those_of_the_classifier_and_differentiable():
    maps = frozen_features(images(2, 32).requires_grad_())
    assert [tuple(each.shape) for each in maps] == [(2, 16, 16, 16), (2, 24, 8, 8), (2, 40, 4, 4), (2, 112, 2, 2)]
    assert all(0.1 < float(each.detach().square().mean().sqrt()) < 10 and each.requires_grad for each in maps)
    assert len(frozen_features(images(1, 8), layers=2)) == 2


def test_the_classifier_is_built_once_learns_nothing_and_can_be_born_in_inference_mode():
    frozen_classifier.cache_clear()
    with torch.inference_mode():
        network = frozen_classifier(torch.device("cpu"))
    assert frozen_classifier(torch.device("cpu")) is network
    assert not any(p.requires_grad or p.is_inference() for p in network.parameters())
    assert gradient("perceptual", images(1, 16), images(1, 16, 1)).abs().max() > 0


def test_total_variation_of_a_ramp_and_of_a_flat_image():
    ramp = torch.arange(8.0).expand(1, 3, 8, 8)
    assert float(total_variation(ramp)) == pytest.approx(1.0)
    flat = torch.zeros(1, 3, 8, 8, requires_grad=True)
    total_variation(flat).backward()
    assert float(total_variation(flat.detach())) == pytest.approx(0.0, abs=1e-3)
    assert bool(flat.grad.isfinite().all())
