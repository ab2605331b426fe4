"""Agreement with the field's own programs, on the same pictures, through their outermost functions."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch_fidelity
from torch_fidelity import feature_extractor_inceptionv3 as their_inception
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

from ganbench.metrics.frechet import frechet_distance
from ganbench.metrics.inception_score import inception_score
from ganbench.metrics.kernel import kernel_distance
from ganbench.metrics.prdc import density_coverage, precision_recall
from ganbench.nets.extractors import EXTRACTORS
from ganbench.nets.extractors_efficientnet import EfficientNetLite0
from ganbench.nets.extractors_inception import INCEPTION
from ganbench.seeding import derive_seed

CPU = torch.device("cpu")
ASSETS = os.environ.get("GANBENCH_TEST_ASSETS")
needs_assets = pytest.mark.skipif(ASSETS is None, reason="GANBENCH_TEST_ASSETS names no folder with real weights")
SEED = 5
NARROW = 40  # features, fewer than pictures: else torch-fidelity's own rounding is larger than 1e-5
PLAIN = {"cuda": False, "cache": False, "verbose": False, "save_cpu_ram": True}


def pictures(count, size, seed, low=0, high=256):
    """Return coarse random pictures with grain: no two alike, and all of one kind."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(low, high, (count, 3, 4, 4), generator=generator).float()
    grain = torch.randint(-20, 21, (count, 3, size, size), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (size, size), mode="bilinear", align_corners=False)
    return (smooth.round() + grain).clamp(0, 255).to(torch.uint8)


class Pictures(torch.utils.data.Dataset):
    """A set of pictures as torch-fidelity wants it."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


class Theirs(FeatureExtractorBase):
    """EfficientNet-Lite0 as an extractor of torch-fidelity's."""

    def __init__(self, name, features_list, **options):
        super().__init__(name, features_list)
        self.ours = EfficientNetLite0(CPU)

    def forward(self, images):
        found = self.ours(images)
        pooled = found.pooled.double()  # as ours computes; torch-fidelity itself keeps what it is given
        answers = {"pooled": pooled, "narrow": pooled[:, :NARROW], "logits": found.logits.double()}
        return tuple(answers[name] for name in self.features_list)

    @staticmethod
    def get_provided_features_list():
        return "pooled", "narrow", "logits"

    @staticmethod
    def get_default_feature_layer_for_metric(metric):
        return {"isc": "logits", "fid": "narrow"}.get(metric, "pooled")

    @staticmethod
    def can_be_compiled():
        return False


def theirs(outputs, real, purpose, **options):
    """Ask torch-fidelity, with the seed that ganbench derives for ``purpose``."""
    inputs = {"input1": Pictures(outputs), "input2": Pictures(real)}
    seed = derive_seed(SEED, purpose) % 2**32
    return torch_fidelity.calculate_metrics(**inputs, **PLAIN, **options, rng_seed=seed)


@pytest.fixture(scope="module")
def lite0():
    """Return pictures, and their features by EfficientNet-Lite0."""
    torch_fidelity.register_feature_extractor("efficientnet-lite0", Theirs)
    outputs, real = pictures(45, 40, 1), pictures(52, 40, 2, 40, 216)
    extractor = EfficientNetLite0(CPU)
    yield outputs, real, extractor(outputs), extractor(real)
    torch_fidelity.registry.FEATURE_EXTRACTORS_REGISTRY.pop("efficientnet-lite0")


def test_torch_fidelity_gives_the_same_on_our_extractor(lite0):
    outputs, real, made, reference = lite0
    options = {"feature_extractor": "efficientnet-lite0", "batch_size": 13}
    found = theirs(outputs, real, "kid", kid=True, kid_subset_size=30, prc=True, fid=True, **options)
    distance = frechet_distance(made.pooled[:, :NARROW], reference.pooled[:, :NARROW])
    assert distance == pytest.approx(found["frechet_inception_distance"], rel=1e-5)
    mean, std = kernel_distance(made.pooled, reference.pooled, SEED, 30)
    assert mean == pytest.approx(found["kernel_inception_distance_mean"], rel=1e-5)
    assert std == pytest.approx(found["kernel_inception_distance_std"], rel=1e-5)
    assert precision_recall(made.pooled, reference.pooled) == pytest.approx((found["precision"], found["recall"]))
    assert 0 < found["recall"] < 1
    found = theirs(outputs, real, "is", isc=True, **options)
    mean, std = inception_score(made.logits, SEED)
    assert mean == pytest.approx(found["inception_score_mean"], rel=1e-5)
    assert std == pytest.approx(found["inception_score_std"], rel=1e-5)


