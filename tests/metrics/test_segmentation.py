import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.data.base import VOID, Domain, TranslationData
from ganbench.metrics.segmentation import (
    Segmentation,
    ceiling,
    confusion_matrix,
    scores,
    segmented,
    segmenter_of,
    train_segmenter,
)
from ganbench.metrics.workbench import Workbench
from ganbench.nets.judge_net import Change, draw_change
from ganbench.nets.segmenter import Segmenter, segmenter_size, shrink_maps

ASSETS = os.environ.get("GANBENCH_TEST_ASSETS")
NAMES = ("segmentation_pixel_accuracy", "segmentation_class_accuracy", "segmentation_iou")
TRUTH = torch.tensor([[0, 0, 1, VOID], [1, 1, 2, 2]])
PREDICTED = torch.tensor([[0, 1, 1, 0], [1, 0, 2, 0]])


def test_confusion_and_scores_by_hand():
    confusion = confusion_matrix(PREDICTED, TRUTH, 3)
    assert confusion.tolist() == [[1, 1, 0], [1, 2, 0], [1, 0, 1]]  # rows: truth; the void pixel is nowhere
    found = scores(confusion)
    assert found.pixel_accuracy == pytest.approx(4 / 7)
    assert found.class_accuracy.tolist() == pytest.approx([1 / 2, 2 / 3, 1 / 2])
    assert found.iou.tolist() == pytest.approx([1 / 4, 1 / 2, 1 / 2])
    assert found.summary == pytest.approx((4 / 7, 5 / 9, 5 / 12))


def test_classes_that_are_nowhere_do_not_count_and_invented_ones_do():
    assert scores(confusion_matrix(PREDICTED, TRUTH, 5)).summary == pytest.approx((4 / 7, 5 / 9, 5 / 12))
    invented = PREDICTED.clone()
    invented[1, 2] = 3  # in place of the one right 2
    found = scores(confusion_matrix(invented, TRUTH, 5))
    assert found.summary == pytest.approx((3 / 7, (1 / 2 + 2 / 3 + 0) / 3, (1 / 4 + 1 / 2 + 0 + 0) / 4))


def test_maps_shrink_to_the_nearest_pixel():
    maps = torch.arange(24).view(1, 4, 6)
    assert shrink_maps(maps, (2, 3)).tolist() == [[[7, 9, 11], [19, 21, 23]]]
    assert shrink_maps(maps, (4, 6)) is maps
    assert (segmenter_size(192, 256), segmenter_size(32, 32)) == ((96, 128), (32, 32))


