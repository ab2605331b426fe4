"""Options that methods with image-to-image networks share, and the networks they describe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import nn

from ganbench.errors import InputError
from ganbench.losses.adversarial import Judgement
from ganbench.methods.base import MethodOptions, Task
from ganbench.nets.autoencoder_discriminator import AutoencoderDiscriminator, halvings
from ganbench.nets.dcgan import EMBEDDING, DcganDiscriminator, EmbeddingDiscriminator, suits_dcgan
from ganbench.nets.discriminator import ConvDiscriminator
from ganbench.nets.init import Init, InitKind, build
from ganbench.nets.normalization import Norm
from ganbench.nets.patch_discriminator import PatchDiscriminator, PatchSize, largest_patch, resolve_patch, score_size
from ganbench.nets.resnet_generator import ResnetGenerator, Upsampling, published_blocks
from ganbench.nets.unet import Unet, full_depth, possible_depth

GeneratorName = Literal["resnet", "unet", "encoder_decoder"]
DiscriminatorName = Literal["patch", "dcgan"]


class NetworkOptions(MethodOptions):
    """Widths, normalisation and initialisation of all networks, and the patch of the discriminator."""

    ngf: int = Field(64, ge=1, le=1024, description="channels after the generator's first convolution")
    norm: Norm = Field("instance", description="normalisation in all networks")
    bias_before_norm: bool | None = Field(
        None, description="convolution bias before a normalisation; none given: only where it is not batch"
    )
    init: InitKind | None = Field(
        None, description="how initial weights are drawn; none given: normal, but xavier in autoencoders"
    )
    init_gain: float | None = Field(
        None, gt=0, le=10, description="standard deviation of normal, factor of the others; none given: 0.02 and 1"
    )
    ndf: int = Field(64, ge=1, le=1024, description="channels after the discriminator's first convolution")
    discriminator: DiscriminatorName = Field(
        "patch", description="what gives the scores: patches, or dcgan's one score of the whole image"
    )
    patch_size: PatchSize | None = Field(
        None, description="pixels that one score judges; none given: 70, or the largest with 4×4 scores (34 at 32 px)"
    )
    discriminator_norm: Norm | None = Field(
        None, description="normalisation in the discriminator; none given: the same as norm, but none in autoencoders"
    )

    @property
    def norm_of_discriminator(self) -> Norm:
        """Normalisation in the discriminator."""
        if self.judgement == "energy":
            return self.discriminator_norm or "none"
        return self.discriminator_norm or self.norm

    @property
    def initialization(self) -> Init:
        """How initial weights are drawn."""
        return Init(self.init or "normal", self.init_gain)

    @property
    def judgement(self) -> Judgement:
        """What the discriminator makes of images."""
        return "scores"

    @property
    def discriminators(self) -> set[Judgement]:
        """What the discriminators that are built make of images; empty where there are none."""
        return {self.judgement}

    def refusals(self, image_size: int, batch_size: int) -> Iterator[str]:
        """Yield what the discriminators, and then the bases, have against ``image_size``."""
        for judgement in sorted(self.discriminators):
            yield from _judge_refusals(self, judgement, image_size)
        yield from super().refusals(image_size, batch_size)

    def ignored(self) -> Iterator[tuple[str, str]]:
        """Yield what the discriminators do not look at, and then what the bases have."""
        yield from _ignored_by_judges(self)
        yield from super().ignored()


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

    def refusals(self, image_size: int, batch_size: int) -> Iterator[str]:
        """Yield what the generator, and then the discriminator, have against ``image_size``."""
        yield from _generator_refusals(self, image_size)
        yield from super().refusals(image_size, batch_size)

    def ignored(self) -> Iterator[tuple[str, str]]:
        """Yield what belongs to another generator, and then what the bases have."""
        others = ("depth",) if self.generator == "resnet" else ("n_blocks", "upsampling")
        yield from dict.fromkeys(others, f"the generator {self.generator!r} has no such thing").items()
        yield from super().ignored()


def _generator_refusals(options: TranslatorOptions, image_size: int) -> Iterator[str]:
    if options.generator == "resnet":
        if image_size % 4 or image_size < 8:
            nearest = max(8, round(image_size / 4) * 4)
            yield (
                f"image_size: the resnet generator needs a multiple of 4, at least 8. Got {image_size}: take {nearest}"
            )
        return
    depth, possible = options.depth or full_depth(image_size), possible_depth(image_size)
    if depth > possible and possible >= 2:
        yield (
            f"depth: the {options.generator} generator can halve {image_size} px {possible} times. "
            f"Got {depth}: leave it out, or give at most {possible}"
        )
    elif possible < 2:
        nearest = max(8, 1 << image_size.bit_length() - 1)
        yield (
            f"image_size: the {options.generator} generator needs a multiple of 2^depth, best a power of two. "
            f"Got {image_size}: take {nearest}"
        )


def _judge_refusals(options: NetworkOptions, judgement: Judgement, image_size: int) -> Iterator[str]:
    whole = options.discriminator == "dcgan" or judgement == "embedding"
    if judgement == "energy" and image_size % (1 << halvings(image_size)):
        step = 1 << halvings(image_size)
        yield (
            f"image_size: the autoencoder discriminator needs a multiple of {step} to halve down to 8 px. "
            f"Got {image_size}: take {max(step, round(image_size / step) * step)}"
        )
    elif judgement in ("scores", "embedding") and whole and not suits_dcgan(image_size):
        yield (
            f"image_size: the dcgan discriminator needs a power of two, at least 8. "
            f"Got {image_size}: take {max(8, 1 << image_size.bit_length() - 1)}"
        )
    elif judgement == "scores" and not whole:
        patch = resolve_patch(options.patch_size, image_size)
        if score_size(patch, image_size) < 1:
            yield (
                f"patch_size: a discriminator of patches of {patch} px has no score left at {image_size} px. "
                f"Got {options.patch_size!r}: leave it out, or give at most {largest_patch(image_size)}"
            )


def _ignored_by_judges(options: NetworkOptions) -> Iterator[tuple[str, str]]:
    kinds = options.discriminators - {"pixels"}
    if not kinds:
        keys = ("ndf", "discriminator", "patch_size", "discriminator_norm")
        yield from dict.fromkeys(keys, "there is no discriminator").items()
    elif "scores" not in kinds:
        why = (
            f"the discriminator {'is an autoencoder' if 'energy' in kinds else 'makes an embedding'} of the whole image"
        )
        yield from dict.fromkeys(("discriminator", "patch_size"), why).items()
    elif options.discriminator == "dcgan":
        yield "patch_size", "discriminator 'dcgan' judges the whole image"


def _demand(refusals: Iterable[str]) -> None:
    """Raise `InputError` with all of ``refusals``, if there are any."""
    if problems := list(refusals):
        raise InputError(problems)


def make_generator(
    options: TranslatorOptions,
    task: Task,
    generator: torch.Generator,
    device: torch.device,
    dropout: bool = False,
    in_channels: int = 3,
) -> nn.Module:
    """Build the image-to-image generator (N, in_channels, H, W) → (N, 3, H, W) in [−1, 1].

    Args:
        options: architecture, widths, normalisation, initialisation.
        task: the image size.
        generator: CPU generator of the initial weights.
        device: where the network is to live.
        dropout: whether it drops out, as in pix2pix; see `run_frozen` for dropout as noise when translating.
        in_channels: more than 3 where noise or a code is laid beside the image.

    Raises:
        InputError: where the images do not suit it.
    """
    _demand(_generator_refusals(options, task.image_size))

    def make() -> nn.Module:
        norm, bias = options.norm, options.bias_before_norm
        if options.generator == "resnet":
            n_blocks = options.n_blocks or published_blocks(task.image_size)
            return ResnetGenerator(options.ngf, n_blocks, norm, options.upsampling, in_channels, bias, dropout)
        depth = options.depth or full_depth(task.image_size)
        return Unet(options.ngf, depth, norm, options.generator == "unet", dropout, in_channels, bias)

    return build(make, generator, device, options.initialization)


def make_discriminator(
    options: NetworkOptions,
    task: Task,
    generator: torch.Generator,
    device: torch.device,
    outputs: int = 1,
    channels: int = 3,
) -> ConvDiscriminator:
    """Build the discriminator (N, channels, H, W) → raw scores (N, outputs, h, w); `InputError` as `make_generator`."""
    _demand(_judge_refusals(options, "scores", task.image_size))

    def make() -> ConvDiscriminator:
        norm, bias = options.norm_of_discriminator, options.bias_before_norm
        if options.discriminator == "dcgan":
            return DcganDiscriminator(task.image_size, options.ndf, norm, channels, outputs, bias)
        patch = resolve_patch(options.patch_size, task.image_size)
        return PatchDiscriminator(options.ndf, patch, norm, channels, outputs, bias)

    return build(make, generator, device, options.initialization)


def make_judge(
    options: NetworkOptions,
    task: Task,
    generator: torch.Generator,
    device: torch.device,
    judgement: Judgement,
    channels: int = 3,
) -> nn.Module:
    """Build the discriminator that an adversarial loss needs: images (N, channels, H, W) → its kind of judgement.

    Raises:
        InputError: where the images do not suit it.
    """
    _demand(_judge_refusals(options, judgement, task.image_size))
    size, ndf, bias = task.image_size, options.ndf, options.bias_before_norm
    if judgement == "pixels":
        return nn.Flatten()
    if judgement == "embedding":
        norm = options.norm_of_discriminator
        return build(
            lambda: EmbeddingDiscriminator(size, ndf, norm, channels, EMBEDDING, bias),
            generator, device, options.initialization,
        )  # fmt: skip
    if judgement == "energy":
        # deep and without normalisation, weights of deviation 0.02 let hardly any signal through: in 400 steps on
        # coloured squares of 32 px the energy stayed at 0.130, with xavier it fell to 0.104
        init = Init(options.init or "xavier", options.init_gain)
        norm = options.discriminator_norm or "none"
        return build(lambda: AutoencoderDiscriminator(size, ndf, norm, channels, bias=bias), generator, device, init)
    return make_discriminator(options, task, generator, device, channels=channels)


def run_all(net: nn.Module, inputs: Sequence[torch.Tensor], norm: Norm) -> list[torch.Tensor]:
    """Pass several batches of one size through ``net``, in one pass where that changes nothing.

    One pass is faster by a tenth. With batch normalisation it would mix the statistics of different kinds of images,
    so each batch has a pass of its own.
    """
    if len(inputs) == 1 or norm == "batch":
        return [net(images) for images in inputs]
    return list(net(torch.cat(list(inputs))).chunk(len(inputs)))


@torch.no_grad()
def run_frozen(net: nn.Module, images: torch.Tensor, noise: torch.Generator | None = None) -> torch.Tensor:
    """Pass images through ``net`` in evaluation mode, without gradients; return float32.

    ``noise``: a CPU generator that dropout layers draw from, where they are to be active; the global generators are
    left as they were.
    """
    was_training = net.training
    net.eval()
    try:
        # forward, not the call: a compiled network would be compiled once more, for evaluation
        output: torch.Tensor = net.forward(images) if noise is None else _with_dropout(net, images, noise)
    finally:
        net.train(was_training)
    return output.float()


def _with_dropout(net: nn.Module, images: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
    seed = int(torch.randint(2**62, (), generator=noise))
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.train()
    with torch.random.fork_rng([images.device] if images.is_cuda else []):  # dropout knows the global generator alone
        torch.manual_seed(seed)
        output: torch.Tensor = net.forward(images)
    return output
