"""Colour: CIELAB by known values; faded, shifted and grey pictures against real ones."""

import pytest
import torch

from ganbench.data.base import Domain, TranslationData
from ganbench.metrics import colour
from ganbench.metrics.colour import RANGES, Colour, colours, intersection, to_lab
from ganbench.metrics.workbench import Workbench

# sRGB → L, a, b under D65 (2°), as colour calculators give them
KNOWN = {
    (255, 255, 255): (100, 0, 0),
    (0, 0, 0): (0, 0, 0),
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (255, 255, 0): (97.14, -21.55, 94.48),
    (128, 128, 128): (53.59, 0, 0),
    (5, 5, 5): (1.37, 0, 0),
}


def filled(rgb, count=2, size=8):
    return torch.tensor(rgb, dtype=torch.uint8)[None, :, None, None].expand(count, 3, size, size).contiguous()


def greyed(images, share=1.0):
    grey = images.float().mean(1, keepdim=True)
    return (share * grey + (1 - share) * images.float()).round().to(torch.uint8)


@pytest.fixture
def judged(judge_outputs, by_name):
    return lambda *outputs, **changes: by_name(Colour().compute(judge_outputs(*outputs, **changes)))


@pytest.mark.parametrize(("rgb", "lab"), KNOWN.items())
def test_lab_of_known_colours(rgb, lab):
    assert to_lab(filled(rgb))[0, :, 3, 4].tolist() == pytest.approx(lab, abs=0.03)


def test_all_of_srgb_lies_within_the_ranges():
    levels = torch.tensor([0, 32, 64, 128, 192, 255], dtype=torch.uint8)
    cube = torch.cartesian_prod(levels, levels, levels).T[None, :, :, None]
    lab = to_lab(cube)[0, :, :, 0]
    for channel, (low, high) in zip(lab, RANGES.values(), strict=True):
        assert low <= float(channel.min()) + 1e-9 <= float(channel.max()) <= high + 1e-9


def test_histograms_are_shares_that_overlap_by_what_they_share():
    red, blue = colours(filled((255, 0, 0))), colours(filled((0, 0, 255)))
    half = colours(torch.cat([filled((255, 0, 0)), filled((0, 0, 255))]))
    for channel in RANGES:
        assert float(red[channel].sum()) == pytest.approx(1)
        assert intersection(red[channel], red[channel]) == pytest.approx(1)
    assert intersection(red["b"], blue["b"]) == 0
    assert intersection(red["b"], half["b"]) == pytest.approx(0.5)
    assert colours(filled((255, 255, 255)))["L"].sum() == pytest.approx(1)  # nothing is lost at the ends


def test_chunks_change_nothing(toy_data, monkeypatch):
    images = toy_data.images("disc", "test")
    whole = colours(images)
    monkeypatch.setattr(colour, "CHUNK", 24 * 24 * 7)
    for name, values in colours(images).items():
        assert torch.equal(values, whole[name])


def test_real_pictures_share_their_colours_and_others_do_not(judged, toy_data):
    real = judged()
    squares = toy_data.images("square", "test")
    negative = judged(255 - squares)
    for channel in ("colour_l", "colour_a", "colour_b"):
        assert 0.9 < real[channel].value <= 1
        assert negative[channel].value < real[channel].value - 0.1
    assert real["colour_chroma"].value == pytest.approx(1, abs=0.15)


def test_a_shift_that_nobody_sees_costs_little(judged, toy_data):
    squares = toy_data.images("square", "test")
    darker = judged((squares.float() * 0.98).to(torch.uint8))
    assert darker["colour_l"].value > judged()["colour_l"].value - 0.15


def test_faded_pictures_are_paler(judged, toy_data):
    squares = toy_data.images("square", "test")
    real, faded, grey = (judged(images)["colour_chroma"] for images in (squares, greyed(squares, 0.5), greyed(squares)))
    assert 0.3 < faded.value / real.value < 0.6
    assert grey.value == pytest.approx(0, abs=1e-6)
    assert faded.per_image.shape == (60,)
    assert float(faded.per_image.mean()) == pytest.approx(faded.value)


def test_beside_grey_pictures_nothing_is_pale(judge_outputs, judged, toy_data, tmp_path):
    grey = {split: greyed(toy_data.images("square", split)) for split in ("train", "val", "test")}
    data = TranslationData({"disc": toy_data.domains["disc"], "square": Domain(grey)}, "disc", "square")
    changes = {"data": data, "workbench": Workbench(data, "toy", tmp_path)}
    outputs = toy_data.images("disc", "test")
    assert "grey" in Colour().missing(judge_outputs(outputs, **changes))["colour_chroma"]
    assert set(judged(outputs, **changes)) == {"colour_l", "colour_a", "colour_b"}
    assert Colour().missing(judge_outputs(outputs)) == {}
