"""The known traps of such programs, each with the test that ours is not in it."""

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from toys import make_data

from ganbench.data.pictures import read_pictures, write_pictures
from ganbench.errors import DivergedError, InputError
from ganbench.evaluate import Request, evaluate_folders
from ganbench.evaluation import evaluate
from ganbench.metrics.base import METRICS
from ganbench.metrics.frechet import Frechet, frechet_distance
from ganbench.metrics.kernel import Kernel
from ganbench.metrics.workbench import Workbench, silent
from ganbench.nets import perceptual
from ganbench.nets.perceptual import SQUEEZENET, EmbeddedDistance, Lpips
from ganbench.training import translate_all

CPU = torch.device("cpu")
RESAMPLING = ("kernel", "inception_score", "frechet_infinity", "memorization")


def grainy(count, size=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


def write(folder, count, seed=0, size=16):
    write_pictures(folder, [f"{index:02d}" for index in range(count)], grainy(count, size, seed))
    return folder


def values(evidence, *families):
    return [(value.quantity.name, value.value, value.std) for value in evaluate(evidence, families, "toy").values]


def test_statistics_cached_by_name_while_the_images_changed(tmp_path):
    folders = {"generated": write(tmp_path / "generated", 8), "train": write(tmp_path / "train", 9, 1)}

    def distance():
        request = Request(folders, ("kernel",))
        return evaluate_folders(request, silent).rows[-1].values[0].value

    before = distance()
    write(folders["train"], 9, 2)
    assert distance() != before
    write(folders["train"], 9, 1)
    assert distance() == before


def test_reference_statistics_reused_across_resolutions(toy_data, tmp_path):
    small = make_data()
    for domain in small.domains.values():
        for split, pictures in domain.images.items():
            domain.images[split] = pictures[:, :, ::2, ::2].contiguous()
    large, little = (Workbench(data, "toy", tmp_path).target_features("train") for data in (toy_data, small))
    assert not torch.equal(large.pooled, little.pooled)


def test_kid_subset_larger_than_the_set(judge_outputs, toy_data):
    value = Kernel().compute(judge_outputs(toy_data.images("disc", "test")[:7]))[0]
    assert value.protocol["subset_size"] == 7
    assert math.isfinite(value.value)


def test_the_real_set_scored_as_the_first_run(tmp_path):
    folders = {name: write(tmp_path / name, 8, seed) for seed, name in enumerate(("generated", "target", "train"))}
    rows = {row.label: row.values[0].value for row in evaluate_folders(Request(folders, ("sharpness",)), silent).rows}
    write(folders["generated"], 8, 1)  # the very pictures of --target
    again = {row.label: row.values[0].value for row in evaluate_folders(Request(folders, ("sharpness",)), silent).rows}
    assert rows["generated"] != rows["real"]
    assert again["generated"] == again["real"] == rows["real"]


@pytest.mark.parametrize("family", RESAMPLING)
def test_unseeded_resampling(family, judge_outputs):
    evidence, found = judge_outputs(), []
    for state in (0, 1):
        with torch.random.fork_rng():
            torch.manual_seed(state)
            np.random.seed(state)
            found.append(values(evidence, family))
    assert found[0] == found[1]


@pytest.mark.parametrize("family", ["counterpart", "sharpness"])
def test_per_batch_averages_over_an_unequal_last_batch(family, judge_outputs, toy_data):
    outputs = toy_data.images("disc", "test")[:53]
    outputs[50:] = 255 - outputs[50:]  # the last three differ, and weigh no more than the others
    evidence = judge_outputs(outputs, counterparts=toy_data.images("square", "test")[:53], labels={})
    for value in METRICS.get(family)().compute(evidence):
        assert value.per_image.shape == (53,)
        assert value.value == pytest.approx(float(value.per_image.double().mean()), rel=1e-6)


def test_distances_of_pictures_in_batches_are_those_of_single_ones():
    distance, first, second = EmbeddedDistance(CPU), grainy(5, 32, 1), grainy(5, 32, 2)
    single = [float(distance.between(first[k : k + 1], second[k : k + 1])) for k in range(5)]
    assert distance.between(first, second).tolist() == pytest.approx(single, rel=1e-5)


@pytest.fixture
def random_lpips(monkeypatch, tmp_path):
    """Return LPIPS on a SqueezeNet of random weights."""
    path = tmp_path / SQUEEZENET.file_name
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), path)
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    monkeypatch.setattr(perceptual, "SQUEEZENET", replace(SQUEEZENET, digests=digests))
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    return Lpips(CPU)


def test_lpips_inputs_in_zero_to_one(random_lpips):
    first, second = grainy(2, 64, 1), grainy(2, 64, 2)
    with torch.inference_mode():
        right = random_lpips.network(first / 127.5 - 1, second / 127.5 - 1).flatten()
        wrong = random_lpips.network(first / 255, second / 255).flatten()
    assert torch.allclose(random_lpips.between(first, second).float(), right, rtol=1e-4)
    assert not torch.allclose(right, wrong, rtol=1e-2)


def test_grayscale_rgba_and_16_bit_pictures_among_rgb_ones(tmp_path):
    Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "a.png")
    Image.new("L", (8, 8), 9).save(tmp_path / "b.png")
    Image.new("RGBA", (8, 8), (9, 9, 9, 255)).save(tmp_path / "c.png")
    Image.fromarray(np.full((8, 8), 9 * 257, np.uint16)).save(tmp_path / "d.png")
    found = read_pictures(tmp_path)
    assert found.images.shape == (4, 3, 8, 8)
    assert (found.images == 9).all()
    assert all(any(word in note for note in found.notes) for word in ("grey", "alpha", "16 bits"))


def test_images_of_unequal_size(tmp_path):
    write(tmp_path / "set", 5)
    Image.new("RGB", (20, 16)).save(tmp_path / "set" / "03.png")
    with pytest.raises(InputError, match=r"03\.png \(20 × 16\).*--image-size"):
        evaluate_folders(Request({"generated": tmp_path / "set"}, ("sharpness",)), silent)


def test_an_empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=str(tmp_path / "empty")):
        evaluate_folders(Request({"generated": tmp_path / "empty"}, ("frechet",)), silent)


def test_fewer_images_than_features():
    generator = torch.Generator().manual_seed(0)
    scales = torch.linspace(0.1, 2, 200, dtype=torch.float64)
    first, second = (torch.randn(20, 200, generator=generator, dtype=torch.float64) * scales for _ in range(2))
    centred = [(part - part.mean(0)) / 19**0.5 for part in (first, second)]
    roots = torch.linalg.svdvals(centred[0] @ centred[1].T).sum()  # tr (Σ₁Σ₂)^½ of two covariances of rank 19
    expected = (
        (first.mean(0) - second.mean(0)).square().sum() + sum(part.square().sum() for part in centred) - 2 * roots
    )
    assert frechet_distance(first, second) == pytest.approx(float(expected), rel=1e-9)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)


def test_fewer_images_than_features_are_stated(judge_outputs, toy_data):
    value = Frechet().compute(judge_outputs(toy_data.images("disc", "test")[:20]))[0]
    assert (value.n, value.protocol["n"], value.protocol["n_reference"]) == (20, 20, 90)


class Diverged:
    """A method whose generator answers the third image with NaN."""

    device = CPU

    def translate(self, source, generator):
        answer = source.clone()
        answer[2, 0, 0, 0] = torch.nan
        return answer


def test_nan_images():
    with pytest.raises(DivergedError, match="1 of 5 translations hold NaN or infinity"):
        translate_all(Diverged(), grainy(5), 0, "test")
