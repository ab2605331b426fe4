"""The ``celeba`` dataset: CelebA (Liu 2015) as it is distributed, its domains by one of the forty attributes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, model_validator

from ganbench.data.attribute_table import AttributeTable
from ganbench.data.base import DATASETS, SPLITS, Credit, DatasetCard, Progress, Split, TranslationData
from ganbench.data.picture_files import DATA_VARIABLE, absolute
from ganbench.data.prepared import shortened
from ganbench.errors import InputError, MissingFileError

FOLDER = "celeba"  # beneath the root that torchvision is given
LAYOUTS: Mapping[str, tuple[str, ...]] = {
    "pictures": ("img_align_celeba", "images"),
    "table": ("list_attr_celeba.txt", "list_attr_celeba.csv"),
    "partition": ("list_eval_partition.txt", "list_eval_partition.csv"),
}
"""Key → names beneath `FOLDER`, the authors' first; the first that is there is taken."""
PARTITION: Mapping[str, Split] = dict(zip("012", SPLITS, strict=True))  # as the authors number them
CREDIT = Credit(
    "CelebA", "MMLAB, The Chinese University of Hong Kong (Liu, Luo, Wang, Tang 2015)",
    "non-commercial research only", "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    publish=False,
)  # fmt: skip


@DATASETS.register("celeba")
class CelebA(AttributeTable):
    """Aligned faces, male into female where nothing else is asked for; in the authors' division where its file is here.

    Beneath ``root`` lies what torchvision makes there: ``celeba/img_align_celeba``, ``celeba/list_attr_celeba.txt`` and
    ``celeba/list_eval_partition.txt``; tables may be CSV, and the pictures in ``celeba/images``.
    """

    summary: ClassVar[str] = "CelebA: faces by one of their forty attributes; your files or downloaded."

    root: str = Field(
        ".", validate_default=True,
        description=f"folder that holds celeba/; a relative path is seen from ${DATA_VARIABLE}, else from here",
    )  # fmt: skip
    download: bool = Field(False, description="bring absent files by torchvision's code, which needs gdown")
    pictures: str = Field(f"{FOLDER}/{LAYOUTS['pictures'][0]}", description="folder of the pictures beneath root")
    table: str = Field(f"{FOLDER}/{LAYOUTS['table'][0]}", description="table of the attributes beneath root")
    partition: str | None = Field(
        f"{FOLDER}/{LAYOUTS['partition'][0]}",
        description="the authors' table of splits beneath root, used where it is there; null: divided by content",
    )
    attribute: str = Field("Male", description="attribute whose values are the domains")
    domains_by_value: dict[str, int | str] = Field(
        {"male": 1, "female": -1}, description="domain → its value of the attribute: 1 or -1"
    )
    source: str = Field("male", description="domain that is translated")
    target: str = Field("female", description="domain to translate to")
    labels: list[str] = Field(
        default_factory=lambda: ["Smiling", "Eyeglasses", "Black_Hair", "Blond_Hair"],
        description="attributes that a judge learns, and that a translation should keep",
    )

    @model_validator(mode="before")
    @classmethod
    def _as_it_lies_there(cls, values: Any) -> Any:
        """Take the names that are there, where the suite gives none."""
        if not isinstance(values, dict) or not isinstance(root := values.get("root", "."), str):
            return values
        found = {
            key: next((name for name in paths if (Path(absolute(root)) / name).exists()), paths[0])
            for key, names in LAYOUTS.items()
            for paths in [[f"{FOLDER}/{name}" for name in names]]
        }
        return {**found, **values}

    def missing(self) -> str | None:
        """Name what is absent, unless it would be downloaded."""
        reason = super().missing()
        return None if reason is None or self.download else f"{reason} {self._by_hand()}, or give download: true."

    def load(self, image_size: int, report: Progress | None = None) -> TranslationData:
        """Return the faces, brought first where they are absent and may be downloaded.

        Raises:
            MissingFileError: files are absent, and could not be downloaded; the text says what to put where.
        """
        if self.download and any(not path.exists() for path in self.needed()):
            self._bring()
        return super().load(image_size, report)

    def assigned(self, files: dict[Split, list[Path]]) -> dict[Split, list[Path]]:
        """Return the files by the authors' splits, where their table is there."""
        path = Path(self.root) / self.partition if self.partition else None
        if path is None or not path.exists():
            return files
        splits, pictures = read_partition(path), files["train"]
        unknown = [f"{picture}: has no row in {path}." for picture in pictures if picture.stem not in splits]
        divided = {split: [each for each in pictures if splits.get(each.stem) == split] for split in SPLITS}
        empty = [split for split in SPLITS if not divided[split]]
        if unknown:
            raise InputError([*shortened(unknown), "Give partition: null to divide the pictures by content."])
        if empty:
            raise InputError(
                f"{path}: leaves the split {', '.join(empty)} empty: the pictures of {pictures[0].parent} are all of "
                "the others. Give partition: null to divide them by content."
            )
        return divided

    def _bring(self) -> None:
        from torchvision.datasets import CelebA as TorchvisionCelebA

        try:
            TorchvisionCelebA(self.root, split="all", download=True)
        except (OSError, RuntimeError, ImportError) as error:  # what torchvision, urllib and an absent gdown raise
            raise MissingFileError(f"CelebA could not be downloaded ({error}). {self._by_hand()}.") from None

    def _by_hand(self) -> str:
        return (
            f"From {CREDIT.url} bring img_align_celeba.zip, unpacked, and list_attr_celeba.txt to "
            f"{Path(self.root) / FOLDER}"
        )

    @property
    def credits(self) -> tuple[Credit, ...]:
        """Whom the suite credits, or those who collected the faces."""
        return super().credits or (CREDIT,)

    @classmethod
    def card(cls) -> DatasetCard:
        """Describe the dataset."""
        return DatasetCard(
            summary=cls.summary,
            domains=("two values of one attribute",),
            counts="202,599 faces, in the authors' splits; without their table 80 % train + 10 % val + 10 % test",
            classes={},
            credits=(CREDIT,),
        )


def read_partition(path: Path) -> dict[str, Split]:
    """Read the authors' list_eval_partition (``000001.jpg 0``), or the CSV of it: name without suffix → split.

    Raises:
        InputError: it can't be read, or lines say neither 0 (train), 1 (val) nor 2 (test): all are named.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not a readable table in UTF-8 ({error}).") from None
    rows = [(number, line.replace(",", " ").split()) for number, line in enumerate(lines, start=1) if line.strip()]
    if rows and rows[0][1][-1] == "partition":  # the heading of the CSV
        del rows[0]
    problems = [
        f"{path}:{number}: must name a picture and 0, 1 or 2. Got {' '.join(row)}."
        for number, row in rows
        if len(row) != 2 or row[1] not in PARTITION
    ]
    if problems:
        raise InputError(shortened(problems))
    return {Path(name).stem: PARTITION[number] for _, (name, number) in rows}
