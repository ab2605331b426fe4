"""The verb `sanity`: damage is what it says, verdicts are what they mean, and the files can be read."""

import csv

import pytest
import torch
from PIL import Image

from ganbench.data.base import DATASETS
from ganbench.display import PlainDisplay
from ganbench.metrics.base import Quantity
from ganbench.nets.extractors import EXTRACTORS, Extractor, Features
from ganbench.sanity.damage import DAMAGES, combined
from ganbench.sanity.measure import DRAWS, costs, draw_of, measure, outputs_of_a_draw, request_of
from ganbench.sanity.verdict import Curve, Verdict
from ganbench.sanity.workbench import RememberingWorkbench
from ganbench.seeding import torch_generator


@EXTRACTORS.register("sanity-toy")
class MeanColours(Extractor):
    """Sees the mean colour of each of 4 × 4 cells."""

    name = "sanity-toy"
    title = "Toy"
    digest = "0" * 64
    resize = "none"
    dimensions = 48
    seen = 0

    def extract(self, images):
        type(self).seen += len(images)
        return Features(torch.nn.functional.adaptive_avg_pool2d(images.float() / 255, 4).flatten(1), None)


@pytest.fixture(scope="module")
def data():
    return DATASETS.get("avatars")(n_train=40, n_val=30, n_test=60).load(16)


@pytest.fixture
def sample(data):
    return draw_of(data, 0, outputs_of_a_draw(data), 0)


def damaged(name, sample, level):
    return DAMAGES[name].apply(sample, level, torch_generator(0, name))


def changed(before, after):
    return (before.outputs != after.outputs).flatten(1).any(1)


def test_draws_share_no_picture(data):
    draws = [draw_of(data, k, 20, 0) for k in range(DRAWS)]
    pictures = {picture.numpy().tobytes() for draw in draws for picture in draw.outputs}
    assert len(pictures) == 60
    assert not any(picture.numpy().tobytes() in pictures for picture in data.images("adventurer", "train"))


@pytest.mark.parametrize("name", list(DAMAGES))
def test_damage_changes_copies_alone_is_the_same_twice_and_knows_its_levels(name, sample):
    before = sample.outputs.clone()
    levels = DAMAGES[name].levels
    found = [damaged(name, sample, level) for level in levels]
    assert torch.equal(sample.outputs, before)
    assert all(each.outputs.dtype == torch.uint8 and each.outputs.shape == before.shape for each in found)
    assert torch.equal(found[-1].outputs, damaged(name, sample, levels[-1]).outputs)
    distances = [float((each.outputs.float() - before).abs().mean()) for each in found]
    assert distances == sorted(distances)
    assert 0 < distances[0] < distances[-1]


@pytest.mark.parametrize("name", ["foreign", "planted_copies", "copied_inputs", "one_picture"])
def test_shares_are_what_they_say_and_hold_the_smaller_ones(name, sample):
    small, large = (changed(sample, damaged(name, sample, share)) for share in (0.25, 0.5))
    assert abs(int(large.sum()) - 10) <= 1  # the one picture is its own replacement
    assert bool(large[small].all())


def test_replacements_come_from_where_they_should(sample, data):
    def rows(images):
        return {image.numpy().tobytes() for image in images}

    assert rows(damaged("foreign", sample, 1.0).outputs) <= rows(data.images("avataaars", "train"))
    assert rows(damaged("planted_copies", sample, 1.0).outputs) <= rows(data.images("adventurer", "train"))
    assert torch.equal(damaged("copied_inputs", sample, 1.0).outputs, sample.inputs)
    assert len(rows(damaged("one_picture", sample, 1.0).outputs)) == 1


def test_copied_inputs_are_asked_for_their_own_content(sample):
    found = damaged("copied_inputs", sample, 1.0)
    assert torch.equal(found.labels["hair"], sample.input_labels["hair"])
    assert torch.equal(damaged("one_picture", sample, 1.0).labels["hair"], sample.labels["hair"])


def test_dropped_classes_are_gone(sample, data):
    first, _ = combined(sample)  # 4 × 4 classes
    pictures, labels = data.images("adventurer", "test"), data.labels("adventurer", "test")[first].tolist()
    of_picture = {picture.numpy().tobytes(): label for picture, label in zip(pictures, labels, strict=True)}
    for level, most in ((0.3, 3), (0.5, 2), (0.9, 1)):
        outputs = damaged("dropped_classes", sample, level).outputs
        assert len({of_picture[picture.numpy().tobytes()] for picture in outputs}) <= most


def curve(answers, higher=False):
    quantity, levels = Quantity("q", "Q", "quality", higher), tuple(range(len(answers)))
    return Curve(quantity, "noise", levels, torch.tensor(answers).double())