def test_maps_move_as_their_images_do():
    maps = torch.randint(0, 5, (4, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images = maps[:, None].float().expand(-1, 3, -1, -1)
    change = draw_change(images, torch.Generator().manual_seed(1))
    whole = ((change.grid + 1) * 8 - 0.5).round()  # shifts of whole pixels, so that nothing is mixed
    change = Change((whole + 0.5) / 8 - 1, torch.ones(4, 1, 1, 1), torch.zeros(4, 1, 1, 1))
    moved, mapped = change.of_images(images)[:, 0], change.of_maps(maps, VOID)
    inside = mapped != VOID
    assert 0.7 < float(inside.double().mean()) < 1
    assert torch.equal(moved[inside].round().long(), mapped[inside])
    assert not torch.equal(mapped, maps.long())


@pytest.mark.parametrize("size", [(24, 24), (17, 30), (5, 3)])
def test_logits_have_the_size_of_the_images(size):
    assert Segmenter(4, width=4).eval()(torch.zeros(2, 3, *size)).shape == (2, 4, *size)


@pytest.fixture(scope="module")
def workbench(toy_data, tmp_path_factory):
    """Return a workbench with a trained segmenter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganbench.metrics.segmentation.STEPS", 80)
        bench = Workbench(toy_data, "toy", tmp_path_factory.mktemp("segmenter"))
        Segmentation().prepare(bench)
    return bench


@pytest.fixture
def judged(workbench, judge_outputs, by_name):
    """Return name → value of outputs; without any, of the real images."""
    return lambda outputs=None, **more: by_name(
        Segmentation().compute(judge_outputs(outputs, workbench=workbench, **more))
    )


def test_real_images_are_held_against_their_own_maps_and_show_the_ceiling(judged):
    values = judged()
    assert tuple(values) == NAMES
    for value in values.values():
        assert value.value == value.details["ceiling"]
    assert values["segmentation_pixel_accuracy"].value > 0.95 > values["segmentation_pixel_accuracy"].details["chance"]
    assert values["segmentation_iou"].value > 0.7
    assert set(values["segmentation_iou"].details["by_class"]) == {"ground", "red", "green", "blue"}


def test_the_content_of_the_sources_is_asked_for(judged, toy_data):
    copied = toy_data.images("disc", "test")
    kept, lost = judged(copied), judged(copied.flip(0))
    one = judged(copied[:1].expand(60, -1, -1, -1).contiguous())
    for name in NAMES:
        assert kept[name].value > lost[name].value + 0.1
        assert kept[name].value > one[name].value + 0.1


def test_one_matrix_is_accumulated_whatever_the_batch(workbench, toy_data, monkeypatch):
    images, truth = toy_data.images("disc", "test"), toy_data.label_maps["disc"]["test"]
    whole = segmented(workbench, images, truth)
    monkeypatch.setattr("ganbench.metrics.segmentation.BATCH", 7)
    again = segmented(workbench, images, truth)
    assert again.summary == pytest.approx(whole.summary, abs=1e-4)
    means = [segmented(workbench, images[i : i + 1], truth[i : i + 1]).summary[2] for i in range(8)]
    assert np.mean(means) != pytest.approx(segmented(workbench, images[:8], truth[:8]).summary[2], abs=1e-3)


def test_segmenters_are_trained_once_and_the_same_for_the_same_seed(toy_data, tmp_path, monkeypatch):
    monkeypatch.setattr("ganbench.metrics.segmentation.STEPS", 3)
    first = train_segmenter(Workbench(toy_data, "toy", tmp_path / "a")).state_dict()
    torch.manual_seed(99)  # the global generator must not matter, nor be used
    state = torch.get_rng_state()
    again = segmenter_of(Workbench(toy_data, "toy", tmp_path)).state_dict()
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    other = segmenter_of(Workbench(toy_data, "toy", tmp_path, seed=1)).state_dict()
    assert any(not torch.equal(first[name], other[name]) for name in first)
    monkeypatch.setattr("ganbench.metrics.segmentation.train_segmenter", None)
    cached = segmenter_of(Workbench(toy_data, "toy", tmp_path)).state_dict()
    assert all(torch.equal(first[name], cached[name]) for name in first)


def test_void_teaches_nothing(toy_data, tmp_path, monkeypatch):
    monkeypatch.setattr("ganbench.metrics.segmentation.STEPS", 12)
    maps = {split: each.clone() for split, each in toy_data.label_maps["square"].items()}
    maps["train"][1:] = VOID  # nearly all batches are void as a whole
    void = replace(toy_data, label_maps={**toy_data.label_maps, "square": maps})
    trained = train_segmenter(Workbench(void, "toy", tmp_path)).state_dict()
    assert all(bool(part.isfinite().all()) for part in trained.values())


def test_what_cannot_be_asked_has_a_reason(judge_outputs, toy_data, workbench):
    def reason(maps, outputs=None, **more):
        data = replace(toy_data, label_maps=maps)
        given = toy_data.images("disc", "test") if outputs is None else outputs
        return Segmentation().skip_reason(judge_outputs(given, data=data, workbench=workbench, **more))

    maps = toy_data.label_maps
    assert reason(maps) is None
    assert "no label maps of square/train, square/test, disc/test" in reason({})
    assert "no label maps of disc/test" in reason({"square": maps["square"]})
    assert "for each of the 60 label maps, got 5" in reason(maps, toy_data.images("disc", "test")[:5])
    blank = {**maps["disc"], "test": torch.full_like(maps["disc"]["test"], VOID)}
    assert "disc/test are void" in reason({**maps, "disc": blank})
    Segmentation().prepare(Workbench(replace(toy_data, label_maps={}), "toy", workbench.cache.folder))


def camvid(split):
    """Return street photos (N, 3, 192, 256) and their label maps, 11 turned into void."""
    folder = Path(ASSETS) / "data" / "camvid"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    files = sorted((folder / split).glob("*.png"))
    photos = torch.from_numpy(np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files]))
    maps = torch.from_numpy(np.stack([np.asarray(Image.open(folder / f"{split}annot" / file.name)) for file in files]))
    return photos.permute(0, 3, 1, 2).contiguous(), maps.where(maps < 11, torch.tensor(VOID, dtype=torch.uint8))


@pytest.mark.assets
@pytest.mark.skipif(ASSETS is None, reason="GANBENCH_TEST_ASSETS names no folder")
def test_street_scenes_are_segmented(tmp_path):
    photos, maps = zip(camvid("train"), camvid("test"), strict=True)
    splits = ("train", "test")
    street = Domain(dict(zip(splits, photos, strict=True)))
    by_domain = {name: dict(zip(splits, maps, strict=True)) for name in ("drawn", "street")}
    classes = tuple(map(str, range(11)))
    data = TranslationData(
        {"drawn": street, "street": street}, "drawn", "street", label_maps=by_domain, map_classes=classes
    )
    found = ceiling(Workbench(data, "toy", tmp_path))
    assert found.pixel_accuracy > 0.8
