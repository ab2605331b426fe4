"""Pairs from folders: side by side, matched by name, and label maps on one side."""

import numpy as np
import pytest
import torch
from picture_folders import SIZE, dataset, fill, noise, save
from PIL import Image

from ganbench.data.base import SPLITS, VOID
from ganbench.data.batches import BatchSource
from ganbench.errors import InputError
from ganbench.spec import make_specs
from ganbench.trial import load_data
from ganbench.variants import load_suite

FOLDERS = {"source_folder": "sketches", "target_folder": "photos", "source": "sketch", "target": "photo"}
CLASSES = {"sky": 0, "road": 3, "car": 7}
COLOURS = {"sky": "#8080ff", "road": "#804080", "car": "#ff0000"}


def refusal(name, root, **options):
    with pytest.raises(InputError) as caught:
        dataset(name, root, **options).load(SIZE)
    return str(caught.value)


@pytest.fixture
def halves(tmp_path):
    """Return pix2pix's layout: the right half is the negative of the left."""
    for split, count in (("train", 20), ("val", 3), ("test", 4)):
        for k in range(count):
            left = noise(f"{split}/{k}")
            save(tmp_path / split / f"{k}.png", np.concatenate([left, 255 - left], axis=1))
    return tmp_path


@pytest.fixture
def matched(tmp_path):
    """Return two folders of 40 pictures, each pair a picture and its negative, in files of different kinds."""
    for path in fill(tmp_path / "photos", 40):
        save(tmp_path / "sketches" / f"{path.stem}.bmp", 255 - np.asarray(Image.open(path)))
    return tmp_path


def test_both_halves_are_taken_in_either_direction(halves):
    there = dataset("side_by_side", halves, left="plan", right="photo").load(12)
    back = dataset("side_by_side", halves, left="plan", right="photo", direction="BtoA").load(12)
    assert (there.source, there.target, there.paired) == ("plan", "photo", True)
    assert (back.source, back.target) == ("photo", "plan")
    assert [len(there.images("plan", split)) for split in SPLITS] == [20, 3, 4]
    lefts = {noise(f"test/{k}").transpose(2, 0, 1).tobytes() for k in range(4)}
    assert {image.numpy().tobytes() for image in there.images("plan", "test")} == lefts
    for split in SPLITS:
        assert torch.equal(there.counterparts[split], 255 - there.images("plan", split))
        assert torch.equal(back.counterparts[split], there.images("plan", split))


def test_an_odd_width_is_refused_with_the_name(halves):
    save(halves / "train" / "odd.png", noise("odd", 23, 12))
    assert "odd.png: two pictures side by side must have an even width. Got 23 × 12" in refusal("side_by_side", halves)


def test_a_half_that_is_in_train_and_test_is_refused(halves):
    save(halves / "test" / "twin.png", np.concatenate([noise("x"), 255 - noise("train/3")], axis=1))
    said = refusal("side_by_side", halves)
    assert "twin.png (B/test) is the same picture as" in said
    assert "(A/" not in said


def test_label_maps_beside_photos_are_refused_with_the_remedy(halves):
    with pytest.raises(InputError, match=r"maps: label maps .* take paired_folders"):
        dataset("side_by_side", halves, maps={"side": "target", "classes": CLASSES})


def test_pairs_are_matched_by_name_and_split_together(matched):
    data = dataset("paired_folders", matched, **FOLDERS).load(12)
    assert (data.source, data.target, data.paired) == ("sketch", "photo", True)
    assert sum(len(data.images("sketch", split)) for split in SPLITS) == 40
    for split in SPLITS:
        assert torch.equal(data.images("sketch", split), 255 - data.images("photo", split))
        assert torch.equal(data.counterparts[split], data.images("photo", split))
    images = BatchSource(data, 4, seed=0).images(3)
    assert torch.allclose(images["sketch"], -images["photo"], atol=1e-6)


def test_both_directions_are_trained_and_judged_on_the_same_pairs(matched):
    there = dataset("paired_folders", matched, **FOLDERS).load(SIZE)
    turned = {"source": "photo", "target": "sketch", "source_folder": "photos", "target_folder": "sketches"}
    back = dataset("paired_folders", matched, **turned).load(SIZE)
    assert all(torch.equal(there.images("photo", split), back.images("photo", split)) for split in SPLITS)


