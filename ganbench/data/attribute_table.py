"""The ``attribute_table`` dataset: a folder of pictures, and a table of attributes such as CelebA's list_attr."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import torch
from pydantic import Field, field_validator, model_validator

from ganbench.data.attribute_file import Table, read_table
from ganbench.data.base import DATASETS, SPLITS, Domain, Progress, Split, TranslationData
from ganbench.data.folder_dataset import FolderDataset, needed_folders
from ganbench.data.picture_files import Division, Sample, divide, list_pictures, samples
from ganbench.data.prepared import Geometry, shortened
from ganbench.errors import InputError
from ganbench.registry import did_you_mean

MOST_CLASSES = 100  # of a label; more are a number, not a class
BINARY = ({"-1", "1"}, {"0", "1"})

Labels = Mapping[Split, Mapping[str, torch.Tensor]]


@DATASETS.register("attribute_table")
class AttributeTable(FolderDataset):
    """One attribute divides the pictures into domains, others label them for the judge."""

    summary: ClassVar[str] = "Your pictures and a CSV of attributes (or CelebA's list_attr): domains by one of them."

    pictures: str = Field("images", description="folder of the pictures beneath root; {split}: each split has its own")
    table: str = Field(
        "list_attr_celeba.csv", description="CSV beneath root, first column the file names; or CelebA's own text file"
    )
    attribute: str = Field(description="column whose values are the domains")
    domains_by_value: dict[str, int | str] = Field(
        default_factory=dict,
        description="domain → its value of the attribute; none given: male and not_male for Male = 1 and −1 (or 0), "
        "else the values themselves",
    )
    source: str = Field(description="domain that is translated")
    target: str = Field(description="domain to translate to")
    others: list[str] = Field(default_factory=list, description="further domains, for methods of several")
    labels: list[str] = Field(default_factory=list, description="columns that are labels, which a judge learns")

    @field_validator("labels")
    @classmethod
    def _once(cls, labels: list[str]) -> list[str]:
        twice = sorted({name for name in labels if labels.count(name) > 1})
        if twice:
            raise ValueError(f"must be distinct. Got {', '.join(twice)} more than once")
        return labels

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [self.source, self.target, *self.others]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"source, target and others must be distinct. Got {', '.join(twice)} more than once")
        if self.attribute in self.labels:
            raise ValueError(f"labels must be others than attribute, whose change is the task. Got {self.attribute!r}")
        return self

    @property
    def _table_path(self) -> Path:
        return Path(self.root) / self.table

    def needed(self) -> Iterable[Path]:
        """Return the folders and the table."""
        return [*needed_folders(self.folders(self.pictures)), self._table_path]

    def make(self, geometry: Geometry, report: Progress | None) -> TranslationData:
        """Return the domains with their labels."""
        table = read_table(self._table_path, {self.attribute, *self.labels})
        self._check_columns(table)
        files = self.assigned(list_pictures(self.folders(self.pictures)[0]))
        _check_rows(table, [path for paths in files.values() for path in paths])
        classes = {name: _class_names(table, name) for name in self.labels}
        divisions = self._divisions(table, files)
        domains = self.domains(divisions, geometry, report)
        return TranslationData(
            domains={
                name: Domain(domain.images, _labels(table, divisions[name], self.labels))
                for name, domain in domains.items()
            },
            source=self.source,
            target=self.target,
            classes=classes,
            credits=self.credits,
        )

    def assigned(self, files: dict[Split, list[Path]]) -> dict[Split, list[Path]]:
        """Return the files by the splits that something beside their folders assigns them to: here nothing does."""
        return files

    def _check_columns(self, table: Table) -> None:
        problems = [
            f"{table.path}: has no attribute {name!r}. {did_you_mean(name, table.columns)}"
            f"Its attributes: {', '.join(table.columns)}."
            for name in (self.attribute, *self.labels)
            if name not in table.columns
        ]
        if problems:
            raise InputError(problems)

    def _divisions(self, table: Table, files: Mapping[Split, Sequence[Path]]) -> dict[str, Division]:
        """Divide the pictures of each domain that is asked for; raise with the problems of all."""
        values = {name: str(value) for name, value in self.domains_by_value.items()} or self._derived(table)
        divisions: dict[str, Division] = {}
        problems: list[str] = []
        for name in (self.source, self.target, *self.others):
            try:
                divisions[name] = self._division(table, files, name, values)
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)
        return divisions

    def _division(
        self, table: Table, files: Mapping[Split, Sequence[Path]], name: str, values: Mapping[str, str]
    ) -> Division:
        if name not in values:
            raise InputError(
                f"{table.path}: the attribute {self.attribute!r} gives no domain {name!r}. "
                f"{did_you_mean(name, values)}Its domains: {', '.join(values)}."
            )
        own = {
            split: [(path,) for path in paths if table.value(path, self.attribute) == values[name]]
            for split, paths in files.items()
        }
        return divide(samples(own), self.shares, f"domain {name} ({self.attribute} = {values[name]})")

    def _derived(self, table: Table) -> dict[str, str]:
        """Return domain → value where the suite names no domains: male and not_male, or the values themselves."""
        values = table.values(self.attribute)
        if set(values) in BINARY:
            (negative,) = set(values) - {"1"}
            return {self.attribute.lower(): "1", f"not_{self.attribute.lower()}": negative}
        return {value: value for value in values}


def _check_rows(table: Table, paths: Sequence[Path]) -> None:
    """Refuse pictures that the table does not know; rows without pictures are no problem."""
    problems = [f"{path}: has no row in {table.path}." for path in paths if path.stem not in table.rows]
    if problems:
        raise InputError([*shortened(problems), "Add the rows, or remove the pictures."])


def _class_names(table: Table, column: str) -> tuple[str, ...]:
    """Return the names of a label's classes: no and yes, or the values themselves."""
    values = table.values(column)
    if set(values) in BINARY:
        return "no", "yes"
    if not 2 <= len(values) <= MOST_CLASSES:
        raise InputError(
            f"{table.path}: a label must have 2 to {MOST_CLASSES} values. Got {len(values)} in {column!r}. "
            "Leave it out of labels."
        )
    return values


def _labels(table: Table, division: Division, columns: Sequence[str]) -> Labels:
    return {
        split: {column: _indices(table, division[split], column) for column in columns} if columns else {}
        for split in SPLITS
    }


def _indices(table: Table, chosen: Sequence[Sample], column: str) -> torch.Tensor:
    values = table.values(column)  # sorted, so that −1 or 0 ("no") come before 1 ("yes")
    index = {value: k for k, value in enumerate(values)}
    return torch.tensor([index[table.value(sample.files[0], column)] for sample in chosen], dtype=torch.int64)
