"""A ring of 8 Gaussians in two dimensions: does a generator trained with a loss find all of them?

``python tests/losses/ring.py --write docs/ring.png`` trains with every adversarial loss and writes the picture, and
beside it docs/ring.md with the table. Points are images of one pixel and two channels, so that real `Adversary`
objects, with their losses, regularisers and states, train multilayer perceptrons.
"""

import argparse
import itertools
import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import torch
from torch import nn

from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.methods import adversary
from ganbench.methods.adversary import AdversarialOptions, Adversary
from ganbench.methods.base import Task
from ganbench.methods.optimization import descend, frozen, learning_rate, set_learning_rate
from ganbench.nets.init import Init, build
from ganbench.options import read_options
from ganbench.seeding import torch_generator

MODES, RADIUS, DEVIATION, NOISE, WIDTH, BATCH = 8, 0.8, 0.05, 2, 64, 128
WAVES = torch.tensor([1.0, 2.0]) * math.pi  # what a discriminator sees beside a point, so that it learns in few steps
STEPS = 1500  # generator updates
SHOWN = 2000  # points that a generator is judged by
LR_G, LR_D, BETAS = 1e-3, 2e-3, (0.0, 0.99)  # with momentum, the points circle from mode to mode
CPU = torch.device("cpu")
SMOOTH = {"regularizer": "r1", "regularizer_options": {"weight": 1.0}}
SPECTRAL = {"regularizer": "spectral_norm"}
CLIPPED = {"regularizer_options": {"bound": 0.1}, "n_critic": 2}  # 0.01 leaves three layers of 64 hardly a slope
OWN = {
    "wgan": CLIPPED,
    "wgan-gp": {"regularizer_options": {"weight": 0.1}, "n_critic": 2},
    "dragan": {"regularizer_options": {"weight": 1.0}},
    "mean_matching": CLIPPED,
    "mmd": SPECTRAL | {"n_critic": 1, "adversarial_options": {"bandwidths": [0.125, 0.25, 0.5, 1.0, 2.0]}},
    "lsgan": SPECTRAL,
    "fgan:neyman": SPECTRAL,
    "fgan:squared_hellinger": SPECTRAL,
}
"""What a loss is given beside its defaults. Losses of scores that bring no regulariser of their own get `SMOOTH`."""
ALONE = ("minimax", "nonsaturating", "hinge")  # shown once more without any regulariser

CENTRES = RADIUS * torch.tensor(
    [[math.cos(2 * math.pi * k / MODES), math.sin(2 * math.pi * k / MODES)] for k in range(MODES)]
)


def perceptron(*widths):
    layers = [layer for pair in itertools.pairwise(widths) for layer in (nn.Linear(*pair), nn.LeakyReLU(0.2))]
    return nn.Sequential(*layers[:-1])


def waves(points):
    """Return the coordinates (N, 2), and their sines and cosines."""
    flat = points.flatten(1)
    angles = (flat[:, :, None] * WAVES).flatten(1)
    return torch.cat([flat, angles.sin(), angles.cos()], 1)


class Judge(nn.Module):
    """Points (N, 2, 1, 1) → scores (N, 1, 1, 1), energy (N, 1, 1, 1) or embedding (N, 16), as a discriminator does."""

    def __init__(self, judgement):
        super().__init__()
        self.judgement = judgement
        ends = {"scores": (1,), "energy": (2, WIDTH, WIDTH, 2), "embedding": (16,)}[judgement]
        self.layers = perceptron(2 + 4 * len(WAVES), WIDTH, WIDTH, *ends)

    def forward(self, points):
        said = self.layers(waves(points))
        if self.judgement == "energy":
            return (said - points.flatten(1)).abs().mean(1)[:, None, None, None]
        return said[:, :, None, None] if self.judgement == "scores" else said

    def judge(self, points):
        """Return the energy and the code of two numbers, as an autoencoder does."""
        return self(points), self.layers[:5](waves(points))

    def features(self, points):
        maps, result = [], waves(points)
        for layer in self.layers:
            result = layer(result)
            if isinstance(layer, nn.LeakyReLU):
                maps.append(result[:, :, None, None])
        return maps


