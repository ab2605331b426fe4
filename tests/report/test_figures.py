import io
from pathlib import Path

import numpy as np
import pytest
from fabricated import plan_of, record, save, typical
from PIL import Image

from ganbench.errors import InputError
from ganbench.report.figures import (
    BLANK,
    CELL,
    GUTTER,
    MARGIN,
    MAX_BYTES,
    PAPER,
    Images,
    Strip,
    encode_png,
    method_grid,
    plain,
    sheet,
)
from ganbench.report.publish import TRANSLATIONS_FILE, read_outputs, write_reports
from ganbench.results.plan import write_plan
from ganbench.results.store import trial_directory

RED, GREEN, BLUE = (200, 10, 20), (20, 180, 30), (10, 30, 220)


def plain_images(colour: tuple[int, int, int], count: int = 12, size: int = 32) -> Images:
    return np.broadcast_to(np.array(colour, dtype=np.uint8)[:, None, None], (count, 3, size, size)).copy()


def count_of(picture: Image.Image, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(picture) == colour).all(axis=2).sum())


def test_the_grid_shows_inputs_above_outputs() -> None:
    picture = method_grid(plain_images(RED), plain_images(GREEN), "cyclegan", columns=4, rows=2)
    assert count_of(picture, RED) == count_of(picture, GREEN) == 8 * CELL**2
    column = [picture.getpixel((picture.width - MARGIN - 5, y)) for y in range(picture.height)]
    runs = [colour for colour, before in zip(column, [None, *column], strict=False) if colour != before]
    assert [colour for colour in runs if colour != PAPER] == [RED, GREEN, RED, GREEN]


def test_images_keep_their_order_orientation_and_every_pixel() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    picture = np.asarray(sheet([Strip("x", images)], columns=3))
    right = picture.shape[1] - MARGIN
    for index in range(3):
        left = right - (3 - index) * (CELL + GUTTER) + GUTTER
        shown = picture[MARGIN : MARGIN + CELL, left : left + CELL]
        assert (shown[1::3, 1::3] == images[index].transpose(1, 2, 0)).all()
        assert (shown == np.repeat(np.repeat(images[index].transpose(1, 2, 0), 3, 0), 3, 1)).all()


@pytest.mark.parametrize(("size", "cell"), [(16, 96), (32, 96), (64, 128), (128, 128), (256, 160)])
def test_images_are_shown_large_enough_and_not_too_large(size: int, cell: int) -> None:
    assert count_of(sheet([Strip("", plain_images(RED, 1, size))]), RED) == cell**2


def test_a_row_without_images_is_a_band_with_its_reason() -> None:
    picture = sheet([Strip("a", plain_images(RED, 2)), Strip("b", None, "skipped")])
    assert count_of(picture, BLANK) > 1000
    assert count_of(sheet([Strip("a", plain_images(RED, 2))]), BLANK) == 0


def test_labels_titles_and_credits_are_drawn_within_the_picture() -> None:
    bare = np.asarray(sheet([Strip("", plain_images(RED))]))
    full = np.asarray(sheet([Strip("cyclegan", plain_images(RED))], "A title " * 60, ["credit " * 100]))
    assert full.shape[0] > bare.shape[0] + 50
    edge = np.concatenate([full[:5].reshape(-1, 3), full[-5:].reshape(-1, 3), full[:, -5:].reshape(-1, 3)])
    assert (edge == PAPER).all()
    assert (full[: MARGIN + 30] < 100).any()


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 3, 8, 8), dtype=np.float32),
        np.zeros((2, 8, 8, 3), dtype=np.uint8),
        np.zeros((3, 8, 8), dtype=np.uint8),
        np.zeros((2, 3, 8, 9), dtype=np.uint8),
    ],
)
def test_wrong_arrays_are_refused(bad: Images) -> None:
    with pytest.raises(InputError, match="uint8"):
        sheet([Strip("x", bad)])
    with pytest.raises(InputError, match="uint8"):
        method_grid(bad, bad)


def test_pictures_without_images_or_of_unequal_length_are_refused() -> None:
    with pytest.raises(InputError, match="at least one row"):
        sheet([Strip("x", None)])
    with pytest.raises(InputError, match="must have the inputs' shape"):
        method_grid(plain_images(RED, 3), plain_images(RED, 4))


def test_pictures_stay_below_the_limit_even_of_noise() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (10, 3, 128, 128), dtype=np.uint8)
    content = encode_png(sheet([Strip(str(i), noise) for i in range(8)]))
    assert len(content) <= MAX_BYTES
    assert Image.open(io.BytesIO(content)).width > 500