def test_files_without_partner_are_named_at_once(matched):
    (matched / "photos" / "005.png").unlink()
    (matched / "sketches" / "011.bmp").unlink()
    save(matched / "photos" / "extra.png", noise("extra"))
    said = refusal("paired_folders", matched, **FOLDERS)
    assert all(name in said for name in ("005.bmp", "011.png", "extra.png"))
    assert len(said.splitlines()) == 4


def test_a_long_list_of_problems_is_shortened(matched):
    for path in (matched / "photos").iterdir():
        path.rename(path.with_stem(f"x{path.stem}"))
    assert "… and 60 more." in refusal("paired_folders", matched, **FOLDERS)


def test_pairs_of_other_proportions_are_refused_but_not_of_another_size(matched):
    save(matched / "sketches" / "005.bmp", noise("larger", 24, 24))
    dataset("paired_folders", matched, **FOLDERS).load(SIZE)
    save(matched / "sketches" / "006.bmp", noise("wider", 24, 12))
    said = refusal("paired_folders", matched, **FOLDERS)
    assert "006.bmp" in said
    assert "24 × 12 and 12 × 12" in said
    assert "005.bmp" not in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "sketch"}, "must differ"),
        ({"target_folder": "{split}/photos"}, "both contain {split}"),
        ({"direction": "BtoA"}, "unknown key"),
    ],
)
def test_bad_sides_are_refused(tmp_path, options, said):
    assert said in refusal("paired_folders", tmp_path, **{**FOLDERS, **options})


def codes(k, void=False):
    """Return a map (16, 16) of blocks of the three classes, and the same as class indices."""
    blocks = noise(f"map/{k}", 4, 4)[:, :, 0] % 3
    indices = np.kron(blocks, np.ones((4, 4), int))
    values = np.array(list(CLASSES.values()))[indices]
    if void:
        indices[0], values[0] = VOID, 11
    return values.astype(np.uint8), indices


def write_maps(root, kind, void=False):
    """Write 30 photos of 16 px with label maps: as indices, as palette PNGs, or as colours."""
    for k, path in enumerate(fill(root / "photos", 30, width=16, height=16)):
        values, indices = codes(k, void)
        if kind == "colour":
            palette = np.zeros((256, 3), np.uint8)
            palette[:3] = [list(bytes.fromhex(c[1:])) for c in COLOURS.values()]
            save(root / "maps" / path.name, palette[indices])
        else:
            picture = Image.fromarray(values)
            if kind == "palette":
                picture.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
            (root / "maps").mkdir(exist_ok=True)
            picture.save(root / "maps" / path.name)
    return root


def with_maps(root, size=16, **maps):
    options = {"side": "source", "classes": CLASSES, "colours": COLOURS, "void": [11], **maps}
    folders = {"source_folder": "maps", "target_folder": "photos", "source": "labels", "target": "photo"}
    return dataset("paired_folders", root, **folders, maps=options).load(size)


def wanted_maps():
    return {codes(k, void=True)[1].astype(np.uint8).tobytes() for k in range(30)}


@pytest.mark.parametrize("kind", ["index", "palette", "colour"])
def test_label_maps_are_read_drawn_and_given_to_metrics(tmp_path, kind):
    write_maps(tmp_path, kind, void=True)
    options = {"classes": COLOURS, "colours": {}, "void": ["#000000"]} if kind == "colour" else {}
    data = with_maps(tmp_path, **options)
    assert data.map_classes == ("sky", "road", "car")
    maps = torch.cat([data.label_maps["photo"][split] for split in SPLITS])
    assert {each.numpy().tobytes() for each in maps} == wanted_maps()
    assert all(torch.equal(data.label_maps["labels"][s], data.label_maps["photo"][s]) for s in SPLITS)
    drawn = torch.cat([data.images("labels", split) for split in SPLITS]).permute(0, 2, 3, 1)
    for index, colour in enumerate(COLOURS.values()):
        assert (drawn[maps == index] == torch.tensor(list(bytes.fromhex(colour[1:])))).all()
    assert (drawn[maps == VOID] == 0).all()