def make_tiny_judge(options, task, generator, device, judgement, channels=3):
    """Stand in for `make_judge`."""
    if judgement == "pixels":
        return nn.Flatten()
    return build(lambda: Judge(judgement), generator, device, Init("kaiming"))


def draw_real(count, generator):
    modes = torch.randint(MODES, (count,), generator=generator)
    points = CENTRES[modes] + DEVIATION * torch.randn(count, 2, generator=generator)
    return points[:, :, None, None]


@dataclass
class Ring:
    """A generator and its adversary on the ring; ``own`` are options of the adversary."""

    adversarial: str
    own: dict = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self):
        values = {"adversarial": self.adversarial, "pool_size": 0, "lr": LR_D, "beta1": BETAS[0], "beta2": BETAS[1]}
        self.options = read_options(AdversarialOptions, values | {"discriminator_norm": "none"} | self.own, "ring")
        weights, task = torch_generator(self.seed, "weights"), Task(1, "noise", "ring", STEPS, BATCH)
        with patch.object(adversary, "make_judge", make_tiny_judge):
            self.adversary = Adversary(self.options, task, weights, CPU, channels=2)
        self.generator = build(lambda: perceptron(NOISE, WIDTH, WIDTH, 2), weights, CPU, Init("kaiming"))
        self.optimizer = torch.optim.Adam(self.generator.parameters(), LR_G, BETAS)

    def draw(self, count, generator):
        return self.generator(torch.randn(count, NOISE, generator=generator))[:, :, None, None]

    def train(self, steps):
        """Update the generator ``steps`` times, the whole run."""
        total = steps * self.options.critic_updates
        for step in range(total):
            lr = learning_rate(self.options, step, total)  # of the discriminator; falls over the second half
            generator = torch_generator(self.seed, "step", step)
            real, fake = draw_real(BATCH, generator), self.draw(BATCH, generator)
            if (step + 1) % self.options.critic_updates == 0:
                set_learning_rate(lr * LR_G / LR_D, self.optimizer)
                with frozen(self.adversary.network):
                    descend(self.adversary.generator_loss(fake, real), self.optimizer)
            self.adversary.update(real, fake.detach(), generator, lr)
        return self

    @torch.no_grad()
    def points(self):
        """Return generated points (SHOWN, 2)."""
        return self.draw(SHOWN, torch_generator(self.seed, "shown")).flatten(1)


def covered(points):
    """Return how many modes have a quarter of their share, and which part of all points lies on a mode.

    A point lies on a mode that is within three standard deviations.
    """
    distances, nearest = torch.cdist(points, CENTRES).min(1)
    near = distances < 3 * DEVIATION
    counts = torch.bincount(nearest[near], minlength=MODES)
    return int((counts >= 0.25 * len(points) / MODES).sum()), float(near.float().mean())


def own_options(name):
    loss = ADVERSARIAL.get(name)
    smooth = loss.judgement == "scores" and loss.regularizer == "none"
    return OWN.get(name, SMOOTH if smooth else {})


def judged(label):
    """Train with the loss of a row of the table; return (label, points, covered modes, share of points on a mode)."""
    torch.set_num_threads(1)
    name, _, alone = label.partition(" ")
    points = Ring(name, {} if alone else own_options(name)).train(STEPS).points()
    modes, share = covered(points)
    sys.stdout.write(f"{label:32} {modes} modes, {share:4.0%} of points, {time.process_time():.0f} s so far\n")
    sys.stdout.flush()
    return label, points.numpy(), modes, share


