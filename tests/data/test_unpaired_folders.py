"""Two folders of pictures: splits by folder and by content, geometry, cache, and answers to bad input."""

import os
import warnings

import numpy as np
import pytest
import torch
from picture_folders import SIZE, contents, counts, dataset, fill, noise, save
from PIL import Image

from ganbench.data import prepared
from ganbench.data.base import SPLITS
from ganbench.errors import InputError, MissingFileError

PLAIN = {"source": "photo", "target": "paint", "source_folder": "photos", "target_folder": "paints"}


@pytest.fixture
def plain(tmp_path):
    """Return a root with two folders of 60 pictures, without splits."""
    fill(tmp_path / "photos", 60)
    fill(tmp_path / "paints", 60)
    return tmp_path


@pytest.fixture
def cyclegan(tmp_path):
    """Return a root in CycleGAN's layout."""
    for side in "AB":
        fill(tmp_path / f"train{side}", 40)
        fill(tmp_path / f"test{side}", 6)
    return tmp_path


def photo(root, **options):
    """Return the images of both domains of a plain root, as data."""
    return dataset("unpaired_folders", root, **PLAIN, **options).load(SIZE)


def refusal(root, image_size=SIZE, **options):
    with pytest.raises(InputError) as caught:
        dataset("unpaired_folders", root, **{**PLAIN, **options}).load(image_size)
    return str(caught.value)


def test_cyclegans_layout_keeps_its_splits_and_takes_validation_from_train(cyclegan):
    data = dataset("unpaired_folders", cyclegan, source="horse", target="zebra").load(12)
    assert (data.source, data.target, data.paired) == ("horse", "zebra", False)
    assert counts(data, "horse")["test"] == 6
    assert counts(data, "horse")["train"] + counts(data, "horse")["val"] == 40
    assert contents(data, "horse")["test"] == {noise(f"testA/{k}").transpose(2, 0, 1).tobytes() for k in range(6)}


def test_a_folder_of_validation_pictures_is_used(cyclegan):
    for side in "AB":
        fill(cyclegan / f"val{side}", 5)
    data = dataset("unpaired_folders", cyclegan).load(SIZE)
    assert counts(data, "A") == counts(data, "B") == {"train": 40, "val": 5, "test": 6}


def test_a_test_folder_of_one_side_alone_is_refused(cyclegan):
    for path in (cyclegan / "testB").iterdir():
        path.unlink()
    (cyclegan / "testB").rmdir()
    with pytest.raises(MissingFileError, match="testB"):
        dataset("unpaired_folders", cyclegan).load(SIZE)


def test_adding_pictures_moves_none_to_another_split(plain):
    before = contents(photo(plain), "photo")
    fill(plain / "photos", 40, start=60)
    after = contents(photo(plain), "photo")
    assert all(before[split] < after[split] for split in SPLITS)


def test_shares_are_kept_roughly(plain):
    fill(plain / "photos", 240, start=60)
    found = counts(photo(plain, val_share=0.2, test_share=0.3), "photo")
    assert found["val"] == pytest.approx(60, abs=20)  # 3 standard deviations
    assert found["test"] == pytest.approx(90, abs=24)


def test_names_say_nothing(plain):
    before = photo(plain).fingerprint
    for path in (plain / "photos").iterdir():
        path.rename(path.with_stem(path.stem[::-1] + "x"))
    assert photo(plain).fingerprint == before


def test_limits_take_the_first_of_an_order_that_files_do_not_change(plain):
    whole, few = photo(plain), photo(plain, n_train=5, n_val=1, n_test=2)
    assert counts(few, "photo") == counts(few, "paint") == {"train": 5, "val": 1, "test": 2}
    for split in SPLITS:
        images = few.images("photo", split)
        assert torch.equal(images, whole.images("photo", split)[: len(images)])