@pytest.fixture
def random_inception(monkeypatch, tmp_path):
    """Write weights that keep features of order 1, let ganbench accept them, and return their path."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        with monkeypatch.context() as patch:
            patch.setattr(their_inception, "load_state_dict_from_url", lambda *_, **__: {})
            patch.setattr(their_inception.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
            network = their_inception.FeatureExtractorInceptionV3("random", ["logits_unbiased"])
        weights = network.state_dict()
        for name, value in weights.items():
            if name.endswith(("conv.weight", "fc.weight")):
                value.normal_(0, (2 / value[0].numel()) ** 0.5)
    path = tmp_path / INCEPTION.file_name
    torch.save(weights, path)
    accepted = replace(INCEPTION, digests={INCEPTION.file_name: hashlib.sha256(path.read_bytes()).hexdigest()})
    for name in ("inception-v3", "inception-v3-64"):
        monkeypatch.setattr(EXTRACTORS.get(name), "weights", accepted)
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    return path


def test_torch_fidelity_gives_the_same_on_its_own_network_and_resize(random_inception):
    outputs, real = pictures(11, 40, 1), pictures(12, 40, 2, 60, 196)
    options = {"feature_extractor_weights_path": str(random_inception), "batch_size": 5}
    extractor = EXTRACTORS.get("inception-v3")(CPU)
    made, reference = extractor(outputs), extractor(real)
    layer = {"feature_extractor": "inception-v3-compat"}
    found = theirs(outputs, real, "kid", kid=True, kid_subset_size=9, prc=True, **layer, **options)
    mean, std = kernel_distance(made.pooled, reference.pooled, SEED, 9)
    assert mean == pytest.approx(found["kernel_inception_distance_mean"], rel=1e-5)
    assert std == pytest.approx(found["kernel_inception_distance_std"], rel=1e-5)
    assert precision_recall(made.pooled, reference.pooled) == pytest.approx((found["precision"], found["recall"]))
    found = theirs(outputs, real, "is", isc=True, isc_splits=2, **options)
    mean, std = inception_score(made.logits, SEED, 2)
    assert mean == pytest.approx(found["inception_score_mean"], rel=1e-5)
    assert std == pytest.approx(found["inception_score_std"], rel=1e-5)


def test_torch_fidelity_gives_the_same_frechet_distance_on_its_own_network(random_inception):
    outputs, real = pictures(70, 40, 1), pictures(75, 40, 2, 60, 196)
    extractor = EXTRACTORS.get("inception-v3-64")(CPU)
    distance = frechet_distance(extractor(outputs).pooled, extractor(real).pooled)
    options = {"feature_extractor_weights_path": str(random_inception), "feature_layer_fid": "64"}
    found = theirs(outputs, real, "fid", fid=True, **options)
    assert distance == pytest.approx(found["frechet_inception_distance"], rel=1e-5)


def features(count, seed, scale=1.0, shift=0.0):
    """Return features of 24 numbers that any generator of PyTorch's draws alike."""
    return torch.randn(count, 24, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale + shift


PRDC = {  # compute_prdc of the package prdc 0.2 (numpy 2.4, scikit-learn 1.9) on the features below
    3: (0.89, 0.465, 1.6366666666666667, 0.895),
    5: (0.9466666666666667, 0.5975, 1.596, 0.97),
}


@pytest.mark.parametrize("k", PRDC)
def test_the_package_prdc_gives_the_same(k):
    """With the package at hand: ``compute_prdc(real.numpy(), outputs.numpy(), k)``."""
    real, outputs = features(400, 1), features(300, 2, 0.9, 0.15)
    found = (*precision_recall(outputs, real, k), *density_coverage(outputs, real, k))
    assert found == pytest.approx(PRDC[k], rel=1e-12)


PYTORCH_FID = {  # pytorch-fid 0.3.0 (scipy 1.17) on the pictures below: as it is, and on pixels scaled as by TensorFlow
    "64": (0.3025029353964883, 0.2996790537057641),
    "192": (1.1880121689446312, 1.1812498724339093),
    "768": (0.268919213867739, 0.26900523802108867),
}


@pytest.mark.assets
@needs_assets
@pytest.mark.parametrize("layer", PYTORCH_FID)
def test_pytorch_fid_gives_the_same_but_for_its_own_scale_of_pixels(layer, monkeypatch):
    """At 299 pixels nothing is resized. pytorch-fid maps 0…255 to [−1, 1], TensorFlow and torch-fidelity take 128 off.

    The other figure is pytorch-fid's when ``((x - 128) / 128 + 1) / 2`` is what it is given in place of ``x / 255``.
    """
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(Path(str(ASSETS)) / "weights"))
    extractor = EXTRACTORS.get(f"inception-v3-{layer}")(CPU)
    made, real = (extractor(images).pooled for images in (pictures(80, 299, 1), pictures(85, 299, 2, 40, 216)))
    as_it_is, rescaled = PYTORCH_FID[layer]
    assert frechet_distance(made, real) == pytest.approx(rescaled, rel=1e-5)
    assert as_it_is == pytest.approx(rescaled, rel=0.01)