def described(label):
    """Say what a row's adversary has beside the defaults of its loss."""
    name, _, alone = label.partition(" ")
    options = {} if alone else own_options(name)
    parts = [str(options.get("regularizer", ADVERSARIAL.get(name).regularizer))]
    parts += [f"{key} {value}" for key, value in options.get("regularizer_options", {}).items()]
    parts += [f"n_critic {options['n_critic']}"] if "n_critic" in options else []
    parts += [f"{key} {value}" for key, value in options.get("adversarial_options", {}).items()]
    return ", ".join(parts)


def draw_picture(results, path):
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    columns = 7
    rows = math.ceil(len(results) / columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(2 * columns, 2.2 * rows), layout="constrained")
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (label, points, modes, _) in zip(axes.flat, results, strict=False):
        axis.scatter(*CENTRES.T, s=260, facecolors="none", edgecolors="#bbbbbb", linewidths=0.8)
        axis.scatter(*points.T, s=1, alpha=0.4, color="#1f77b4" if modes >= 6 else "#d62728", linewidths=0)
        axis.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
        axis.set_title(f"{label}\n{modes} of {MODES}", fontsize=8)
    figure.savefig(path, dpi=110)


ABOUT = """# Every adversarial loss on a ring of {modes} Gaussians

Radius {radius}, standard deviation {deviation}. Generator and discriminator are perceptrons with two hidden layers of
{width}; {steps} updates of the generator, batch {batch}, Adam ({lr_g} and {lr_d}, betas {betas}), rates falling
linearly to 0 over the second half, one seed. A mode is covered where a quarter of its share of the points lies within
three standard deviations. Losses of scores that bring no regulariser of their own have a light R1 penalty or spectral
normalisation beside them; a row "alone" is without.

![the points of each loss]({picture})

| loss | regulariser, and what is set beside the defaults | modes covered, of {modes} | points on a mode |
| --- | --- | --- | --- |
{rows}

Fewer than 6 modes: {short}.

- minimax alone: its generator's gradient fades where the discriminator is sure, and nothing keeps it from being sure.
- began: the energy of fakes stays above γ times that of real points from step 300 on (at the end 0.033 against 0.005),
  so by its rule k stays 0: the discriminator learns the real points alone, and nothing pushes fakes apart.
- ebgan: the energy of fakes stays above the margin (at the end 0.51 with a margin of 0.5), where the discriminator's
  term is flat. The paper's repelling regulariser (`lambda_pt: 0.1`) gave 4 or 5 modes (rounding decides), with about
  60% of the points on one.
- Eight other settings of began and ebgan (γ, step of k, margin, n_critic, a code of one number) gave at most 2 modes.

What is set beside the defaults was chosen on this very ring, with one seed: spectral normalisation after R1 had given
lsgan 4 modes, fgan:squared_hellinger 4 and fgan:neyman none (1000 steps at constant rates), n_critic 1 for mmd after 2
had given 5. It shows that each loss can do it, not which is best.

Made by `python tests/losses/ring.py --write docs/{picture}`.
"""


def write_table(results, path, picture):
    rows = "\n".join(f"| {label} | {described(label)} | {modes} | {share:.0%} |" for label, _, modes, share in results)
    short = ", ".join(label for label, _, modes, _ in results if modes < 6) or "none"
    text = ABOUT.format(
        modes=MODES, radius=RADIUS, deviation=DEVIATION, width=WIDTH, steps=STEPS, batch=BATCH, lr_g=LR_G, lr_d=LR_D,
        betas=BETAS, picture=picture, rows=rows, short=short,
    )  # fmt: skip
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="losses; none given: all")
    parser.add_argument("--write", type=Path, help="the picture; the table comes beside it, as .md")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    labels = arguments.names or [*ADVERSARIAL.names(), *(f"{name} alone" for name in ALONE)]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        found = list(pool.map(judged, labels))
    if arguments.write:
        draw_picture(found, arguments.write)
        write_table(found, arguments.write.with_suffix(".md"), arguments.write.name)
