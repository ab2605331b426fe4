import io

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.data import pictures as module
from ganbench.data.pictures import SUFFIXES, read_pictures
from ganbench.errors import InputError

RAMP = np.linspace(0, 255, 16 * 12 * 3).reshape(12, 16, 3).astype(np.uint8)  # 16 wide, 12 high


@pytest.fixture
def folder(tmp_path):
    """Return an empty folder."""
    made = tmp_path / "pictures"
    made.mkdir()
    return made


def one(folder, picture, name="a.png", image_size=None, **options):
    """Save a picture, read it back, and return its pixels (H, W, 3) and the notes."""
    picture.save(folder / name, **options)
    found = read_pictures(folder, image_size)
    return found.images[0].permute(1, 2, 0).numpy(), found.notes


def test_a_folder_is_read_in_the_order_of_its_names(folder):
    for value, name in enumerate(["b10.png", "b2.PNG", "a.bmp", "c.webp"]):
        Image.new("RGB", (4, 4), (value, 0, 0)).save(folder / name, lossless=True)
    found = read_pictures(folder)
    assert found.names == ("a.bmp", "b10.png", "b2.PNG", "c.webp")
    assert found.stems == ("a", "b10", "b2", "c")
    assert found.images[:, 0, 0, 0].tolist() == [2, 0, 1, 3]
    assert (found.images.dtype, found.images.shape, found.notes) == (torch.uint8, (4, 3, 4, 4), ())
    assert found.images.is_contiguous()


def test_one_file_is_a_set_of_one(folder):
    Image.fromarray(RAMP).save(folder / "a.png")
    assert read_pictures(folder / "a.png").names == ("a.png",)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_of_file_is_read(folder, suffix):
    options = {"quality": 95} if suffix in (".jpg", ".jpeg", ".webp") else {}
    pixels, _ = one(folder, Image.fromarray(RAMP), f"a{suffix}", **options)
    assert np.abs(pixels.astype(int) - RAMP).mean() < 12  # GIF has few colours
    assert pixels.shape == RAMP.shape


def test_transparent_pixels_are_white_and_half_transparent_ones_mixed_with_it(folder):
    picture = Image.new("RGBA", (2, 1), (200, 0, 0, 0))
    picture.putpixel((1, 0), (100, 0, 0, 128))
    pixels, notes = one(folder, picture)
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert np.abs(pixels[0, 1].astype(int) - [177, 127, 127]).max() <= 1
    assert notes == (f"{folder}: 1 of 1 pictures had an alpha channel: laid on white.",)


@pytest.mark.parametrize("mode", ["LA", "P"])
def test_other_kinds_of_transparency_are_white_as_well(folder, mode):
    options = {"transparency": 0} if mode == "P" else {}
    pixels, notes = one(folder, Image.new(mode, (3, 3)), **options)
    assert (pixels == 255).all()
    assert any("laid on white" in note for note in notes)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bit_grey_keeps_its_range(folder, name):
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    pixels, notes = one(folder, Image.fromarray(values), name)
    assert pixels[0].tolist() == [[0] * 3, [1] * 3, [128] * 3, [255] * 3]
    assert sum("16 bits" in note or "were grey" in note for note in notes) == 2


def test_grey_palette_and_bilevel_become_rgb(folder):
    grey = Image.fromarray(RAMP[:, :, 0])
    pixels, notes = one(folder, grey)
    assert (pixels == RAMP[:, :, :1]).all()
    assert "were grey" in notes[0]
    pixels, notes = one(folder, Image.new("RGB", (4, 4), (9, 90, 200)).convert("P", palette=Image.Palette.ADAPTIVE))
    assert pixels[0, 0].tolist() == [9, 90, 200]
    assert "palette" in notes[0]
    assert (one(folder, Image.new("1", (4, 4), 1))[0] == 255).all()


def test_cmyk_jpegs_are_not_inverted(folder):
    picture = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    pixels, notes = one(folder, picture, "a.jpg", quality=100)
    assert np.abs(pixels[8, 8].astype(int) - [255, 0, 0]).max() < 12
    assert "were CMYK" in notes[0]


def test_exif_rotation_is_applied(folder):
    exif = Image.Exif()
    exif[module.ORIENTATION] = 6  # to be turned clockwise by a quarter
    pixels, notes = one(folder, Image.fromarray(RAMP), exif=exif)
    assert (pixels == np.rot90(RAMP, -1)).all()
    assert "turned upright" in notes[0]


