import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganbench.data import avatar_faces, avatars
from ganbench.data.avatar_styles import CLASSES, HAIR, SKIN, STYLES
from ganbench.data.avatars import NEAR, Avatars
from ganbench.data.base import DATASETS, SPLITS, TranslationData
from ganbench.errors import InputError
from ganbench.options import read_options

SMALL = {"n_train": 24, "n_val": 8, "n_test": 8}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("avatars")


def load(source: str = "avataaars", target: str = "adventurer", size: int = 32, **options: int) -> TranslationData:
    return Avatars(source=source, target=target, **{**SMALL, **options}).load(size)


@pytest.fixture(scope="module")
def faces(folder: Path) -> TranslationData:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(folder))
        return load()


@pytest.fixture(scope="module")
def glasses(folder: Path) -> TranslationData:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(folder))
        return load(target="avataaars+glasses")


def test_counts_types_and_labels_are_as_declared(faces: TranslationData) -> None:
    assert (faces.source, faces.target, faces.image_size, faces.paired) == ("avataaars", "adventurer", 32, False)
    assert faces.common_attributes == ("skin", "hair", "mouth")
    assert faces.counterparts == {}
    for name in faces.domains:
        for split, count in zip(SPLITS, (24, 8, 8), strict=True):
            images = faces.images(name, split)
            assert images.shape == (count, 3, 32, 32)
            assert images.dtype == torch.uint8
            for attribute, labels in faces.labels(name, split).items():
                assert labels.shape == (count,)
                assert labels.dtype == torch.int64
                assert 0 <= labels.min() <= labels.max() < len(faces.classes[attribute])


def test_same_options_give_the_same_faces_and_another_seed_others(faces: TranslationData) -> None:
    assert load().fingerprint == faces.fingerprint
    other = load(seed=1)
    assert not torch.equal(other.images("avataaars", "train"), faces.images("avataaars", "train"))


def test_more_training_faces_keep_the_first_ones(faces: TranslationData) -> None:
    assert torch.equal(load(n_train=30).images("avataaars", "train")[:24], faces.images("avataaars", "train"))


def test_the_default_faces_are_those_of_published_results(faces: TranslationData) -> None:
    versions = [avatars.version(name) for name in ("dicebear-core", "dicebear-styles", "resvg-py")]
    if versions != ["10.7.0", "10.6.0", "0.5.0"]:
        pytest.skip("another version of a drawing library may draw other faces")
    assert faces.fingerprint == "5b160101626cc1c79676bac8fe5647ca34def6c954066a63d95977d82747edac"


def test_further_domains_leave_source_and_target_as_they_are(faces: TranslationData) -> None:
    data = Avatars(others=["big-smile", "micah+glasses"], **SMALL).load(32)
    assert list(data.domains) == ["avataaars", "adventurer", "big-smile", "micah+glasses"]
    assert data.common_attributes == faces.common_attributes
    for name, split in itertools.product(faces.domains, SPLITS):
        assert torch.equal(data.images(name, split), faces.images(name, split))
        assert data.labels(name, split).keys() == faces.labels(name, split).keys()
    assert data.labels("micah+glasses", "train").keys() == set(data.common_attributes)
    assert data.images("big-smile", "val").shape == (8, 3, 32, 32)
    assert data.fingerprint != faces.fingerprint
    assert {credit.artist for credit in data.credits} > {credit.artist for credit in faces.credits}


def test_a_further_domain_has_labels_of_what_it_expresses_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bald = replace(STYLES["micah"], attributes={"skin": STYLES["micah"].attributes["skin"]})
    monkeypatch.setitem(STYLES, "micah", bald)  # type: ignore[arg-type]
    data = Avatars(others=["micah"], **SMALL).load(16)
    assert set(data.labels("micah", "train")) == {"skin"}
    assert data.common_attributes == ("skin", "hair", "mouth")


