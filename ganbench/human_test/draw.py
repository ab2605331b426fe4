"""Which pictures a page shows, and which of them are real: a function of the stored pictures and one seed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ganbench.errors import InputError
from ganbench.report.publish import read_outputs
from ganbench.results.people import Protocol, Sitting
from ganbench.results.record import Record
from ganbench.results.store import ResultSet
from ganbench.seeding import numpy_generator

Images = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Page:
    """What one page shows of one trial.

    Attributes:
        draw: seed of the draw.
        pictures: uint8 (screens, 2 × each, 3, H, W).
        real: bool (screens, 2 × each), the key.
    """

    record: Record
    protocol: Protocol
    draw: int
    pictures: Images
    real: npt.NDArray[np.bool_]

    @property
    def digest(self) -> str:
        """Return the sha256 of pictures, key, protocol and trial, in hex."""
        text = json.dumps([vars(self.protocol), self.identity, self.pictures.shape, self.real.tolist()])
        return hashlib.sha256(text.encode() + self.pictures.tobytes()).hexdigest()

    @property
    def identity(self) -> dict[str, str | int]:
        """Return what answers say of the page they belong to, in the order of `Sitting`'s fields."""
        record = self.record
        return {
            "suite": record.suite,
            "profile": record.profile,
            "data_fingerprint": record.data_fingerprint,
            "label": record.label,
            "training_hash": record.training_hash,
            "protocol": self.protocol.name,
            "draw": self.draw,
        }


def draw_page(results: ResultSet, directory: Path, protocol: Protocol, draw: int) -> Page:
    """Draw the page of the trial in ``directory``, against the real test images that the row of real images holds.

    The draw depends on the content of all pictures, so that a rater can't redo it from what a page tells.
    Raises `InputError` where there are too few pictures, or none stored.
    """
    record = results.records[directory]
    outputs, reals = read_outputs(directory), read_outputs(_reference(results, record))
    _check(directory, protocol, outputs, reals)
    generator = numpy_generator(draw, "human test", protocol.name, _sha256(outputs), _sha256(reals))
    shape = (protocol.screens, protocol.each)
    fake, true = _indices(len(outputs), len(reals), protocol.screens * protocol.each, generator)
    pictures = np.concatenate([reals[true.reshape(shape)], outputs[fake.reshape(shape)]], axis=1)
    order = generator.permuted(np.tile(np.arange(2 * protocol.each), (protocol.screens, 1)), axis=1)
    shuffled = np.take_along_axis(pictures, order[:, :, None, None, None], axis=1)
    return Page(record, protocol, draw, shuffled, order < protocol.each)


def count_fooled(page: Page, sitting: Sitting, screens: set[int]) -> int:
    """Return how many generated pictures the rater took for real on the given screens."""
    chosen = [(answer.screen, picture) for answer in sitting.answers for picture in answer.chosen]
    return sum(not page.real[screen, picture] for screen, picture in chosen if screen in screens)


def _reference(results: ResultSet, record: Record) -> Path:
    for path, candidate in results.shown.items():
        if candidate.reference and candidate.status == "ok" and candidate.data_fingerprint == record.data_fingerprint:
            return path
    raise InputError(
        f"{results.directory}: the row of real images, which holds the real pictures of the test, is not finished. "
        f"Run the suite: ganbench run SUITE --profile {results.profile}."
    )


def _check(directory: Path, protocol: Protocol, outputs: Images, reals: Images) -> None:
    needed, fewest = protocol.screens * protocol.each, min(len(outputs), len(reals))
    if fewest < needed:
        raise InputError(
            f"{directory}: the protocol {protocol.name} needs at least {needed} different pictures of each kind. "
            f"Got {fewest}: run the suite with more test images, or choose another --protocol."
        )
    if outputs.shape[1:] != reals.shape[1:]:
        raise InputError(
            f"{directory}: real and generated pictures must be of one size. Got {reals.shape[-2:]} and "
            f"{outputs.shape[-2:]}: run the suite again with --force."
        )


def _indices(n_outputs: int, n_reals: int, count: int, generator: np.random.Generator) -> tuple[Indices, Indices]:
    """Draw outputs and real images without repetition; what was made of an input never meets its own real picture.

    Isola et al. 2017 did so for maps: side by side with the very picture that it should be, a fake is too easily told.
    """
    order = generator.permutation(n_outputs)
    if n_outputs != n_reals:
        return order[:count], generator.permutation(n_reals)[:count]
    apart = count if n_outputs >= 2 * count else max(1, n_outputs // 2)
    return order[:count], np.roll(order, -apart)[:count]


def _sha256(images: Images) -> str:
    return hashlib.sha256(images.tobytes()).hexdigest()