def test_animations_give_their_first_frame(folder):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    pixels, notes = one(folder, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert pixels[0, 0].tolist() == [255, 0, 0]
    assert any("first was taken" in note for note in notes)


def test_notes_count_the_pictures_they_speak_of(folder):
    for index in range(5):
        Image.new("L" if index < 2 else "RGB", (4, 4)).save(folder / f"{index}.png")
    assert read_pictures(folder).notes[0].startswith(f"{folder}: 2 of 5 pictures were grey")


def test_resizing_is_antialiased_and_noted(folder):
    checks = Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)).convert("RGB")
    pixels, notes = one(folder, checks, image_size=8)
    assert pixels.shape == (8, 8, 3)
    assert np.abs(pixels.astype(int) - 127).max() < 20  # without antialiasing black or white
    assert notes == (f"{folder}: 1 of 1 pictures were resized to 8 × 8 (PIL bicubic, antialiased).",)
    assert read_pictures(folder, 8).resized
    assert not read_pictures(folder, 64).resized
    _, notes = one(folder, Image.fromarray(RAMP), image_size=8)
    assert "stretched" in notes[0]


def test_pictures_of_unequal_size_are_all_named(folder):
    for index in range(5):
        Image.new("RGB", (8, 9 if index in (1, 3) else 8)).save(folder / f"{index}.png")
    with pytest.raises(InputError, match=r"3 are 8 × 8 .* but not 1\.png \(8 × 9\), 3\.png \(8 × 9\)\..*--image-size"):
        read_pictures(folder)
    assert read_pictures(folder, 8).images.shape == (5, 3, 8, 8)


def test_all_damaged_files_are_named_at_once(folder):
    Image.fromarray(RAMP).save(folder / "good.png")
    whole = (folder / "good.png").read_bytes()
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").touch()
    (folder / "text.webp").write_text("no picture")
    (folder / "page.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(InputError) as refused:
        read_pictures(folder)
    assert len(refused.value.problems) == 4
    for problem, name in zip(refused.value.problems, ["empty.jpg", "half.png", "page.png", "text.webp"], strict=True):
        assert problem.startswith(f"{folder / name}: is not a readable picture")
        assert "Remove or repair" in problem


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".tif", ".bmp"])
def test_truncated_files_are_refused_wherever_they_end(folder, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    buffer = io.BytesIO()
    kind = {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    Image.fromarray(noise).save(buffer, kind)
    whole = buffer.getvalue()
    for share in (0.02, 0.3, 0.6, 0.9):
        (folder / f"a{suffix}").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match="not a readable picture"):
            read_pictures(folder)


def test_float_pixels_are_refused(folder):
    values = np.full((4, 4), np.nan, np.float32)
    Image.fromarray(values).save(folder / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif: pixels of mode F have no known range.*8 or 16 bits"):
        read_pictures(folder)


def test_pictures_that_claim_to_be_huge_are_refused_before_they_are_decoded(folder, monkeypatch):
    Image.new("1", (10_000, 8_000)).save(folder / "bomb.png")  # a few kilobytes
    monkeypatch.setattr(Image.Image, "convert", None)
    with pytest.raises(InputError, match=r"bomb\.png: a picture must have at most .* Got 10000 × 8000"):
        read_pictures(folder)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # Pillow's own limit, above which it raises by itself
    with pytest.raises(InputError, match="bomb"):
        read_pictures(folder)


def test_empty_and_absent_folders(folder):
    with pytest.raises(InputError, match="holds no pictures"):
        read_pictures(folder)
    with pytest.raises(InputError, match="no such picture or folder"):
        read_pictures(folder / "nowhere")


def test_what_is_not_read_is_named(folder):
    Image.new("RGB", (4, 4)).save(folder / "a.png")
    (folder / "labels.csv").touch()
    (folder / ".DS_Store").touch()
    (folder / "more").mkdir()
    (note,) = read_pictures(folder).notes
    assert note.endswith(": labels.csv, more/.")
    (folder / "a.png").unlink()
    with pytest.raises(InputError, match=r"labels\.csv, more/"):
        read_pictures(folder)


def test_two_pictures_of_one_stem_are_refused(folder):
    for name in ("a.png", "a.jpg", "b.png", "c.gif", "c.webp"):
        Image.new("RGB", (4, 4)).save(folder / name)
    with pytest.raises(InputError, match=r"a\.jpg and a\.png; c\.gif and c\.webp\. Rename"):
        read_pictures(folder)


def test_progress_reaches_the_end(folder):
    for index in range(3):
        Image.new("RGB", (4, 4)).save(folder / f"{index}.png")
    seen = []
    read_pictures(folder, report=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
