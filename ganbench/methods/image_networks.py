"""Options that methods with image-to-image networks share, and the networks they describe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import nn

from ganbench.errors import InputError
from ganbench.losses.adversarial import Judgement
from ganbench.methods.base import MethodOptions, Task
from ganbench.nets.init import Init, InitKind, build
from ganbench.nets.normalization import Norm
from ganbench.nets.patch_discriminator import PatchDiscriminator, PatchSize, largest_patch, score_size
from ganbench.nets.resnet_generator import ResnetGenerator, Upsampling, published_blocks

GeneratorName = Literal["resnet", "unet", "encoder_decoder"]


class NetworkOptions(MethodOptions):
    """Widths, normalisation and initialisation of all networks, and the patch of the discriminator."""

    ngf: int = Field(64, ge=1, le=1024, description="channels after the generator's first convolution")
    norm: Norm = Field("instance", description="normalisation in all networks")
    bias_before_norm: bool | None = Field(
        None, description="convolution bias before a normalisation; none given: only where it is not batch"
    )
    init: InitKind = Field("normal", description="how initial weights are drawn")
    init_gain: float = Field(0.02, gt=0, le=10, description="standard deviation of normal, gain of the others")
    ndf: int = Field(64, ge=1, le=1024, description="channels after the discriminator's first convolution")
    patch_size: PatchSize | None = Field(
        None, description="pixels that one score judges; none given: 70, or the largest with 4×4 scores (34 at 32 px)"
    )
    discriminator_norm: Norm | None = Field(
        None, description="normalisation in the discriminator; none given: the same as norm"
    )

    @property
    def norm_of_discriminator(self) -> Norm:
        """Normalisation in the discriminator."""
        return self.discriminator_norm or self.norm

    @property
    def initialization(self) -> Init:
        """How initial weights are drawn."""
        return Init(self.init, self.init_gain)


class TranslatorOptions(NetworkOptions):
    """Options of methods with an image-to-image generator."""

    generator: GeneratorName = Field("resnet", description="architecture of the generator")
    n_blocks: int | None = Field(
        None, ge=1, le=32, description="residual blocks of resnet; none given: 6 up to 128 px, 9 above"
    )
    depth: int | None = Field(
        None, ge=2, le=10, description="halvings of unet and encoder_decoder; none given: down to 1 px, at most 8"
    )
    upsampling: Upsampling = Field("deconv", description="how resnet regains the resolution")


def make_generator(
    options: TranslatorOptions, task: Task, generator: torch.Generator, device: torch.device
) -> nn.Module:
    """Build the image-to-image generator; raise `InputError` where the images do not suit it."""
    if task.image_size % 4 or task.image_size < 8:
        raise InputError(
            f"The image_size parameter of the residual generator must be a multiple of 4, at least 8. "
            f"Got {task.image_size} instead."
        )
    n_blocks = options.n_blocks or published_blocks(task.image_size)
    return build(
        lambda: ResnetGenerator(options.ngf, n_blocks, options.norm, options.upsampling),
        generator, device, options.initialization,
    )  # fmt: skip


def make_discriminator(
    options: NetworkOptions,
    task: Task,
    generator: torch.Generator,
    device: torch.device,
    outputs: int = 1,
    channels: int = 3,
) -> PatchDiscriminator:
    """Build the patch discriminator; raise `InputError` where the patch is too large for the images."""
    patch = options.patch_size or largest_patch(task.image_size)
    if score_size(patch, task.image_size) < 1:
        raise InputError(
            f"The patch_size parameter of the discriminator must suit images of {task.image_size} px. "
            f"Got {patch} instead: leave it out, or give at most {largest_patch(task.image_size)}."
        )
    return build(
        lambda: PatchDiscriminator(options.ndf, patch, options.norm_of_discriminator, channels, outputs),
        generator, device, options.initialization,
    )  # fmt: skip


def make_judge(
    options: NetworkOptions,
    task: Task,
    generator: torch.Generator,
    device: torch.device,
    judgement: Judgement,
    channels: int = 3,
) -> nn.Module:
    """Build the discriminator that an adversarial loss needs: images (N, channels, H, W) → its kind of judgement."""
    if judgement == "scores":
        return make_discriminator(options, task, generator, device, channels=channels)
    raise NotImplementedError(judgement)


def run_all(net: nn.Module, inputs: Sequence[torch.Tensor], norm: Norm) -> list[torch.Tensor]:
    """Pass several batches of one size through ``net``, in one pass where that changes nothing.

    One pass is faster by a tenth. With batch normalisation it would mix the statistics of different kinds of images,
    so each batch has a pass of its own.
    """
    if len(inputs) == 1 or norm == "batch":
        return [net(images) for images in inputs]
    return list(net(torch.cat(list(inputs))).chunk(len(inputs)))


@torch.no_grad()
def run_frozen(net: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Pass images through ``net`` in evaluation mode, without gradients; return float32."""
    was_training = net.training
    net.eval()
    try:
        output: torch.Tensor = net(images)
    finally:
        net.train(was_training)
    return output.float()
