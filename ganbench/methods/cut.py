"""CUT and FastCUT: Park 2020, "Contrastive learning for unpaired image-to-image translation".

Numbers that the paper leaves open are those of the authors' code, github.com/taesungp/contrastive-unpaired-translation
(models/cut_model.py, models/patchnce.py, options/base_options.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from pydantic import Field

from ganbench.errors import InputError
from ganbench.methods.adversary import Adversary
from ganbench.methods.alternating import Alternating, AlternatingOptions, Fakes
from ganbench.methods.base import METHODS, Batch, Scalars, Task
from ganbench.methods.image_networks import make_generator, run_all, run_frozen
from ganbench.methods.optimization import descend, frozen, make_optimizer, set_learning_rate, weighted_sum
from ganbench.nets.init import InitKind, build
from ganbench.nets.patch_sampler import PatchSampler, draw_places, encode, encoder_channels, patch_contrast
from ganbench.nets.resnet_generator import ResnetGenerator


class CutOptions(AlternatingOptions):
    """The defaults are the authors' for CUT."""

    init: InitKind | None = Field("xavier", description="how initial weights are drawn")
    init_gain: float | None = Field(0.02, gt=0, le=10, description="standard deviation of normal, factor of the others")
    pool_size: int = Field(0, ge=0, le=10_000, description="past fakes that are kept for the discriminator")
    lambda_nce: float = Field(1.0, gt=0, description="weight of PatchNCE")
    nce_identity: bool = Field(
        True, description="whether target images must keep their patches too; each of the two terms then weighs half"
    )
    flip_equivariance: bool = Field(
        False, description="whether half of the batches are mirrored before, and their features after, translation"
    )
    nce_patches: int = Field(
        256, ge=2, le=4096, description="patches of a layer that are told apart; layers with fewer give all"
    )
    nce_temperature: float = Field(0.07, gt=0, description="temperature of PatchNCE")
    nce_width: int = Field(256, ge=1, le=4096, description="features of a patch")

    def conflicts(self) -> Iterator[str]:
        """Yield a generator without an encoder to look into, and what the bases refuse."""
        if self.generator != "resnet":
            yield (
                "generator must be 'resnet': PatchNCE compares the layers of its encoder. "
                f"Got {self.generator!r} instead: leave it out"
            )
        yield from super().conflicts()


class FastCutOptions(CutOptions):
    """The defaults are the authors' for FastCUT: 150 epochs of constant rate, then 50 of falling."""

    lambda_nce: float = Field(10.0, gt=0, description="weight of PatchNCE")
    nce_identity: bool = Field(False, description="whether target images must keep their patches too")
    flip_equivariance: bool = Field(
        True, description="whether half of the batches are mirrored before, and their features after, translation"
    )
    decay_from: float = Field(
        0.75, ge=0, le=1, description="fraction of the run after which the learning rate falls linearly to 0; 1: never"
    )


@METHODS.register("cut")
class Cut(Alternating):
    """Each patch of the output must be told to belong to its place in the input, among other places of that image."""

    Options: ClassVar[type[CutOptions]] = CutOptions
    summary = "one translator; each patch of the output must resemble its place in the input more than any other place"
    paper = "Park 2020, Contrastive learning for unpaired image-to-image translation"

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        network = make_generator(options, task, generator, device)
        if not isinstance(network, ResnetGenerator):
            raise InputError(f"The generator parameter of cut must be 'resnet'. Got {options.generator!r} instead.")
        self.generator = network
        channels = encoder_channels(network)
        self.sampler = build(
            lambda: PatchSampler(channels, options.nce_width), generator, device, options.initialization
        )
        self.adversary = Adversary(options, task, generator, device, weight=0.5)
        self.optimizer = make_optimizer([*network.parameters(), *self.sampler.parameters()], options)

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate source images; deterministic."""
        return run_frozen(self.generator, source.to(self.device))

    def _fakes(self, batch: Batch, generator: torch.Generator) -> Fakes:
        return {"forward": self.generator(batch.x)}

    def _update_generators(
        self, batch: Batch, step: int, lr: float, generator: torch.Generator
    ) -> tuple[Scalars, Fakes]:
        flipped = self.options.flip_equivariance and bool(torch.rand((), generator=generator) < 0.5)
        with frozen(self.adversary.network):
            losses, fake = self._losses(batch, flipped, generator)
            total = weighted_sum(losses, dict.fromkeys(losses, self._nce_weight) | {"adversarial": 1.0})
            set_learning_rate(lr, self.optimizer)
            descend(total, self.optimizer)
        return {name: loss.detach() for name, loss in losses.items()} | {"generator": total.detach()}, {"forward": fake}

    @property
    def _nce_weight(self) -> float:
        weight: float = self.options.lambda_nce
        return weight / 2 if self.options.nce_identity else weight

    def _losses(self, batch: Batch, flipped: bool, generator: torch.Generator) -> tuple[Scalars, torch.Tensor]:
        """Return the terms and G(x); where ``flipped``, the generator is shown mirrored images."""
        kept = {"nce": batch.x} | ({"nce_identity": batch.y} if self.options.nce_identity else {})
        shown = [images.flip(3) if flipped else images for images in kept.values()]
        outputs = run_all(self.generator, shown, self.options.norm)
        losses = {"adversarial": self.adversary.generator_loss(outputs[0], batch.y)}
        for (name, images), output in zip(kept.items(), outputs, strict=True):
            losses[name] = self._contrast(images, output, flipped, generator)
        return losses, outputs[0]

    def _contrast(
        self, source: torch.Tensor, output: torch.Tensor, flipped: bool, generator: torch.Generator
    ) -> torch.Tensor:
        """Return PatchNCE, the mean over layers, of ``output`` (mirrored where ``flipped``) against ``source``."""
        with torch.no_grad():
            known = encode(self.generator, source)
        found = [values.flip(3) if flipped else values for values in encode(self.generator, output)]
        places = draw_places(known, self.options.nce_patches, generator)
        queries, keys = self.sampler(found, places), self.sampler(known, places)
        terms = [patch_contrast(*each, self.options.nce_temperature) for each in zip(queries, keys, strict=True)]
        return torch.stack(terms).mean()

    def _update_discriminators(self, batch: Batch, fakes: Fakes, lr: float, generator: torch.Generator) -> Scalars:
        return self.adversary.update(batch.y, fakes["forward"], generator, lr)


@METHODS.register("fastcut")
class FastCut(Cut):
    """CUT without the identity term, with a heavier PatchNCE and mirrored batches: one pass less."""

    Options: ClassVar[type[FastCutOptions]] = FastCutOptions
    summary = "cut without the identity term, with a heavier patch term that must survive mirroring"
    paper = "Park 2020, Contrastive learning for unpaired image-to-image translation, section 4.1"
