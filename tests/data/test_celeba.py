"""CelebA in torchvision's layout: its own names and defaults, and what to do where it is absent."""

import pytest
from picture_folders import counts, fill

from ganbench.data.base import DATASETS
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