def test_label_maps_shrink_by_the_nearest_pixel_and_lie_on_their_photos(tmp_path):
    write_maps(tmp_path, "index")
    for k in range(30):  # the photo shows its own map, in the colours of the classes
        _, indices = codes(k)
        colours = np.array([list(bytes.fromhex(c[1:])) for c in COLOURS.values()], np.uint8)[indices]
        wide = np.concatenate([noise(f"left{k}", 8, 16), colours, noise(f"right{k}", 8, 16)], axis=1)
        save(tmp_path / "photos" / f"{k:03d}.png", wide)
        values = np.pad(codes(k)[0], ((0, 0), (8, 8)), constant_values=11)
        save(tmp_path / "maps" / f"{k:03d}.png", values)
    data = with_maps(tmp_path, size=8)
    maps = data.label_maps["photo"]["train"]
    assert set(maps.unique().tolist()) <= {0, 1, 2}
    different = (data.images("labels", "train").int() - data.images("photo", "train").int()).abs().amax(1)
    assert (different[:, 1::2, 1::2] <= 60).float().mean() > 0.5  # inside the blocks, which bicubic leaves


def test_the_same_maps_may_be_the_target(tmp_path):
    write_maps(tmp_path, "index")
    folders = {"source_folder": "photos", "target_folder": "maps", "source": "photo", "target": "labels"}
    data = dataset("paired_folders", tmp_path, **folders, maps={"side": "target", "classes": CLASSES}).load(16)
    assert torch.equal(data.counterparts["test"], data.images("labels", "test"))
    assert len({tuple(pixel) for pixel in data.images("labels", "train")[0].flatten(1).T.tolist()}) == 3


def test_a_trial_reads_the_classes_in_the_order_of_the_suite(tmp_path, tiny_suite):
    """Trials are sent the dataset's keys as JSON, which must not bring the classes into another order."""
    write_maps(tmp_path, "index")
    block = f"""dataset:
  {{name: paired_folders, root: {tmp_path}, source_folder: maps, target_folder: photos,
    maps: {{side: source, classes: {{sky: 0, road: 3, car: 7}}}}}}"""
    old = "dataset: {name: avatars, source: avataaars, target: adventurer, n_train: 24, n_val: 8, n_test: 8}"
    loaded = load_suite(tiny_suite((old, block)))
    data = loaded.dataset("cpu").load(16)
    assert data.map_classes == ("sky", "road", "car")
    for spec in make_specs(loaded, "cpu", data, tmp_path):
        assert load_data(spec).fingerprint == data.fingerprint


def test_values_outside_the_palette_are_refused_with_file_and_value(tmp_path):
    write_maps(tmp_path, "index")
    for name, value in (("004", 5), ("009", 254)):
        values = codes(4)[0]
        values[3, 3] = value
        save(tmp_path / "maps" / f"{name}.png", values)
    with pytest.raises(InputError) as caught:
        with_maps(tmp_path)
    said = str(caught.value)
    assert "004.png: a label map must hold the values of its classes and void alone. Got 5 in 1 pixels" in said
    assert "009.png" in said
    assert "Got 254" in said


def test_colours_outside_the_palette_are_refused_and_jpeg_is_explained(tmp_path):
    write_maps(tmp_path, "colour")
    path = tmp_path / "maps" / "004.png"
    Image.open(path).save(path.with_suffix(".jpg"), quality=60)
    path.unlink()
    with pytest.raises(InputError, match=r"004.jpg.*#[0-9a-f]{6}.*save them as PNG"):
        with_maps(tmp_path, classes=COLOURS, colours={}, void=[])


def test_indices_from_a_colour_picture_are_refused(tmp_path):
    write_maps(tmp_path, "colour")
    with pytest.raises(InputError, match="Got mode RGB"):
        with_maps(tmp_path)


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ({"classes": {"sky": 0, "road": "#804080"}, "colours": {}}, "all indices"),
        ({"void": [3]}, "Got 3 more than once"),
        ({"colours": {"rod": "#804080"}}, "Did you mean 'road'"),
        ({"colours": {"road": "purple"}}, "'#804080'. Got 'purple'"),
        ({"classes": {"sky": 0, "road": -1}, "colours": {}}, "between 0 and 65535"),
        ({"classes": {"sky": 0}, "colours": {}}, "maps.classes"),
        ({"side": "left"}, "maps.side"),
    ],
)
def test_bad_palettes_are_refused(tmp_path, maps, said):
    with pytest.raises(InputError) as caught:
        with_maps(tmp_path, **maps)
    assert said in str(caught.value)
