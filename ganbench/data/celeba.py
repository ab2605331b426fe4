"""The ``celeba`` dataset: CelebA (Liu 2015) as torchvision lays it out, its domains by one of the forty attributes."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ganbench.data.attribute_table import AttributeTable
from ganbench.data.base import DATASETS, Credit, DatasetCard, Progress, TranslationData
from ganbench.data.picture_files import DATA_VARIABLE
from ganbench.errors import MissingFileError

FOLDER = "celeba"  # beneath the root that torchvision is given
CREDIT = Credit(
    "CelebA", "MMLAB, The Chinese University of Hong Kong (Liu, Luo, Wang, Tang 2015)",
    "non-commercial research only; pictures may not be published", "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
)  # fmt: skip


@DATASETS.register("celeba")
class CelebA(AttributeTable):
    """Aligned faces, male into female where nothing else is asked for; divided by content, like all folders.

    Beneath ``root`` lies what torchvision makes there: ``celeba/img_align_celeba`` and ``celeba/list_attr_celeba.txt``.
    """

    summary: ClassVar[str] = "CelebA: faces by one of their forty attributes; your files or downloaded."

    root: str = Field(
        ".", validate_default=True,
        description=f"folder that holds celeba/; a relative path is seen from ${DATA_VARIABLE}, else from here",
    )  # fmt: skip
    download: bool = Field(False, description="bring absent files by torchvision's code, which needs gdown")
    pictures: str = Field(f"{FOLDER}/img_align_celeba", description="folder of the pictures beneath root")
    table: str = Field(f"{FOLDER}/list_attr_celeba.txt", description="table of the attributes beneath root")
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
            counts="202,599 faces; 80 % train + 10 % val + 10 % test unless limited",
            classes={},
            credits=(CREDIT,),
        )