def test_classes_are_drawn_uniformly_and_independently() -> None:
    studio = avatars._Studio(Avatars(), 32, None)
    people = [studio._person("avataaars", "train", index, 0) for index in range(2000)]
    codes = np.stack([avatars._labels(people, name) for name in ("skin", "hair", "mouth")])
    for labels in codes:
        shares = np.bincount(labels) / len(people)
        assert np.abs(shares - 1 / len(shares)).max() < 0.04
    assert np.abs(np.corrcoef(codes) - np.eye(3)).max() < 0.07


def test_cached_faces_equal_drawn_ones_and_are_not_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = load()
    monkeypatch.setattr(avatars, "draw_all", None)
    assert load().fingerprint == drawn.fingerprint
    with pytest.raises(TypeError):
        load(seed=1)


def test_a_damaged_cache_file_is_replaced(tmp_path: Path, faces: TranslationData) -> None:
    load()
    (file,) = (tmp_path / "cache").iterdir()
    whole = file.read_bytes()
    for damage in (b"", whole[:1000], whole[:-100] + bytes(100), b"\0" * len(whole)):
        file.write_bytes(damage)
        assert load().fingerprint == faces.fingerprint
        assert file.read_bytes() == whole


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"n_val": 9}, {"target": "toon-head"}, {"others": ["micah"]}, {"size": 33}]
)
def test_everything_that_decides_the_images_is_in_the_name_of_the_cache_file(change: dict[str, Any]) -> None:
    size = change.pop("size", 32)
    assert Avatars(**change)._cache_file(size) != Avatars()._cache_file(32)


@pytest.mark.parametrize("package", ["dicebear-core", "dicebear-styles", "resvg-py"])
def test_another_version_of_a_drawing_library_is_another_cache_file(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, version = Avatars()._cache_file(32), avatars.version
    monkeypatch.setattr(avatars, "version", lambda name: "99" if name == package else version(name))
    assert Avatars()._cache_file(32) != before


def test_no_cache_folder_costs_a_warning_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces: TranslationData
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="GANBENCH_CACHE"):
        assert load().fingerprint == faces.fingerprint


def distances(images: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    return torch.cdist(images.flatten(1).double(), references.flatten(1).double(), p=1) / images[0].numel()


@pytest.mark.parametrize("size", [16, 32])
def test_no_held_out_face_is_near_a_training_face(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatar_faces, "POSE", {})  # without it many faces are nearly the same
    data = load("micah", "adventurer", size, n_train=100, n_val=40, n_test=40)
    for name in data.domains:
        for split in ("val", "test"):
            assert distances(data.images(name, split), data.images(name, "train")).min() > NEAR


def test_a_training_face_among_the_held_out_ones_is_drawn_anew(
    monkeypatch: pytest.MonkeyPatch, glasses: TranslationData
) -> None:
    person = avatars._Studio._person

    def leak(studio: avatars._Studio, name: str, split: str, index: int, attempt: int) -> avatar_faces.Face:
        """The first test face of the source is at first a training face of the source, then one of the target."""
        if (name, split, index) == ("avataaars", "test", 0) and attempt < 2:
            return person(studio, ("avataaars", "avataaars+glasses")[attempt], "train", 5, 0)
        return person(studio, name, split, index, attempt)  # type: ignore[arg-type]

    monkeypatch.setattr(avatars._Studio, "_person", leak)
    data = load(target="avataaars+glasses")
    source, counterparts = data.images("avataaars", "test"), data.counterparts["test"]
    assert distances(source, data.images("avataaars", "train")).min() > NEAR
    assert distances(counterparts, data.images("avataaars+glasses", "train")).min() > NEAR
    assert torch.equal(source[1:], glasses.images("avataaars", "test")[1:])
    assert not torch.equal(source[0], glasses.images("avataaars", "test")[0])


def test_too_few_distinct_faces_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatars, "NEAR", 255.0)
    monkeypatch.setattr(avatars, "ATTEMPTS", 3)
    with pytest.raises(InputError, match="Lower n_train"):
        load(n_train=2, n_val=1, n_test=1)