def test_small_pictures_lose_nothing() -> None:
    picture = sheet([Strip("x", np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8))])
    assert (np.asarray(Image.open(io.BytesIO(encode_png(picture)))) == np.asarray(picture)).all()


def test_text_is_reduced_to_what_the_font_has() -> None:
    assert plain("Zoë Müller → x – “y” ± ©") == "Zoe Muller > x - y ± ©"
    assert plain("\x1b\n漢字") == ""


def published(root: Path, outputs: Images | None = None) -> tuple[Path, list[Path]]:
    directory = save(root, *typical())
    for one in typical():
        if one.status == "ok":
            trial = trial_directory(directory, one.label, one.seed, one.training_hash)
            np.savez(trial / TRANSLATIONS_FILE, outputs=plain_images(GREEN) if outputs is None else outputs)
    write_plan(directory, plan_of(*typical(), record("pix2pix")))
    return directory, write_reports(directory, plain_images(RED), plain_images(BLUE), None, ["by Zoë, CC BY 4.0"])


def test_a_suites_tables_and_sheet_are_published(tmp_path: Path) -> None:
    directory, files = published(tmp_path)
    assert [path.name for path in files] == ["leaderboard.csv", "leaderboard.md", "comparison.png"]
    assert "(comparison.png)" in (directory / "leaderboard.md").read_text()
    assert (directory / "leaderboard.csv").read_text().count("\n") == 9  # header and eight labels
    picture = Image.open(directory / "comparison.png").convert("RGB")
    assert count_of(picture, RED) == count_of(picture, BLUE) == 10 * CELL**2
    assert count_of(picture, GREEN) == 3 * 10 * CELL**2  # the three methods that have a finished seed
    assert count_of(picture, BLANK) > 1000  # dtn and pix2pix


def test_a_private_sheet_has_a_name_of_its_own_and_no_page_shows_it(tmp_path: Path) -> None:
    directory, _ = published(tmp_path)
    files = write_reports(directory, plain_images(RED), plain_images(BLUE), private=True)
    assert [path.name for path in files] == ["leaderboard.csv", "leaderboard.md", "comparison-private.png"]
    assert "comparison" not in (directory / "leaderboard.md").read_text()
    assert not (directory / "comparison.png").exists()  # of a run before the licence was known
    assert count_of(Image.open(directory / "comparison-private.png").convert("RGB"), RED) == 10 * CELL**2
    published(tmp_path)
    assert not (directory / "comparison-private.png").exists()


def test_publishing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    _, files = published(tmp_path)
    before = [path.read_bytes() for path in files]
    published(tmp_path)
    assert [path.read_bytes() for path in files] == before


def test_counterparts_have_a_row_and_equal_real_images_none(tmp_path: Path) -> None:
    directory, _ = published(tmp_path)
    both = plain_images((1, 2, 3))
    write_reports(directory, plain_images(RED), both, both)
    assert count_of(Image.open(directory / "comparison.png").convert("RGB"), (1, 2, 3)) == 10 * CELL**2
    write_reports(directory, plain_images(RED), plain_images(BLUE), both)
    assert count_of(Image.open(directory / "comparison.png").convert("RGB"), (1, 2, 3)) == 10 * CELL**2


def test_lost_translations_do_not_lose_the_tables(tmp_path: Path) -> None:
    directory, _ = published(tmp_path)
    for path in directory.glob(f"cyclegan-seed*/{TRANSLATIONS_FILE}"):
        path.unlink()
    write_reports(directory, plain_images(RED), plain_images(BLUE))
    picture = Image.open(directory / "comparison.png").convert("RGB")
    assert count_of(picture, GREEN) == 2 * 10 * CELL**2


def test_unusable_translations_are_named(tmp_path: Path) -> None:
    path = tmp_path / TRANSLATIONS_FILE
    with pytest.raises(InputError, match="--force"):
        read_outputs(tmp_path)
    path.write_bytes(b"not a zip")
    with pytest.raises(InputError, match=TRANSLATIONS_FILE):
        read_outputs(tmp_path)
    np.savez(path, outputs=np.array([object()]))
    with pytest.raises(InputError, match=TRANSLATIONS_FILE):
        read_outputs(tmp_path)
    np.savez(path, other=np.zeros(3))
    with pytest.raises(InputError, match="outputs"):
        read_outputs(tmp_path)
