"""Degradations: every registered one keeps to the contract, and each does what it says."""

import pytest
import torch

from ganbench.data.degradations.base import CHUNK, DEGRADATIONS
from ganbench.data.degradations.blur import gaussian_blur, path_weights
from ganbench.errors import InputError
from ganbench.options import read_options

PLAIN = [name for name in DEGRADATIONS.names() if not DEGRADATIONS.get(name).uses_label_maps]


def degradation(name, **options):
    return read_options(DEGRADATIONS.get(name), options, name).degrade


EDGES, GRAYSCALE = degradation("edges"), degradation("grayscale")


def discs(count=6, size=32, seed=0):
    """Discs of random colours, places and sizes on random backgrounds."""
    generator = torch.Generator().manual_seed(seed)
    back, front = torch.randint(0, 256, (2, count, 3, 1, 1), generator=generator)
    centre = torch.rand(count, 2, generator=generator) * size / 2 + size / 4
    radius = torch.rand(count, generator=generator)[:, None, None] * size / 8 + size / 8
    row = torch.arange(size).float()
    distance = torch.hypot(row[None, :, None] - centre[:, 0, None, None], row[None, None] - centre[:, 1, None, None])
    return torch.where((distance < radius)[:, None], front, back).to(torch.uint8)


def halves(left, right, size=8):
    image = torch.empty(1, 3, size, size, dtype=torch.uint8)
    image[..., : size // 2] = torch.tensor(left, dtype=torch.uint8)[:, None, None]
    image[..., size // 2 :] = torch.tensor(right, dtype=torch.uint8)[:, None, None]
    return image


@pytest.mark.parametrize("name", PLAIN)
def test_a_degradation_keeps_shape_and_type_and_looks_at_each_image_alone(name):
    degrade, images = degradation(name), discs()
    before = images.clone()
    result = degrade(images)
    assert result.shape == images.shape
    assert result.dtype == torch.uint8
    assert result.is_contiguous()
    assert torch.equal(images, before)
    assert not torch.equal(result, images)
    assert torch.equal(result, torch.cat([degrade(image) for image in images.split(1)]))
    assert torch.equal(result.flip(0), degrade(images.flip(0)))
    assert DEGRADATIONS.get(name).summary


def test_grayscale_weighs_the_channels_as_the_eye_does():
    gray = GRAYSCALE(halves((255, 0, 0), (0, 255, 0)))
    assert torch.equal(gray[:, 0], gray[:, 1])
    assert torch.equal(gray[:, 0], gray[:, 2])
    assert gray[0, 0, 0, 0] == 76  # 0.299 · 255
    assert gray[0, 0, 0, -1] == 150  # 0.587 · 255
    assert torch.equal(GRAYSCALE(gray), gray)


def test_edges_are_black_or_white_and_lie_where_the_colour_changes():
    lines = EDGES(halves((10, 20, 30), (10, 220, 30)))
    assert set(lines.unique().tolist()) == {0, 255}
    dark = (lines[0, 0] == 0).any(0)
    assert dark.tolist() == [False, False, False, True, True, False, False, False]


def test_a_step_in_one_channel_alone_is_an_edge_at_equal_luma():
    picture = halves((200, 60, 60), (60, 131, 60))
    gray = GRAYSCALE(picture)
    assert int(gray.max()) - int(gray.min()) <= 1
    assert (EDGES(picture) == 0).any()


def test_edges_say_nothing_of_the_colours_beside_them():
    assert torch.equal(EDGES(halves((0, 0, 0), (255, 255, 255))), EDGES(halves((250, 90, 20), (180, 0, 20))))


def test_flat_pictures_have_no_edges():
    assert (EDGES(torch.full((1, 3, 8, 8), 77, dtype=torch.uint8)) == 255).all()


def test_edges_turn_with_the_picture():
    images = discs()
    assert torch.equal(EDGES(images.rot90(1, (2, 3))), EDGES(images).rot90(1, (2, 3)))
    assert torch.equal(EDGES(images.flip(3)), EDGES(images).flip(3))


def test_lines_are_thin_and_whole():
    yes = EDGES(discs(count=12))[:, 0] == 0
    solid = yes[:, 1:-1, 1:-1] & yes[:, :-2, 1:-1] & yes[:, 2:, 1:-1] & yes[:, 1:-1, :-2] & yes[:, 1:-1, 2:]
    assert float(solid.sum()) <= 0.05 * float(yes.sum())
    for lines in yes:
        assert not lines.any() or not reached_from_the_frame(lines)[centre_of(lines)]


def centre_of(lines):
    rows, columns = lines.nonzero(as_tuple=True)
    return int((rows.min() + rows.max()) // 2), int((columns.min() + columns.max()) // 2)


def reached_from_the_frame(lines):
    """Fill from the top left corner, through what is no line."""
    reached = torch.zeros_like(lines)
    reached[0, 0] = True
    for _ in range(lines.numel()):
        grown = reached.clone()
        grown[1:] |= reached[:-1]
        grown[:-1] |= reached[1:]
        grown[:, 1:] |= reached[:, :-1]
        grown[:, :-1] |= reached[:, 1:]
        grown &= ~lines
        if torch.equal(grown, reached):
            return reached
        reached = grown
    return reached


def test_sketches_draw_equal_luma_and_leave_flat_areas_white():
    sketch = degradation("sketch")
    picture = halves((200, 60, 60), (60, 131, 60), size=32)
    assert int(sketch(picture).min()) < 200
    assert (sketch(torch.full((1, 3, 32, 32), 77, dtype=torch.uint8)) == 255).all()


def test_a_step_in_one_channel_is_drawn_as_dark_as_one_in_all():
    sketch = degradation("sketch")
    one, all_three = halves((200, 90, 90), (90, 90, 90), size=32), halves((200,) * 3, (90,) * 3, size=32)
    assert torch.equal(sketch(one), sketch(all_three))


def test_higher_steps_make_darker_strokes():
    sketch = degradation("sketch")
    low, high = (int(sketch(halves((200,) * 3, (dark,) * 3, size=32)).min()) for dark in (150, 20))
    assert high < low < 255


def test_gaussian_blur_is_that_of_scipy():
    from scipy.ndimage import gaussian_filter

    images, sigma = discs().float(), 1.7
    expected = gaussian_filter(images.numpy(), (0, 0, sigma, sigma), mode="nearest", truncate=3 * 2 / 1.7)
    assert abs(gaussian_blur(images, sigma).numpy() - expected).max() < 1e-2


def test_a_path_has_its_length_and_direction():
    flat, steep = path_weights(8.0, 0.0), path_weights(8.0, torch.pi / 2)
    assert flat.sum() == pytest.approx(1)
    assert (flat.sum(1) > 0).sum() == 1
    assert 8 <= (flat.sum(0) > 0).sum() <= 10
    assert steep == pytest.approx(flat.T, abs=1e-9)
    slanted = path_weights(20.0, 0.5)
    rows, columns = slanted.nonzero()
    assert abs(rows - columns * 0.5463 - (len(slanted) // 2) * (1 - 0.5463)).max() < 2  # tan 0.5


def test_every_image_moves_its_own_way():
    dots = torch.zeros(12, 3, 33, 33, dtype=torch.uint8)
    dots[:, :, 16, 16] = 255
    dots[range(12), 0, 0, 0] = torch.arange(12, dtype=torch.uint8)  # else they are one picture
    paths = degradation("motion_blur")(dots)[:, 1]
    assert len({path.numpy().tobytes() for path in paths}) >= 11
    assert torch.equal(paths, paths.flip(1, 2))  # centred: a picture is smeared, not shifted


def test_the_centre_hole_covers_the_middle_and_nothing_else():
    images = discs(size=16)
    holed = degradation("centre_hole", fill=7)(images)
    assert (holed[..., 4:12, 4:12] == 7).all()
    outside = torch.ones(16, 16, dtype=torch.bool)
    outside[4:12, 4:12] = False
    assert torch.equal(holed[..., outside], images[..., outside])


def test_free_form_holes_cover_about_the_share_asked_for_and_differ_between_images():
    images = torch.zeros(40, 3, 64, 64, dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.arange(40, dtype=torch.uint8)
    missing = (degradation("free_form_holes", least=0.2, most=0.3)(images) == 128)[:, 1]
    shares = missing.float().mean((1, 2))
    assert shares.min() >= 0.2
    assert 0.22 < shares.mean() < 0.36  # the last stroke may go beyond what is wanted
    assert len({mask.numpy().tobytes() for mask in missing}) == 40
    covered = missing.float().mean(0)
    assert covered[16:48, 16:48].mean() < 3 * covered.mean()  # not in one place alone


def test_what_is_left_of_low_resolution_is_the_small_picture():
    images = discs(size=32)
    result = degradation("low_resolution", factor=8, shrink="box", enlarge="nearest")(images)
    blocks = images.float().reshape(6, 3, 4, 8, 4, 8).mean((3, 5))
    assert (result[..., ::8, ::8] - blocks).abs().max() <= 1
    assert torch.equal(result, result[..., ::8, ::8].repeat_interleave(8, 2).repeat_interleave(8, 3))


def test_less_resolution_is_farther_from_the_picture():
    images = discs(size=32).float()
    errors = [(degradation("low_resolution", factor=n)(discs(size=32)) - images).abs().mean() for n in (2, 4, 8)]
    assert errors == sorted(errors)


def test_low_resolution_refuses_a_size_that_its_factor_does_not_divide():
    with pytest.raises(InputError, match="multiple of factor, 8"):
        degradation("low_resolution", factor=8)(discs(size=20))


def test_the_night_is_dark_bluish_and_noisy():
    white = torch.full((2, 3, 32, 32), 255, dtype=torch.uint8)
    white[1, 0, 0, 0] = 254
    night = degradation("night")(white).float()
    red, green, blue = night.mean((0, 2, 3))
    assert red < green < blue < 160
    assert 1 < night[:, 1].std() < 30
    assert not torch.equal(night[0], night[1])
    still = degradation("night", noise=0.0)(discs())
    assert still.float().mean() < discs().float().mean() / 2
    assert len(degradation("night", noise=0.0)(white[:1]).unique()) == 3


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("low_resolution", {"factor": 3}, "2, 4 or 8"),
        ("gaussian_blur", {"sigma": 0.0}, "greater than 0"),
        ("motion_blur", {"longest": 2.0}, "less than or equal to 1"),
        ("free_form_holes", {"least": 0.5, "most": 0.2}, "at least 'least'"),
        ("centre_hole", {"fill": 256}, "less than or equal to 255"),
        ("night", {"lihgt": 0.1}, "Did you mean 'light'"),
        ("sketch", {"pressure": 0.0}, "greater than 0"),
    ],
)
def test_options_out_of_range_are_refused(name, options, said):
    with pytest.raises(InputError, match=said):
        degradation(name, **options)


def test_chunks_leave_no_image_out():
    class Data:
        def images(self, domain, split):
            return torch.arange(3 * (CHUNK + 5), dtype=torch.uint8).reshape(-1, 3, 1, 1).expand(-1, 3, 4, 4)

    images = Data().images("", "train")
    assert torch.equal(DEGRADATIONS.get("grayscale")().source_images(Data(), "", "train"), GRAYSCALE(images))
