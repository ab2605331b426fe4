"""Label maps of drawn faces: they fit the drawing, and change nothing of datasets without them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganbench.data.avatar_faces import Face, draw
from ganbench.data.avatar_maps import MAP_CLASSES, _plain, draw_map
from ganbench.data.avatar_styles import CLASSES, SKIN, STYLES
from ganbench.data.base import DATASETS, SPLITS
from ganbench.data.degradations.base import DEGRADATIONS
from ganbench.data.degradations.label_map import paint
from ganbench.errors import InputError

FEW = {"n_train": 4, "n_val": 2, "n_test": 3}
FACIAL_HAIR, GLASSES = MAP_CLASSES.index("facial hair"), MAP_CLASSES.index("glasses")


def avatars(**options):
    return DATASETS.get("avatars").model_validate({**FEW, **options})


@pytest.fixture(scope="module")
def data():
    return avatars(source="avataaars", target="avataaars+glasses", label_maps=True).load(32)


def face(style, seed="a", glasses=False, **classes):
    return Face(style, seed, {name: classes.get(name, CLASSES[name][0]) for name in STYLES[style].attributes}, glasses)


@pytest.mark.parametrize("style", STYLES)
def test_the_skin_of_the_map_has_the_colour_of_the_skin(style):
    one = face(style, skin="tan")
    picture, labels = draw(one, 64).astype(int), draw_map(one, 64)
    wanted = np.array(bytearray.fromhex(SKIN["tan"][1:]), int)[:, None]
    skin = np.abs(picture[:, labels == MAP_CLASSES.index("skin")] - wanted).max(0) < 12
    assert skin.mean() > 0.6
    other = np.abs(picture[:, labels != MAP_CLASSES.index("skin")] - wanted).max(0) < 12
    assert other.mean() < 0.02


@pytest.mark.parametrize("style", STYLES)
def test_the_background_of_the_map_is_that_of_the_picture(style):
    one = face(style)
    picture, labels = draw(one, 64), draw_map(one, 64)
    agrees = (picture == 0xF2).all(0) == (labels == 0)
    near = np.stack([np.roll(labels, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    inner = (near == labels).all(0)  # at outlines the picture mixes colours
    assert inner.mean() > 0.5
    assert agrees[inner].mean() > 0.998


def test_glasses_and_beards_are_in_the_map_of_those_that_wear_them():
    assert (draw_map(face("avataaars"), 64) != GLASSES).all()
    assert (draw_map(face("avataaars", glasses=True), 64) == GLASSES).sum() > 20
    assert (draw_map(face("toon-head"), 64) != FACIAL_HAIR).all()
    assert (draw_map(face("toon-head", facial_hair="beard"), 64) == FACIAL_HAIR).sum() > 50


def test_shadows_belong_to_what_they_fall_on_and_translucent_features_to_themselves():
    def shape(**attributes):
        return {"name": "path", "type": "element", "attributes": {"fill": "black", **attributes}}

    shadows = [shape(**{"fill-opacity": ".16"}), shape(opacity=".3"), shape(style="mix-blend-mode:multiply")]
    assert list(_plain([*shadows, shape(fill="url(#a)")], "hair")) == []
    (eye,) = _plain([shape(**{"fill-opacity": ".6"})], "eyes")
    (brow,) = _plain([{"name": "g", "type": "element", "children": [shape(fill="none", stroke="black")]}], "eyes")
    assert eye["attributes"] == {"fill": brow["children"][0]["attributes"]["stroke"], "fill-opacity": "1"}
    assert brow["children"][0]["attributes"]["fill"] == "none"


def test_every_image_has_its_map(data):
    assert data.map_classes == MAP_CLASSES
    for name in data.domains:
        for split in SPLITS:
            maps = data.label_maps[name][split]
            images = data.images(name, split)
            assert maps.shape == (len(images), 32, 32)
            assert maps.dtype == torch.uint8
            grey = (images == 0xF2).all(1)
            assert ((maps == 0) == grey).float().mean() > 0.94
    assert (data.label_maps["avataaars+glasses"]["train"] == GLASSES).any()
    assert not (data.label_maps["avataaars"]["train"] == GLASSES).any()


def test_maps_change_neither_images_nor_the_key_of_faces_without_them(data):
    plain = avatars(source="avataaars", target="avataaars+glasses").load(32)
    assert plain.label_maps == {}
    assert torch.equal(plain.images("avataaars", "test"), data.images("avataaars", "test"))
    assert plain.fingerprint != data.fingerprint


def test_the_key_of_faces_without_maps_says_nothing_of_them(monkeypatch):
    monkeypatch.setattr("ganbench.data.avatars.cache_file", lambda *parts: parts)  # files made before there were maps
    assert "maps" not in "".join(DATASETS.get("avatars")()._cache_file(16))
    assert "maps" in "".join(DATASETS.get("avatars")(label_maps=True)._cache_file(16))


def test_maps_become_the_source_of_pairs_and_stay_with_them(data):
    of = {"name": "avatars", **FEW, "source": "avataaars", "target": "avataaars+glasses", "label_maps": True}
    pairs = DATASETS.get("degraded").model_validate({"of": of, "degradation": "label_map"}).load(32)
    maps = data.label_maps["avataaars+glasses"]
    assert torch.equal(pairs.images("label_map", "test"), paint(maps["test"], len(MAP_CLASSES)))
    assert torch.equal(pairs.label_maps["label_map"]["val"], maps["val"])
    assert torch.equal(pairs.label_maps[pairs.target]["val"], maps["val"])
    assert pairs.map_classes == MAP_CLASSES


def test_label_map_without_maps_says_where_there_are_some():
    data = avatars().load(8)
    with pytest.raises(InputError, match="label_maps: true"):
        DEGRADATIONS.get("label_map")().source_images(data, "avataaars", "train")


def test_larger_maps_are_shrunk_without_mixing_classes(data):
    small = data.label_maps["avataaars"]["train"]
    large = {"avataaars": {"train": small.repeat_interleave(3, 1).repeat_interleave(3, 2)}}
    made = DEGRADATIONS.get("label_map")().source_images(replace(data, label_maps=large), "avataaars", "train")
    assert torch.equal(made, paint(small, len(MAP_CLASSES)))


def test_painted_classes_are_told_apart_and_void_is_black():
    maps = torch.cat([torch.arange(60), torch.tensor([255])]).to(torch.uint8)[None, None]
    colours = paint(maps, 60)[0, :, 0].T.int()
    assert (colours[60] == 0).all()
    apart = (colours[:12, None] - colours[None, :12]).abs().sum(-1) + 1000 * torch.eye(12, dtype=torch.int32)
    assert apart.min() > 60
    assert len(colours.unique(dim=0)) == 61