def test_no_person_is_in_two_splits_or_domains() -> None:
    studio = avatars._Studio(Avatars(target="avataaars+glasses"), 32, None)
    seeds = [
        studio._person(name, split, index, attempt).seed
        for name in studio.domains
        for split in SPLITS
        for index in range(20)
        for attempt in range(3)
    ]
    assert len(set(seeds)) == len(seeds)


def share(images: torch.Tensor, colour: str) -> torch.Tensor:
    """Share of pixels of each image whose colour is within 8 of ``colour`` in every channel."""
    rgb = torch.tensor([int(colour[i : i + 2], 16) for i in (1, 3, 5)]).view(3, 1, 1)
    return ((images.int() - rgb).abs() <= 8).all(dim=1).float().mean(dim=(1, 2))


@pytest.mark.parametrize(("source", "target"), [("avataaars", "adventurer"), ("toon-head", "micah")])
def test_labels_of_skin_and_hair_are_the_colours_in_the_picture(source: str, target: str) -> None:
    data = load(source, target, size=64)
    for name in data.domains:
        for attribute, palette in (("skin", SKIN), ("hair", HAIR)):
            shares = torch.stack([share(data.images(name, "train"), colour) for colour in palette.values()])
            labels = data.labels(name, "train")[attribute]
            own = shares.gather(0, labels[None])[0]
            assert own.min() > 0.01
            assert (shares.argmax(dim=0) == labels).float().mean() > 0.9  # clothes may share a colour


@pytest.mark.parametrize(("style", "attribute"), [(s, a) for s in STYLES for a in STYLES[s].attributes])
def test_every_class_of_every_style_shows(style: str, attribute: str) -> None:
    seen = [
        avatar_faces.draw(avatar_faces.Face(style, "someone", {attribute: name}), 32) for name in CLASSES[attribute]
    ]
    for index, image in enumerate(seen):
        assert all((image != other).any() for other in seen[:index])


# rows and columns at 32 px between which a style's glasses lie
GLASSES_BOXES = {
    "adventurer": (12, 22, 2, 24),
    "avataaars": (8, 17, 5, 27),
    "lorelei": (10, 20, 9, 29),
    "micah": (7, 18, 5, 27),
}


@pytest.mark.parametrize("style", GLASSES_BOXES)
def test_counterparts_differ_in_the_glasses_alone(style: str) -> None:
    data = load(style, f"{style}+glasses")
    top, bottom, left, right = GLASSES_BOXES[style]
    for split in SPLITS:
        differs = (data.images(style, split) != data.counterparts[split]).any(dim=1)
        assert differs[:, top:bottom, left:right].any(dim=(1, 2)).all()
        differs[:, top:bottom, left:right] = False
        assert not differs.any()


def test_every_style_with_glasses_is_among_the_boxes() -> None:
    assert set(GLASSES_BOXES) == {name for name, style in STYLES.items() if style.glasses is not None}


def test_the_background_is_the_same_everywhere(faces: TranslationData, glasses: TranslationData) -> None:
    for data in (faces, glasses):
        for name in data.domains:
            assert (data.images(name, "train")[..., 0, 0] == 0xF2).all()


def test_counterparts_are_other_people_than_the_target_and_never_for_training(glasses: TranslationData) -> None:
    assert not glasses.paired
    assert "glasses" not in glasses.classes
    for split in SPLITS:
        assert not torch.equal(glasses.counterparts[split], glasses.images("avataaars+glasses", split))


def test_taking_glasses_off_has_counterparts_too() -> None:
    data = load("micah+glasses", "micah")
    assert set(data.counterparts) == set(SPLITS)
    assert not torch.equal(data.counterparts["test"], data.images("micah+glasses", "test"))


def test_glasses_of_one_style_alone_have_no_counterparts() -> None:
    assert load("toon-head", "avataaars+glasses").counterparts == {}