def test_a_changed_picture_is_noticed_though_its_time_stays(plain):
    before = photo(plain)
    path = plain / "photos" / "003.png"
    stat = path.stat()
    save(path, 255 - noise("photos/3"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert photo(plain).fingerprint != before.fingerprint


def test_the_second_time_nothing_is_decoded(plain, monkeypatch):
    before = photo(plain)

    def refuse(path):
        raise OSError("decoded again")

    monkeypatch.setattr(prepared, "open_picture", refuse)
    again = photo(plain)
    assert again.fingerprint == before.fingerprint
    with pytest.raises(InputError, match="decoded again"):
        photo(plain, filter="box")


def test_progress_counts_all_pictures_once(plain):
    told = []
    dataset("unpaired_folders", plain, **PLAIN, filter="lanczos").load(
        SIZE, lambda done, total: told.append((done, total))
    )
    assert told[-1] == (120, 120)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


@pytest.mark.parametrize(("crop", "expected"), [("center", slice(4, 12)), ("none", None)])
def test_the_crop_is_the_one_that_was_asked_for(tmp_path, crop, expected):
    for folder in ("photos", "paints"):
        fill(tmp_path / folder, 30, width=16, height=8)
    image = photo(tmp_path, crop=crop).images("photo", "train")[0].permute(1, 2, 0).numpy()
    pictures = [noise(f"photos/{k}", 16, 8) for k in range(30)]
    if expected is None:
        wanted = [np.asarray(Image.fromarray(each).resize((8, 8), Image.Resampling.BICUBIC)) for each in pictures]
    else:
        wanted = [each[:, expected] for each in pictures]
    assert any(np.array_equal(image, each) for each in wanted)


@pytest.mark.parametrize("name", ["lanczos", "bicubic", "bilinear", "box", "nearest"])
def test_the_filter_is_the_one_that_is_named(plain, name):
    image = photo(plain, filter=name).images("photo", "train")[0].permute(1, 2, 0).numpy()
    resampling = getattr(Image.Resampling, name.upper())
    wanted = [np.asarray(Image.fromarray(noise(f"photos/{k}")).resize((SIZE, SIZE), resampling)) for k in range(60)]
    assert any(np.array_equal(image, each) for each in wanted)


def test_all_damaged_and_small_pictures_of_both_domains_are_named_at_once(plain):
    (plain / "photos" / "bad.jpg").write_bytes(b"no picture")
    whole = (plain / "paints" / "001.png").read_bytes()
    (plain / "paints" / "cut.png").write_bytes(whole[: len(whole) // 2])
    save(plain / "paints" / "small.png", noise("small", 7, 30))
    said = refusal(plain)
    assert all(name in said for name in ("bad.jpg", "cut.png", "small.png", "7 × 30", "allow_enlarging: true"))
    assert len(said.splitlines()) == 3


def test_small_pictures_are_enlarged_where_allowed_and_said_to_be(plain):
    with pytest.warns(UserWarning, match=r"photo: 60 of 60 pictures were enlarged to 16 × 16"):
        data = dataset("unpaired_folders", plain, **PLAIN, allow_enlarging=True).load(16)
    assert data.image_size == 16
    assert "at least 16 × 16" in refusal(plain, image_size=16)


def test_one_picture_in_two_domains_is_refused_also_from_another_kind_of_file(plain):
    save(plain / "paints" / "copy.bmp", noise("photos/7"))
    said = refusal(plain)
    assert "copy.bmp" in said
    assert "007.png" in said
    assert "allow_leaks: true" in said
    with pytest.warns(UserWarning, match=r"two domains: 1 picture.* The first: .*copy.bmp .*007.png"):
        photo(plain, allow_leaks=True)


def test_one_picture_in_train_and_test_is_refused(cyclegan):
    save(cyclegan / "testA" / "copy.bmp", noise("trainA/7"))
    with pytest.raises(InputError, match=r"copy.bmp \(A/test\) is the same picture as .*007.png \(A/(train|val)\)"):
        dataset("unpaired_folders", cyclegan).load(SIZE)


def test_one_picture_twice_in_one_folder_is_no_leak(plain):
    save(plain / "photos" / "copy.png", noise("photos/7"))
    assert sum(counts(photo(plain), "photo").values()) == 61


def test_absent_folders_are_named_with_the_remedy(tmp_path):
    made = dataset("unpaired_folders", tmp_path / "none")
    assert made.missing() is not None
    with pytest.raises(MissingFileError, match=r"trainA.*trainB.*GANBENCH_DATA"):
        made.load(SIZE)


def test_empty_folders_and_empty_splits_are_refused(plain):
    for path in (plain / "photos").iterdir():
        path.unlink()
    assert "holds no pictures" in refusal(plain)
    fill(plain / "photos", 1)
    said = refusal(plain)
    assert "domain photo: the split" in said
    assert "Add pictures or change the shares" in said


def test_files_that_are_no_pictures_are_left_out_aloud(plain):
    before = photo(plain).fingerprint
    (plain / "photos" / "notes.txt").write_text("x")
    with pytest.warns(UserWarning, match="notes.txt"):
        assert photo(plain).fingerprint == before


def test_a_relative_root_lies_in_the_data_folder_else_in_the_working_directory(plain, monkeypatch):
    before = photo(plain).fingerprint
    monkeypatch.chdir(plain.parent)
    monkeypatch.delenv("GANBENCH_DATA", raising=False)
    here = dataset("unpaired_folders", plain.name, **PLAIN)
    monkeypatch.chdir("/")
    monkeypatch.setenv("GANBENCH_DATA", str(plain.parent))
    there = dataset("unpaired_folders", plain.name, **PLAIN)
    assert here.root == there.root == str(plain)
    monkeypatch.delenv("GANBENCH_DATA")
    assert here.load(SIZE).fingerprint == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "photo"}, "target: must differ"),
        ({"crop": "middle"}, "crop"),
        ({"filter": "sinc"}, "filter"),
        ({"val_share": 0.6, "test_share": 0.4}, "together below 1"),
        ({"n_test": 0}, "n_test"),
        ({"resize": "x"}, "unknown key 'resize'"),
    ],
)
def test_bad_options_are_refused(tmp_path, options, said):
    with pytest.raises(InputError) as caught:
        dataset("unpaired_folders", tmp_path, **{**PLAIN, **options})
    assert said in str(caught.value)


def test_credits_travel_with_the_data(plain):
    credit = {"title": "T", "artist": "A", "licence": "L", "url": "U"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = photo(plain, credit=credit).credits
    assert (found.title, found.artist, found.licence, found.url) == ("T", "A", "L", "U")
    assert found.line == "T by A, L"


def test_several_may_be_credited_and_forbid_to_publish(plain):
    two = [{"title": name, "artist": "A", "licence": "L", "publish": name == "T"} for name in ("S", "T")]
    assert [each.publish for each in photo(plain, credit=two).credits] == [False, True]
    assert photo(plain, credit=two).credits[0].line == "S by A, L (not to be published)"
