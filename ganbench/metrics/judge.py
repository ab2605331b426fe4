"""Judge: small classifiers trained on real images ask whether an output is of the target, and keeps its content.

Two judges, each trained once per dataset: ``domain`` tells target from source images, ``attributes`` reads the labels
that source and target share off target images. Their accuracies on real target test images are the ceilings; the row
of real images shows them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch.nn import functional

from ganbench.data.base import Split, TranslationData
from ganbench.metrics.base import METRICS, Evidence, Metric, Protocol, Quantity, Value
from ganbench.metrics.cache import Arrays
from ganbench.metrics.workbench import Workbench
from ganbench.nets.init import CLASSIFIER_INIT, build
from ganbench.nets.judge_net import JudgeNet, augment, judge_input
from ganbench.optimizers import Adam
from ganbench.seeding import torch_generator

VERSION = 2  # raised whenever a judge would come out differently
BATCH = 50
LEARNING_RATE = 4e-3  # at the top of the cycle
LEAST_STEPS = 160  # of all epochs together: few images are gone through more often
TRUSTED = 0.95  # accuracy on validation images below which a judge is trained longer
LONGER = 6  # times as many epochs
MANY = 500  # training images; fewer don't repay longer training
DOMAIN = "domain"  # the question of the domain judge; class 1 is the target
ATTRIBUTES = "attributes"

TARGET_RATE = Quantity(
    "target_rate",
    "Target rate",
    "quality",
    True,
    note="Share of outputs that a source-against-target classifier takes for target; collapsed ones may be too.",
)
ACCURACY = Quantity(
    "judge_<attribute>",
    "<attribute> kept",
    "faithfulness",
    True,
    note="Accuracy of a judge of real images on the outputs, against the labels of their source images.",
)
PRODUCT = Quantity(
    "target_rate_x_<attribute>",
    "Target × <attribute>",
    "faithfulness",
    True,
    note="Target rate times accuracy: of the target and still the same. Compare with chance and with real images.",
)
SUCCESS = Quantity(
    "judge_success",
    "Success",
    "faithfulness",
    True,
    note="Target rate times the mean accuracy over all common attributes.",
)


@dataclass(frozen=True)
class Questions:
    """What a judge learns from: images of every split with their labels, and the number of classes of each.

    Attributes:
        images: split → uint8 (N, 3, H, W).
        labels: split → attribute → int64 (N,).
        classes: attribute → number of classes.
        width: channels of the first stage of the network that is to answer.
        epochs: passes over the training images, after each of which the judge is validated.
    """

    images: Mapping[Split, torch.Tensor]
    labels: Mapping[Split, Mapping[str, torch.Tensor]]
    classes: Mapping[str, int]
    width: int
    epochs: int

    @property
    def epoch_steps(self) -> int:
        """Batches of an epoch: the training images once, or more often where they are few."""
        return max(math.ceil(len(self.images["train"]) / BATCH), math.ceil(LEAST_STEPS / self.epochs))


def domain_questions(data: TranslationData) -> Questions:
    """Ask for the domain: source images are class 0, target images class 1."""
    splits: tuple[Split, ...] = ("train", "val", "test")
    pairs = {split: (data.images(data.source, split), data.images(data.target, split)) for split in splits}
    labels = {split: {DOMAIN: torch.tensor([0] * len(a) + [1] * len(b))} for split, (a, b) in pairs.items()}
    return Questions({split: torch.cat(pair) for split, pair in pairs.items()}, labels, {DOMAIN: 2}, width=12, epochs=4)


def attribute_questions(data: TranslationData) -> Questions:
    """Ask target images for every attribute that source and target share."""
    splits: tuple[Split, ...] = ("train", "val", "test")
    names = data.common_attributes
    return Questions(
        {split: data.images(data.target, split) for split in splits},
        {split: {name: data.labels(data.target, split)[name] for name in names} for split in splits},
        {name: len(data.classes[name]) for name in names},
        width=24,
        epochs=10,
    )


def trusted_judge(questions: Questions, workbench: Workbench, stage: str) -> JudgeNet:
    """Train a judge; one that answers some question badly is trained anew for longer, and the better one returned.

    Mouths of two pixels are learned, but slowly.
    """
    judge = train_judge(questions, workbench, stage)
    right = _validated(judge, questions, workbench)
    if min(right.values()) >= TRUSTED or len(questions.images["train"]) < MANY:
        return judge
    patient = train_judge(replace(questions, epochs=LONGER * questions.epochs), workbench, stage)
    better = sum(_validated(patient, questions, workbench).values()) > sum(right.values())
    return patient if better else judge


def train_judge(questions: Questions, workbench: Workbench, stage: str) -> JudgeNet:
    """Train a judge on the training images, and return it as it was after its best epoch on the validation images.

    Without validation images it is returned as it was after the last epoch. Adam with a one-cycle learning rate,
    cross-entropy summed over the questions. Weights, order and augmentation follow from the workbench's seed alone.
    """
    network = new_judge(questions, workbench, stage)
    optimiser = Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, questions.epochs * questions.epoch_steps)
    best, kept = -1.0, {}
    for epoch in range(questions.epochs):
        for loss in _losses(network, questions, workbench, torch_generator(workbench.seed, stage, epoch)):
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
        score = sum(_validated(network, questions, workbench).values()) if "val" in questions.images else epoch
        if score > best:
            best, kept = score, {name: part.clone() for name, part in network.state_dict().items()}
        workbench.report(stage, epoch + 1, questions.epochs)
    network.load_state_dict(kept)
    return network


def _validated(network: JudgeNet, questions: Questions, workbench: Workbench) -> dict[str, float]:
    """Return question → accuracy on the validation images."""
    return accuracy(answers(network, questions.images["val"], workbench.device), questions.labels["val"])


def new_judge(questions: Questions, workbench: Workbench, stage: str) -> JudgeNet:
    """Return an untrained judge for ``questions`` on the workbench's device."""
    generator = torch_generator(workbench.seed, stage, "weights")
    return build(
        lambda: JudgeNet(questions.classes, questions.width), generator, workbench.device, init=CLASSIFIER_INIT
    )


