"""The layouts on real pictures: CelebA, anime faces, CamVid, flowers."""

import os
from pathlib import Path

import pytest
import torch
from picture_folders import counts, dataset

from ganbench.data.base import SPLITS, VOID

pytestmark = pytest.mark.assets

CAMVID = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "cyclist")


@pytest.fixture
def pictures():
    """Return the folder of real pictures."""
    folder = Path(os.environ.get("GANBENCH_TEST_ASSETS", "")) / "data"
    if not os.environ.get("GANBENCH_TEST_ASSETS") or not folder.is_dir():
        pytest.skip("GANBENCH_TEST_ASSETS does not name a folder with data/")
    return folder


def test_celeba_is_divided_by_an_attribute_and_labelled_by_others(pictures):
    made = dataset("attribute_table", pictures / "celeba", attribute="Male", source="male", target="not_male",
                   labels=["Smiling", "Eyeglasses"], n_test=50)  # fmt: skip
    data = made.load(64)
    assert counts(data, "male")["test"] == counts(data, "not_male")["test"] == 50
    assert data.common_attributes == ("Smiling", "Eyeglasses")
    glasses = [data.labels(name, "train")["Eyeglasses"].float().mean() for name in ("male", "not_male")]
    assert glasses[0] > 2 * glasses[1]  # as everybody who looked at CelebA knows
    assert data.fingerprint == made.load(64).fingerprint


def test_photos_and_anime_are_two_folders(pictures):
    folders = {"source_folder": "celeba/images", "target_folder": "anime"}
    data = dataset("unpaired_folders", pictures, source="photo", target="anime", **folders).load(64)
    assert sum(counts(data, "photo").values()) == sum(counts(data, "anime").values()) == 3000


def test_flowers_are_class_folders(pictures):
    data = dataset("class_folders", pictures / "flowers", source="dandelion", target="sunflower").load(32)
    assert [sum(counts(data, name).values()) for name in ("dandelion", "sunflower")] == [1052, 733]


def test_camvid_gives_pairs_with_label_maps_in_both_directions(pictures):
    maps = {"classes": {name: k for k, name in enumerate(CAMVID)}, "void": [11]}
    sides = {"labels": "{split}annot", "photo": "{split}"}
    made = [
        dataset("paired_folders", pictures / "camvid", source=a, target=b, source_folder=sides[a],
                target_folder=sides[b], maps={"side": side, **maps}).load(64)
        for a, b, side in (("labels", "photo", "source"), ("photo", "labels", "target"))
    ]  # fmt: skip
    assert counts(made[0], "photo")["test"] == 233
    assert sum(counts(made[0], "photo").values()) == 600
    shares = torch.bincount(made[0].label_maps["photo"]["test"].flatten().long(), minlength=256).float()
    assert CAMVID[int(shares.argmax())] in ("road", "building")
    assert shares[VOID] > 0
    assert made[1].map_classes == CAMVID
    for split in SPLITS:
        assert torch.equal(made[0].images("photo", split), made[1].images("photo", split))
        assert torch.equal(made[0].images("labels", split), made[1].images("labels", split))