@pytest.mark.parametrize(
    ("answers", "higher", "expected"),
    [
        ([[1, 1.1], [2, 2.1], [3, 3.1]], False, "monotone"),
        ([[1, 1.1], [2, 2.1], [3, 3.1]], True, "misleading"),
        ([[1, 1.1], [2, 2.1], [3, 3.1]], None, "monotone"),
        ([[1, 1.1], [-2, -2.1], [-3, -3.1]], None, "monotone"),
        ([[1, 1.1], [3, 3.1], [3, 3.1]], False, "monotone"),  # saturated
        ([[1, 1.1], [1.05, 1.1], [1.05, 1.15]], False, "blind"),
        ([[1, 1.1], [1.15, 1.25], [1.2, 1.3]], False, "weak"),  # twice the floor
        ([[1, 1.1], [4, 4.1], [2, 2.1]], False, "weak"),  # turns back
        ([[1, 1.1], [0.5, 0.6], [9, 9.1]], False, "misleading"),  # better before it is worse
        ([[1, 1.1], [0.5, 1.2], [9, 9.1]], False, "monotone"),  # only one draw says so
        ([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]], False, "blind"),
        ([[0.0, 0.0], [0.01, 0.01], [0.02, 0.02]], False, "monotone"),  # no noise at all
        ([[1, 1.1], [float("nan"), float("nan")], [3, 3.1]], False, "monotone"),
    ],
)
def test_verdicts(answers, higher, expected):
    assert curve(answers, higher).verdict == Verdict(expected)


def test_floor_and_rank_correlation():
    found = curve([[1, 1.5], [2, 2], [3, 3]])
    assert found.floor == pytest.approx(0.5)
    assert found.rank_correlation == pytest.approx(1)
    assert curve([[1, 1.5], [2, 2], [3, 3]], True).rank_correlation == pytest.approx(-1)


def test_the_workbench_extracts_every_picture_once(data, tmp_path):
    workbench = RememberingWorkbench(data, "sanity-toy", tmp_path)
    images = data.images("adventurer", "test")
    first = workbench.features(images[:20]).pooled
    before = MeanColours.seen
    again = workbench.features(torch.cat([images[10:24], images[:6]])).pooled
    assert MeanColours.seen == before + 4
    assert torch.equal(again[:10], first[10:])
    assert torch.equal(again[14:], first[:6])


@pytest.fixture(scope="module")
def found():
    options = "{name: avatars, n_train: 40, n_val: 30, n_test: 60}"
    request = request_of(options, 16, "frechet,prdc,sharpness,counterpart,memorization", "sanity-toy", 0)
    with PlainDisplay(costs(request)) as display:
        return measure(request, display)


def test_what_metrics_are_known_to_see(found):
    verdicts = {(curve.quantity.name, curve.damage): curve.verdict for curve in found.curves}
    assert verdicts["counterpart_l1", "noise"] == Verdict.MONOTONE
    assert verdicts["sharpness", "blur"] == Verdict.MONOTONE
    assert verdicts["fd_sanity-toy", "foreign"] == Verdict.MONOTONE
    assert verdicts["recall_sanity-toy", "one_picture"] == Verdict.MONOTONE
    assert verdicts["copies_pixel", "planted_copies"] in (Verdict.MONOTONE, Verdict.WEAK)
    assert {row.disguise for row in found.power} >= {"clean", "exact"}


def test_files_and_table(found, tmp_path, capsys):
    from rich.console import Console

    from ganbench.sanity.report import print_sanity, write_files

    table, page, picture = write_files(found, tmp_path)
    rows = list(csv.DictReader(table.open()))
    assert {row["damage"] for row in rows} == set(DAMAGES)
    assert float(rows[0]["level"]) == 0
    assert "| none (false alarms) |" in page.read_text()
    with Image.open(picture) as image:
        assert image.width > 1000
    print_sanity(found, Console(width=80))
    printed = capsys.readouterr().out
    assert "✔ monotone" in printed
    assert "…" not in printed  # a narrow terminal shows every column
    assert printed.count("ganbench weights fetch") <= 1
    assert all(name.split("_")[0] in printed for name in DAMAGES)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["avatar"], "Did you mean 'avatars'?"),
        (["{name: avatars, n_tset: 9}"], "Did you mean 'n_test'?"),
        (["{name: avatars"], "broken YAML"),
        (["{n_test: 9}"], "the key 'name' is missing"),
        (["avatars", "--metrics", "frechet,sharpnes"], "Did you mean 'sharpness'?"),
        (["avatars", "--extractor", "inceptoin-v3"], "Did you mean 'inception-v3"),
        (["{name: avatars, n_train: 20, n_val: 8, n_test: 20}"], "3 draws of at least 8"),
        (["avatars", "--image-size", "2"], "image-size"),
    ],
)
def test_bad_input_is_refused(cli, arguments, expected, tmp_path):
    code, _, err = cli("sanity", *arguments, *(["--image-size", 16] if len(arguments) == 1 else []), "--out", tmp_path)
    assert code == 2
    assert expected in err