def _losses(
    network: JudgeNet, questions: Questions, workbench: Workbench, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """Yield the loss of every batch of one epoch."""
    images, labels = questions.images["train"], questions.labels["train"]
    orders = iter(lambda: torch.randperm(len(images), generator=generator), None)
    batches = (batch for order in orders for batch in order.split(BATCH))
    for batch in islice(batches, questions.epoch_steps):
        network.train()
        logits = network(augment(judge_input(images[batch], workbench.device), generator))
        losses = [functional.cross_entropy(logits[name], labels[name][batch].to(workbench.device)) for name in logits]
        yield torch.stack(losses).sum()


def answers(network: JudgeNet, images: torch.Tensor, device: torch.device) -> dict[str, torch.Tensor]:
    """Return attribute → predicted class (N,) of uint8 images, on the CPU."""
    network.eval()
    with torch.inference_mode():
        parts = [network(judge_input(batch, device)) for batch in images.split(BATCH)]
    return {name: torch.cat([part[name].argmax(1).cpu() for part in parts]) for name in parts[0]}


def accuracy(predicted: Mapping[str, torch.Tensor], labels: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """Return attribute → share of right answers, for the attributes that have labels."""
    return {name: float((predicted[name] == labels[name]).double().mean()) for name in predicted if name in labels}


def judge_of(workbench: Workbench, kind: str) -> JudgeNet:
    """Return the judge ``domain`` or ``attributes`` of the workbench's data, trained once and cached."""
    questions = (domain_questions if kind == DOMAIN else attribute_questions)(workbench.data)
    parts = (kind, VERSION, workbench.data.fingerprint, workbench.seed)

    def train() -> Arrays:
        trained: Arrays = trusted_judge(questions, workbench, f"judge of {kind}").state_dict()
        return trained

    network = new_judge(questions, workbench, kind)
    network.load_state_dict(dict(workbench.stored("judge", parts, train)))
    return network


def ceilings(workbench: Workbench, kind: str) -> dict[str, float]:
    """Return question → accuracy of a judge on real test images, the most that outputs can be expected to reach."""
    questions = (domain_questions if kind == DOMAIN else attribute_questions)(workbench.data)
    images, labels = questions.images["test"], questions.labels["test"]
    network = workbench.held(f"judge of {kind}", lambda: judge_of(workbench, kind))
    return workbench.held(f"ceilings of {kind}", lambda: accuracy(answers(network, images, workbench.device), labels))


def about(quantity: Quantity, attribute: str) -> Quantity:
    """Return the quantity for one attribute."""
    name, title = (text.replace("<attribute>", attribute) for text in (quantity.name, quantity.title))
    return replace(quantity, name=name, title=title[0].upper() + title[1:])


@METRICS.register("judge")
class Judge(Metric):
    """Is it the target domain, and is it still the same content? Both, and their products."""

    version = VERSION
    summary = "classifiers of real images: share taken for target, attributes kept, and their product"

    def prepare(self, workbench: Workbench) -> None:
        """Train both judges."""
        for kind in kinds(workbench.data):
            ceilings(workbench, kind)

    def quantities(self, extractor: str) -> tuple[Quantity, ...]:
        """Return the quantities; ``<attribute>`` stands for each attribute that source and target share."""
        return (TARGET_RATE, ACCURACY, PRODUCT, SUCCESS)

    def compute(self, evidence: Evidence) -> list[Value]:
        """Return target rate, accuracy of every common attribute, and the products."""
        workbench = evidence.workbench
        found = {
            kind: answers(judge_of(workbench, kind), evidence.outputs, workbench.device)
            for kind in kinds(evidence.data)
        }
        taken = (found[DOMAIN][DOMAIN] == 1).double()
        ceiling = ceilings(workbench, DOMAIN)[DOMAIN]
        values = [self._value(evidence, TARGET_RATE, float(taken.mean()), {"ceiling": ceiling}, taken)]
        if ATTRIBUTES in found and evidence.labels:
            values += self._content(evidence, float(taken.mean()), found[ATTRIBUTES])
        return values

    def _content(self, evidence: Evidence, rate: float, found: Mapping[str, torch.Tensor]) -> list[Value]:
        best, values, kept = ceilings(evidence.workbench, ATTRIBUTES), [], accuracy(found, evidence.labels)
        for name, share in kept.items():
            right = (found[name] == evidence.labels[name]).double()
            about_it = {"ceiling": best[name], "chance": chance(evidence.labels[name])}
            values.append(self._value(evidence, about(ACCURACY, name), share, about_it, right))
            values.append(self._value(evidence, about(PRODUCT, name), rate * share, about_it))
        mean = sum(kept.values()) / len(kept)
        extra: dict[str, str | float] = {
            "attributes": ", ".join(kept),
            "ceiling": sum(best[name] for name in kept) / len(kept),
        }
        return [*values, self._value(evidence, SUCCESS, rate * mean, extra)]

    def _value(
        self,
        evidence: Evidence,
        quantity: Quantity,
        number: float,
        extra: Mapping[str, str | float],
        per_image: torch.Tensor | None = None,
    ) -> Value:
        protocol: Protocol = {
            "n": len(evidence.outputs),
            "n_train": len(evidence.data.images(evidence.data.target, "train")),
            "split": "test",
            "judge_seed": evidence.workbench.seed,
            "version": self.version,
        }
        return Value(quantity, number, len(evidence.outputs), protocol, per_image=per_image, details=dict(extra))


def kinds(data: TranslationData) -> tuple[str, ...]:
    """Return which judges the data allows: attributes only where source and target share some."""
    return (DOMAIN, ATTRIBUTES) if data.common_attributes else (DOMAIN,)


def chance(labels: torch.Tensor) -> float:
    """Return the accuracy of one answer for all: the share of the most frequent class of int64 labels (N,)."""
    return float(labels.bincount().max()) / len(labels)
