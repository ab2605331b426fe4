"""CelebA in torchvision's layout: its own names and defaults, and what to do where it is absent."""

import pytest
from picture_folders import contents, counts, fill
from PIL import Image

from ganbench.data.base import DATASETS
from ganbench.data.pictures import to_rgb
from ganbench.data.prepared import Geometry, picture_arrays
from ganbench.errors import InputError, MissingFileError
from ganbench.options import read_options

COLUMNS = ("Black_Hair", "Blond_Hair", "Eyeglasses", "Male", "Smiling")


def dataset(root, **options):
    return read_options(DATASETS.get("celeba"), {"root": str(root), **options}, "dataset celeba")


@pytest.fixture
def root(tmp_path):
    files = fill(tmp_path / "celeba" / "img_align_celeba", 60)
    lines = [str(len(files)), " ".join(COLUMNS)]
    for k, file in enumerate(files):
        values = (1 if (k >> bit) % 2 else -1 for bit in range(len(COLUMNS)))
        lines.append(f"{file.name} " + " ".join(f"{value:2d}" for value in values))
    (tmp_path / "celeba" / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_male_and_female_with_labels(root):
    data = dataset(root, val_share=0.25, test_share=0.25).load(8)
    assert (data.source, data.target) == ("male", "female")
    assert set(data.common_attributes) == {"Smiling", "Eyeglasses", "Black_Hair", "Blond_Hair"}
    assert sum(map(sum, (counts(data, name).values() for name in data.domains))) == 60
    assert "non-commercial" in data.credits[0].licence


def test_another_attribute_makes_other_domains(root):
    made = dataset(root, attribute="Eyeglasses", domains_by_value={"bare": -1, "glasses": 1}, source="bare",
                   target="glasses", labels=["Male"], val_share=0.25, test_share=0.25)  # fmt: skip
    assert made.load(8).common_attributes == ("Male",)


def write_partition(root, name="list_eval_partition.txt"):
    """Write the authors' table: every fifth face is for testing, the one before it for validation."""
    numbers = {3: 1, 4: 2}
    lines = [f"{k:03d}.png {numbers.get(k % 5, 0)}" for k in range(60)]
    if name.endswith("csv"):
        lines = ["image_id,partition", *(line.replace(" ", ",") for line in lines)]
    (root / "celeba" / name).write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("name", ["list_eval_partition.txt", "list_eval_partition.csv"])
def test_the_authors_division_is_taken_where_it_is_there(root, name):
    write_partition(root, name)
    data, faces = dataset(root).load(8), sorted((root / "celeba" / "img_align_celeba").iterdir())
    wanted = {open_face(faces[k]) for k in range(4, 60, 5)}
    assert set.union(*(contents(data, domain)["test"] for domain in data.domains)) == wanted
    assert sum(counts(data, domain)["val"] for domain in data.domains) == 12
    other = dataset(root, partition=None, val_share=0.25, test_share=0.25).load(8)
    assert set.union(*(contents(other, domain)["test"] for domain in other.domains)) != wanted


def open_face(path):
    """Return the bytes of one face as the dataset prepares it."""
    return picture_arrays(to_rgb(Image.open(path)), Geometry(8, "center", "bicubic", False))["images"].tobytes()


def test_a_division_that_does_not_fit_is_refused(root):
    path = root / "celeba" / "list_eval_partition.txt"
    path.write_text("".join(f"{k:03d}.png 0\n" for k in range(60)))
    with pytest.raises(InputError, match=r"(?s)leaves the split val, test empty.*partition: null"):
        dataset(root).load(8)
    path.write_text("".join(f"{k:03d}.png {k % 3}\n" for k in range(58)))
    with pytest.raises(InputError, match=r"(?s)058.png: has no row in .*059.png.*partition: null"):
        dataset(root).load(8)
    path.write_text("000.png 0\n001.png 3\n002.png\n")
    with pytest.raises(InputError, match=r"(?s)partition.txt:2: must name.*Got 001.png 3.*txt:3: .*Got 002.png"):
        dataset(root).load(8)


def test_tables_as_csv_and_another_folder_are_found(root):
    folder = root / "celeba"
    want = dataset(root, val_share=0.25, test_share=0.25).load(8).fingerprint
    (folder / "img_align_celeba").rename(folder / "images")
    lines = (folder / "list_attr_celeba.txt").read_text().splitlines()
    rows = [f"image_id {lines[1]}", *lines[2:]]
    (folder / "list_attr_celeba.csv").write_text("\n".join(",".join(row.split()) for row in rows) + "\n")
    (folder / "list_attr_celeba.txt").unlink()
    assert dataset(root, val_share=0.25, test_share=0.25).load(8).fingerprint == want


def test_absent_files_are_named_with_where_to_get_them(tmp_path):
    reason = dataset(tmp_path).missing()
    for word in ("img_align_celeba", "list_attr_celeba.txt", "mmlab", "download: true", str(tmp_path)):
        assert word in reason


def test_a_download_that_fails_says_what_to_do_by_hand(tmp_path, monkeypatch):
    def refuse(self, root, split, download):
        assert (root, split, download) == (str(tmp_path), "all", True)
        raise RuntimeError("quota exceeded")

    monkeypatch.setattr("torchvision.datasets.CelebA.__init__", refuse)
    assert dataset(tmp_path, download=True).missing() is None
    with pytest.raises(MissingFileError, match=r"quota exceeded.*img_align_celeba.zip"):
        dataset(tmp_path, download=True).load(8)


def test_an_unknown_attribute_is_answered_with_the_nearest(root):
    with pytest.raises(InputError, match="Smiling"):
        dataset(root, labels=["Smilling"]).load(8)
