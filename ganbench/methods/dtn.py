"""Domain Transfer Network: Taigman 2016, "Unsupervised cross-domain image generation"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch.nn.functional import cross_entropy, mse_loss

from ganbench.data.base import TranslationData
from ganbench.data.batches import batch_indices, to_float
from ganbench.losses.names import ReconstructionName
from ganbench.losses.smoothness import total_variation
from ganbench.methods.base import METHODS, Batch, Losses, Method, Report, Task, TrainingOptions
from ganbench.methods.image_networks import NetworkOptions, make_discriminator, run_all, run_frozen
from ganbench.methods.optimization import descend, frozen, learning_rate, make_optimizer, set_learning_rate
from ganbench.methods.reconstruction import Reconstruction, ReconstructionOptions
from ganbench.nets.feature_autoencoder import AttributeClassifier, FeatureDecoder, FeatureKind
from ganbench.nets.init import CLASSIFIER_INIT, build
from ganbench.nets.resnet_generator import Upsampling
from ganbench.optimizers import Adam

TRANSLATED_SOURCE, TRANSLATED_TARGET, REAL_TARGET = range(3)  # classes of D: G(x), G(y), y


class DtnOptions(NetworkOptions, TrainingOptions, ReconstructionOptions):
    """The defaults of the terms are the paper's for faces; for digits it takes alpha = beta = 15, gamma = 0."""

    n_blocks: int = Field(0, ge=0, le=32, description="residual blocks of g; the paper has none")
    upsampling: Upsampling = Field("deconv", description="how g gains resolution")
    reconstruction: ReconstructionName = Field("l2", description="loss between a target image and its translation")
    alpha: float = Field(100.0, ge=0, description="weight of CONST: f of the translation against f of the source")
    beta: float = Field(1.0, ge=0, description="weight of TID: a target image is translated to itself")
    gamma: float = Field(0.05, ge=0, description="weight of the total variation of translations")
    f_features: FeatureKind = Field(
        "vector",
        description="what f keeps: a vector of 128 as in the paper, or a map of a quarter of the resolution, from "
        "which g tends to copy the source",
    )
    f_width: int = Field(32, ge=1, le=1024, description="channels after the first stage of f")
    f_steps: int = Field(200, ge=1, description="training steps of f")
    f_batch_size: int = Field(32, ge=2, description="images in a batch of f")
    f_lr: float = Field(1e-3, gt=0, le=1, description="learning rate of Adam for f")

    def refusals(self, image_size: int, batch_size: int) -> Iterator[str]:
        """Yield what f, g and the discriminator have against ``image_size``."""
        if image_size % 8:
            yield f"image_size: dtn needs a multiple of 8. Got {image_size}: take {max(8, round(image_size / 8) * 8)}"
        yield from super().refusals(image_size, batch_size)


