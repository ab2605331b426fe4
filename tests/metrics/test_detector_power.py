"""The memorization detectors prove themselves: planted copies are found, real pictures are left alone."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.data.avatars import Avatars
from ganbench.metrics import detector_power
from ganbench.metrics.detector_power import CLEAN, DISGUISES, DetectorPower
from ganbench.metrics.memorization import make_cells

ASSETS = os.environ.get("GANBENCH_TEST_ASSETS")
PROMISED = {"exact": 0.95, "flipped": 0.9, "cropped": 0.9, "noisy": 0.9}


def thumbnails(images):
    """Features that need no network: the mean colours of 8 × 8 cells."""
    return torch.nn.functional.adaptive_avg_pool2d(images.float() / 255, 8).flatten(1)


def measure(train, held_out, gauge, draws, **options):
    cells = make_cells(thumbnails(train), 0)
    power = DetectorPower(train, held_out, gauge, cells, thumbnails, 0, **options).measure(draws)
    return {row.disguise: row for row in power}


def keeps_its_promise(power):
    assert power[CLEAN].detected <= 0.05
    for disguise, least in PROMISED.items():
        assert power[disguise].detected >= least, power[disguise]
        assert power[disguise].named >= 0.9, power[disguise]


@pytest.fixture(scope="module")
def faces():
    data = Avatars(source="big-smile", target="adventurer", n_train=80, n_val=60, n_test=60).load(24)
    return {split: data.images("adventurer", split) for split in ("train", "val", "test")}


@pytest.fixture(scope="module")
def power(faces):
    return measure(faces["train"], torch.cat([faces["val"], faces["test"]]), 60, 40)


def test_planted_faces_are_detected_and_named(power):
    keeps_its_promise(power)
    assert set(power) == {CLEAN, *DISGUISES}


def test_what_has_no_meaning_on_clean_draws_is_not_given(power):
    assert math.isnan(power[CLEAN].named)
    assert math.isnan(power[CLEAN].found)
    assert power[CLEAN].authpct <= 0.05
    assert all(0 <= row.c_t <= 1 for row in power.values())


def test_held_out_faces_planted_as_copies_are_not_detected(faces, monkeypatch):
    """Power is more than an alarm that always rings: what is no copy is not found."""
    monkeypatch.setitem(DISGUISES, "exact", lambda images, _: faces["val"][: len(images)])
    monkeypatch.setattr(detector_power, "POOL", 40)
    found = measure(faces["train"], faces["test"], 30, 20)["exact"]
    assert found.detected <= 0.1
    assert found.named == 0


def test_the_same_seed_gives_the_same_power(faces, monkeypatch):
    monkeypatch.setattr(detector_power, "POOL", 12)
    few = (faces["train"][:40], faces["val"], 30, 5)
    assert repr(measure(*few)) == repr(measure(*few))


@pytest.mark.assets
@pytest.mark.skipif(ASSETS is None, reason="GANBENCH_TEST_ASSETS names no folder with real pictures")
@pytest.mark.parametrize("kind", ["celeba", "anime"])
def test_planted_real_pictures_are_detected_and_named(kind):
    files = sorted((Path(str(ASSETS)) / "data" / kind).rglob("*.jpg"))[:1750]
    images = torch.stack([torch.from_numpy(np.array(Image.open(f).convert("RGB").resize((64, 64)))) for f in files])
    images = images.permute(0, 3, 1, 2).contiguous()
    keeps_its_promise(measure(images[:1000], images[1000:], 250, 30))
