"""The ``cyclegan_sets`` dataset: the zips of CycleGAN's authors, from the user's disk or downloaded."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from ganbench.archives import check_archive
from ganbench.data.base import DATASETS, Credit, DatasetCard, Progress, Split, TranslationData
from ganbench.data.picture_files import DATA_VARIABLE
from ganbench.data.unpaired_folders import UnpairedFolders
from ganbench.download import DownloadError, download
from ganbench.errors import InputError, MissingFileError

URL = "http://efrosgans.eecs.berkeley.edu/cyclegan/datasets/{}.zip"
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Archive:
    """One zip: its size in bytes, its digest, and what its folders trainA and trainB show.

    Sizes and digests are those that TensorFlow Datasets records for the same files (its checksums of cycle_gan). Of
    facades and maps it is unverified which of the two is A.
    """

    size: int
    sha256: str
    domains: tuple[str, str]


ARCHIVES: Mapping[str, Archive] = {
    "apple2orange": Archive(
        78456409, "845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8", ("apple", "orange")
    ),
    "cezanne2photo": Archive(
        279885071, "3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff", ("cezanne", "photo")
    ),
    "facades": Archive(
        35135868, "9a31ebf3a31b9b5cd195dd5bf62e9308e00cb94604d1019e3889ac84248695c0", ("facade", "labels")
    ),
    "horse2zebra": Archive(
        116867962, "a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1", ("horse", "zebra")
    ),
    "iphone2dslr_flower": Archive(
        339964458, "8fcb5e374d631b107e1d961b8c4cd0a186aa2a4ff3e279923f4c426128de7113", ("iphone", "dslr")
    ),
    "maps": Archive(1476754427, "639534f69dbf9f36bef8d6292a7698006361221f83f0285d7c9ca78afe6e8a9e", ("aerial", "map")),
    "monet2photo": Archive(
        305231073, "88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04", ("monet", "photo")
    ),
    "summer2winter_yosemite": Archive(
        132640856, "167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9", ("summer", "winter")
    ),
    "ukiyoe2photo": Archive(
        292946532, "02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08", ("ukiyoe", "photo")
    ),
    "vangogh2photo": Archive(
        306590349, "362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff", ("vangogh", "photo")
    ),
}
"""Name of the set → its zip, as the authors list them (cityscapes, which they withdrew, left out)."""

SetName = Literal[
    "apple2orange", "cezanne2photo", "facades", "horse2zebra", "iphone2dslr_flower", "maps", "monet2photo",
    "summer2winter_yosemite", "ukiyoe2photo", "vangogh2photo",
]  # fmt: skip
CREDIT = Credit(
    "CycleGAN datasets", "Jun-Yan Zhu, Taesung Park, Phillip Isola, Alexei Efros (collected from Flickr, ImageNet, …)",
    "no licence stated: research", "https://junyanz.github.io/CycleGAN/", publish=False,
)  # fmt: skip


@DATASETS.register("cyclegan_sets")
class CycleganSets(UnpairedFolders):
    """One of CycleGAN's sets, in ``<root>/<set>/trainA`` and so on. A zip that lies in ``root`` is unpacked."""

    summary: ClassVar[str] = "CycleGAN's own sets (horse2zebra, facades, …), unpaired; your files or downloaded."

    set: SetName = Field(description="which set")
    root: str = Field(
        "cyclegan", validate_default=True,
        description=f"folder of the sets and zips; a relative path is seen from ${DATA_VARIABLE}, else from here",
    )  # fmt: skip
    download: bool = Field(False, description="bring the zip where neither it nor its folder is here")

    @model_validator(mode="before")
    @classmethod
    def _named_by_the_set(cls, values: Any) -> Any:
        """Name the domains after what they show, where the suite names none."""
        archive = ARCHIVES.get(str(values.get("set"))) if isinstance(values, dict) else None
        return {"source": archive.domains[0], "target": archive.domains[1], **values} if archive else values

    @property
    def place(self) -> Path:
        """The folder of the set."""
        return Path(self.root) / self.set

    @property
    def zip_file(self) -> Path:
        """The zip, where a download or the user puts it."""
        return Path(self.root) / f"{self.set}.zip"

    def folders(self, *patterns: str) -> list[dict[Split, Path]]:
        """Return the folders by split beneath that of the set."""
        return super().folders(*(f"{self.set}/{pattern}" for pattern in patterns))

    def missing(self) -> str | None:
        """Say which file to put where, unless it is here or would be downloaded."""
        if self.place.exists():
            return super().missing()
        return None if self.zip_file.exists() or self.download else f"{self._by_hand()}, or give download: true"

    def load(self, image_size: int, report: Progress | None = None) -> TranslationData:
        """Return the pictures, of a zip that is downloaded or unpacked first.

        Raises:
            MissingFileError: nothing is here and nothing could be downloaded; the text says what to put where.
            InputError: the zip is damaged, or what `UnpairedFolders` refuses.
        """
        if not self.place.exists() and (self.zip_file.exists() or self.download):
            self._bring(report)
            unpack(self.zip_file, self.place)
        return super().load(image_size, report)

    def _bring(self, report: Progress | None) -> None:
        if self.zip_file.exists():
            return
        try:
            download(URL.format(self.set), self.zip_file, ARCHIVES[self.set].sha256, report or _silent)
        except DownloadError as error:
            raise MissingFileError(f"{self.set} could not be downloaded ({error}). {self._by_hand()}") from None

    def _by_hand(self) -> str:
        archive = ARCHIVES[self.set]
        return (
            f"{self.place}: no such folder. Bring {URL.format(self.set)} ({archive.size // MEBIBYTE} MiB, sha256 "
            f"{archive.sha256}) to {self.zip_file}, or unpack it there"
        )

    @property
    def credits(self) -> tuple[Credit, ...]:
        """Whom the suite credits, or the authors of the sets."""
        return super().credits or (CREDIT,)

    @classmethod
    def card(cls) -> DatasetCard:
        """Describe the sets."""
        return DatasetCard(
            summary=cls.summary,
            domains=tuple(f"{name}: {' and '.join(archive.domains)}" for name, archive in ARCHIVES.items()),
            counts="as published; a tenth of train is val",
            classes={},
            credits=(CREDIT,),
        )


def unpack(archive: Path, place: Path) -> None:
    """Unpack a zip that holds one folder of the name of ``place``; that is there only when it is whole."""
    part = place.with_name(f"{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        check_archive(archive)
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(part)  # checks each file's CRC
    except zipfile.BadZipFile as error:
        shutil.rmtree(part, ignore_errors=True)
        raise InputError(f"{archive}: is no sound zip ({error}). Remove it and bring it anew.") from None
    if not (part / place.name).is_dir():
        raise InputError(f"{archive}: must hold a folder {place.name}. Bring the authors' file.")
    os.replace(part / place.name, place)  # noqa: PTH105
    shutil.rmtree(part)


def _silent(done: int, total: int) -> None:
    """Tell nobody how far a download is."""