@METHODS.register("dtn")
class DomainTransferNetwork(Method):
    """G = g∘f with f frozen; a discriminator of three classes; f and target images must survive G."""

    Options: ClassVar[type[DtnOptions]] = DtnOptions
    summary = "a frozen classifier of source attributes, and a decoder that draws target images from its features"
    paper = "Taigman 2016, Unsupervised cross-domain image generation"
    needs_labels = True

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        classes = {name: len(names) for name, names in task.classes.items()}
        self.f = build(
            lambda: AttributeClassifier(classes, task.image_size, options.f_width, options.f_features),
            generator, device, CLASSIFIER_INIT,
        )  # fmt: skip
        self.f.requires_grad_(False).eval()
        self.g = build(
            lambda: FeatureDecoder(task.image_size, options.ngf, options.n_blocks, options.norm,
                                   options.upsampling, options.f_features, options.bias_before_norm),
            generator, device, options.initialization,
        )  # fmt: skip
        self.discriminator = make_discriminator(options, task, generator, device, outputs=3)
        self.reconstruction = Reconstruction(options.reconstruction, options, task, generator, device)
        self.generator_optimizer = make_optimizer(self.g.parameters(), options)
        self.discriminator_optimizer = make_optimizer(self.discriminator.parameters(), options)

    def prepare(self, data: TranslationData, seed: int, report: Report) -> None:
        """Train f to classify the attributes of source images, all at once, then freeze it."""
        images, labels = data.images(data.source, "train"), data.labels(data.source, "train")
        self.f.requires_grad_(True).train()
        optimizer = Adam(self.f.parameters(), lr=self.options.f_lr, fused=True)
        for step in range(self.options.f_steps):
            chosen = batch_indices(len(images), self.options.f_batch_size, step, seed, "classifier f")
            x = to_float(images[chosen]).to(self.device)
            truth = {name: values[chosen].to(self.device) for name, values in labels.items()}
            report("classifier f", step + 1, self.options.f_steps, self._classifier_step(optimizer, x, truth))
        self.f.requires_grad_(False).eval()

    def _classifier_step(
        self, optimizer: torch.optim.Optimizer, x: torch.Tensor, truth: Mapping[str, torch.Tensor]
    ) -> dict[str, float]:
        logits = self.f.logits(x)
        loss = torch.stack([cross_entropy(logits[name].float(), values) for name, values in truth.items()]).mean()
        right = torch.stack([(logits[name].argmax(1) == values).float().mean() for name, values in truth.items()])
        descend(loss, optimizer)
        return {"loss": loss.item(), "accuracy": right.mean().item()}

    def training_step(self, batch: Batch, step: int, generator: torch.Generator) -> Losses:
        """Update g, then the discriminator of three classes."""
        lr = learning_rate(self.options, step, self.task.steps)
        set_learning_rate(lr, self.generator_optimizer, self.discriminator_optimizer)
        norm = self.options.norm
        features_x, features_y = self.f(torch.cat([batch.x, batch.y])).chunk(2)
        fake_x, fake_y = run_all(self.g, [features_x, features_y], norm)
        with frozen(self.discriminator):
            losses = self._update_generator(batch.y, features_x, fake_x, fake_y)
        losses |= self._update_discriminator([fake_x.detach(), fake_y.detach(), batch.y])
        return losses | self.reconstruction.update(lr)

    def _update_generator(
        self, y: torch.Tensor, features_x: torch.Tensor, fake_x: torch.Tensor, fake_y: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        scores = run_all(self.discriminator, [fake_x, fake_y], self.options.norm_of_discriminator)
        losses = {
            "adversarial": torch.stack([_classified_as(REAL_TARGET, each) for each in scores]).sum(),
            "const": mse_loss(self.f(fake_x).float(), features_x.float()),
            "tid": self.reconstruction(fake_y, y, self.discriminator.features),
            "total_variation": total_variation(fake_x),
        }
        weights = (1.0, self.options.alpha, self.options.beta, self.options.gamma)
        total = torch.stack([weight * loss for weight, loss in zip(weights, losses.values(), strict=True)]).sum()
        descend(total, self.generator_optimizer)
        return {name: loss.detach() for name, loss in losses.items()} | {"generator": total.detach()}

    def _update_discriminator(self, shown: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        """``shown``: images of the three classes, in their order."""
        scores = run_all(self.discriminator, shown, self.options.norm_of_discriminator)
        loss = torch.stack([_classified_as(label, each) for label, each in enumerate(scores)]).sum()
        descend(loss, self.discriminator_optimizer)
        return {"discriminator": loss.detach()}

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Translate source images; deterministic."""
        return run_frozen(self.g, run_frozen(self.f, source.to(self.device)))


def _classified_as(label: int, scores: torch.Tensor) -> torch.Tensor:
    """Return −log D_label, the mean over batch and patches, for raw scores (N, 3, h, w)."""
    n, _, h, w = scores.shape
    return cross_entropy(scores.float(), torch.full((n, h, w), label, device=scores.device))