def test_progress_is_told_and_ends_at_the_total() -> None:
    told: list[tuple[int, int]] = []
    Avatars(**SMALL, target="avataaars+glasses").load(16, lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (120, 120)


def test_workers_draw_what_one_process_draws() -> None:
    people = [avatar_faces.Face("avataaars", str(index), {}) for index in range(2 * avatar_faces.CHUNK + 1)]
    alone = avatar_faces.draw_all(people, 16)
    told: list[tuple[int, int]] = []
    assert np.array_equal(avatar_faces.draw_all(people, 16, 2, lambda *step: told.append(step)), alone)
    assert told == [(25, 51), (50, 51), (51, 51)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"source": "avataars"}, ["source", "Did you mean 'avataaars'?", "toon-head"]),
        ({"target": "adventurer+hat"}, ["target", "+glasses"]),
        ({"target": "toon-head+glasses"}, ["toon-head has no glasses", "micah"]),
        ({"target": "avataaars"}, ["target", "must not be the source"]),
        ({"source": "adventurer"}, ["target", "must not be the source"]),
        ({"others": ["lorely"]}, ["others", "Did you mean 'lorelei'?"]),
        ({"others": ["micah", "adventurer"]}, ["others", "Leave out adventurer"]),
        ({"others": ["micah", "micah"]}, ["others", "Leave out micah"]),
        ({"n_train": 0}, ["n_train", "greater than or equal to 1"]),
        ({"n_val": 0}, ["n_val"]),
        ({"n_test": -1}, ["n_test"]),
        ({"seed": -1}, ["seed"]),
        ({"n_train": "many"}, ["n_train", "integer"]),
        ({"style": "avataaars"}, ["unknown key 'style'"]),
    ],
)
def test_bad_options_are_refused_before_anything_is_drawn(options: dict[str, object], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_options(DATASETS.get("avatars"), options, "dataset")
    assert all(word in str(caught.value) for word in words)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        read_options(Avatars, {"source": "x", "target": "y", "n_train": 0}, "dataset")
    assert len(caught.value.problems) == 3


def test_too_small_images_are_refused() -> None:
    with pytest.raises(InputError, match="at least 8"):
        load(size=7)


def test_the_card_names_domains_classes_artists_and_licences() -> None:
    card = DATASETS.get("avatars").card()
    assert card.counts == "1000 train + 250 val + 250 test per domain"
    assert set(STYLES) <= set(card.domains)
    assert "avataaars+glasses" in card.domains
    assert "toon-head+glasses" not in card.domains
    assert card.classes["skin"] == tuple(SKIN)
    assert len(card.credits) == len(STYLES)
    pablo = next(credit for credit in card.credits if credit.title == "Avataaars")
    assert pablo.artist == "Pablo Stanley"
    assert "commercial" in pablo.licence
    for credit in card.credits:
        assert all((credit.title, credit.artist, credit.licence, credit.url.startswith("https://")))


def test_the_data_credits_its_own_styles(faces: TranslationData) -> None:
    assert {credit.artist for credit in faces.credits} == {"Pablo Stanley", "Lisa Wischofsky"}


def test_every_option_of_every_style_is_known_to_dicebear() -> None:
    """DiceBear ignores what it does not know: a renamed variant would silently take away a class."""
    for name, style in STYLES.items():
        definition = avatar_faces.style_definition(name)
        options = [style.always, style.glasses or {}, style.bare or {}]
        options += [forced for classes in style.attributes.values() for forced in classes.values()]
        for key, value in (item for group in options for item in group.items()):
            if key.endswith("Variant"):
                assert set(value) <= set(definition["components"][key.removesuffix("Variant")]["variants"]), (name, key)
            elif key.endswith("Probability"):
                assert key.removesuffix("Probability") in definition["components"], (name, key)
            else:
                assert key.removesuffix("Color") in definition["colors"], (name, key)
