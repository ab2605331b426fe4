"""Neural style transfer: no generator, no adversary; each output is optimised by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, field_validator
from torch.nn.functional import mse_loss

from ganbench.data.base import TranslationData
from ganbench.data.batches import to_float
from ganbench.losses.reconstruction import gram_matrices, style_distance
from ganbench.losses.smoothness import total_variation
from ganbench.methods.base import METHODS, Method, MethodOptions, Report, Task
from ganbench.nets.frozen_features import N_LAYERS, frozen_classifier, frozen_features
from ganbench.optimizers import Adam

PREPARE_BATCH = 50  # images whose Gram matrices are computed at once
Layer = Annotated[int, Field(ge=1, le=N_LAYERS)]


class NeuralStyleOptions(MethodOptions):
    """What the optimisation weighs; the weights were chosen by eye on faces of 32 px.

    Layers 1 to 4 of the frozen EfficientNet-Lite0 lie at 1/2, 1/4, 1/8 and 1/16 of the images' size.
    """

    start: Literal["source", "noise"] = Field(
        "source", description="pixels to begin with; uniform noise takes 500 iterations or more"
    )
    iterations: int = Field(100, ge=1, le=10_000, description="Adam steps on the pixels of each output")
    pixel_lr: float = Field(0.05, gt=0, le=1, description="Adam's learning rate on pixels in [-1, 1]")
    content_weight: float = Field(1.0, ge=0, description="weight of the squared distance to the source's features")
    style_weight: float = Field(100.0, ge=0, description="weight of the distance to the target's Gram matrices")
    smoothness: float = Field(3.0, ge=0, description="weight of the total variation, against high-frequency noise")
    content_layers: list[Layer] = Field(default_factory=lambda: [3], description="layers that keep the content")
    style_layers: list[Layer] = Field(default_factory=lambda: [1, 2, 3, 4], description="layers that carry the style")

    @field_validator("content_layers", "style_layers")
    @classmethod
    def _refuse_none_and_repeated(cls, layers: list[int]) -> list[int]:
        if not layers or len(set(layers)) < len(layers):
            raise ValueError(f"must name layers from 1 to {N_LAYERS}, each once. Got {layers!r}; set a weight to 0 "
                             "to do without a term")  # fmt: skip
        return layers


@METHODS.register("neural_style")
class NeuralStyle(Method):
    """Pixels that start as the source (or noise) and descend to the source's features and the target's Gram matrices.

    Gatys 2016. Its style is one picture; here it is a domain, whose Gram matrices are the means over all target
    training images: the distance to them equals the quadratic-kernel MMD to the features of the whole set. The loss
    of an image depends on no other image, and Adam moves each pixel by itself, so the batch does not matter.

    Attributes:
        grams: layer → mean Gram matrix (1, C, C) of the target; empty until `prepare`.
    """

    Options: ClassVar[type[NeuralStyleOptions]] = NeuralStyleOptions
    summary = "optimises each output's pixels: features of the source, Gram matrices of the target; no adversary"
    paper = "Gatys 2016, Image style transfer using convolutional neural networks"
    trained = False

    def __init__(self, options: Any, task: Task, generator: torch.Generator, device: torch.device) -> None:
        super().__init__(options, task, generator, device)
        self.depth = max(options.content_layers + options.style_layers)
        self.grams: dict[str, torch.Tensor] = {}
        frozen_classifier(device)  # missing weights are told at once

    @classmethod
    def is_stochastic(cls, options: Any) -> bool:
        """Say whether the outputs start from noise."""
        started: str = options.start
        return started == "noise"

    @torch.no_grad()
    def prepare(self, data: TranslationData, seed: int, report: Report) -> None:
        """Compute the mean Gram matrices of the target's training images."""
        images = data.images(data.target, "train")
        sums: dict[str, torch.Tensor] = {}
        for start in range(0, len(images), PREPARE_BATCH):
            batch = to_float(images[start : start + PREPARE_BATCH]).to(self.device)
            for layer, grams in zip(self.options.style_layers, self._styles(self._maps(batch)), strict=True):
                sums[str(layer)] = sums.get(str(layer), 0) + grams.sum(0, keepdim=True)
            report("style of the target", min(start + PREPARE_BATCH, len(images)), len(images), {})
        self.grams = {layer: total / len(images) for layer, total in sums.items()}

    def translate(self, source: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Optimise the pixels of each output; ``generator`` draws the noise, where it starts from noise."""
        with torch.inference_mode(False), torch.enable_grad():
            source = source.detach().to(self.device, torch.float32, copy=True)
            content = self._contents(self._maps(source))
            start = source.clone()
            if self.options.start == "noise":
                start = torch.rand(source.shape, generator=generator).to(self.device) * 2 - 1
            output = start.requires_grad_()
            optimizer = Adam([output], lr=self.options.pixel_lr)
            for _ in range(self.options.iterations):
                (output.grad,) = torch.autograd.grad(self._loss(output, content), output)
                optimizer.step()
                with torch.no_grad():
                    output.clamp_(-1, 1)
            return output.detach()

    def _loss(self, output: torch.Tensor, content: list[torch.Tensor]) -> torch.Tensor:
        """Return the weighted terms, summed over the images."""
        maps = self._maps(output)
        pairs = zip(self._contents(maps), content, strict=True)
        kept = torch.stack([mse_loss(*pair) for pair in pairs]).mean()
        style = style_distance(self._styles(maps), list(self.grams.values())).mean()
        options = self.options
        terms = options.content_weight * kept + options.style_weight * style
        total: torch.Tensor = len(output) * (terms + options.smoothness * total_variation(output))
        return total

    def _maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        with torch.autocast(self.device.type, enabled=False):
            return frozen_features(images, self.depth)

    def _contents(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        return [maps[layer - 1] for layer in self.options.content_layers]

    def _styles(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        return [gram_matrices(maps[layer - 1]) for layer in self.options.style_layers]

    def state_dict(self) -> dict[str, Any]:
        """Return the Gram matrices of the target."""
        return {"grams": dict(self.grams)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the Gram matrices."""
        self.grams = {layer: grams.to(self.device) for layer, grams in state["grams"].items()}
