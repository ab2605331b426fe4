"""Degradations: every registered one keeps to the contract, and each does what it says."""

import pytest
import torch

from ganbench.data.degradations import DEGRADATIONS

EDGES, GRAYSCALE = DEGRADATIONS.get("edges"), DEGRADATIONS.get("grayscale")


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


@pytest.mark.parametrize("name", DEGRADATIONS.names())
def test_a_degradation_keeps_shape_and_type_and_looks_at_each_image_alone(name):
    degrade, images = DEGRADATIONS.get(name), discs()
    before = images.clone()
    result = degrade(images)
    assert result.shape == images.shape
    assert result.dtype == torch.uint8
    assert result.is_contiguous()
    assert torch.equal(images, before)
    assert not torch.equal(result, images)
    assert torch.equal(result, torch.cat([degrade(image) for image in images.split(1)]))
    assert degrade.__doc__


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
