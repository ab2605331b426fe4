import pytest
import torch
from toys import ToyExtractor

from ganbench.errors import InputError
from ganbench.metrics.cache import ArrayCache, digest
from ganbench.metrics.workbench import Workbench, of_extractor
from ganbench.nets.extractors import EXTRACTORS


@pytest.fixture
def calls(monkeypatch):
    """Count the images that the extractor has seen since, one at a time."""
    monkeypatch.setattr(ToyExtractor, "batch_size", 1)
    before = ToyExtractor.calls
    return lambda: ToyExtractor.calls - before


@pytest.fixture
def images():
    """Return ten random pictures."""
    return torch.randint(0, 256, (10, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_features_are_made_once_per_content(toy_data, tmp_path, images, calls):
    workbench = Workbench(toy_data, "toy", tmp_path)
    first = workbench.features(images)
    again = workbench.features(images.clone())
    fresh = Workbench(toy_data, "toy", tmp_path).features(images)  # another process, the same folder
    assert calls() == 10
    assert torch.equal(first.pooled, again.pooled)
    assert torch.equal(first.pooled, fresh.pooled)
    assert torch.equal(first.logits, fresh.logits)


def test_changed_images_have_other_features_even_in_the_same_tensor(toy_data, tmp_path, images, calls):
    workbench = Workbench(toy_data, "toy", tmp_path)
    before = workbench.features(images).pooled
    images[0, 0, 0, 0] += 50
    assert calls() == 10
    assert not torch.equal(workbench.features(images).pooled, before)
    assert calls() == 20


@pytest.mark.parametrize("attribute", ["digest", "resize"])
def test_another_extractor_or_resize_shares_nothing(attribute, toy_data, tmp_path, images, calls, monkeypatch):
    Workbench(toy_data, "toy", tmp_path).features(images)
    monkeypatch.setattr(ToyExtractor, attribute, "other")
    Workbench(toy_data, "toy", tmp_path).features(images)
    assert calls() == 20


def test_damaged_file_is_made_anew(toy_data, tmp_path, images, calls):
    before = Workbench(toy_data, "toy", tmp_path).features(images).pooled
    (file,) = tmp_path.glob("features-*.npz")
    whole = file.read_bytes()
    middle = len(whole) // 2
    for damaged in (b"", whole[:middle], whole[:200] + bytes([whole[200] ^ 255]) + whole[201:]):
        file.write_bytes(damaged)
        assert torch.equal(Workbench(toy_data, "toy", tmp_path).features(images).pooled, before)
        assert file.read_bytes() == whole
    assert calls() == 40


def test_cache_leaves_no_other_files_and_reads_back(tmp_path):
    cache = ArrayCache(tmp_path / "deep" / "folder")
    assert cache.read("absent") is None
    cache.write("a", {"x": torch.arange(3), "y.z": torch.tensor(2.5)})
    found = cache.read("a")
    assert found["x"].tolist() == [0, 1, 2]
    assert float(found["y.z"]) == 2.5
    assert [path.name for path in cache.folder.iterdir()] == ["a.npz"]


def test_digest_sees_shape_type_and_content():
    flat = torch.zeros(4, dtype=torch.uint8)
    versions = [flat, flat.view(2, 2), flat.to(torch.int8), flat + 1, torch.zeros(5, dtype=torch.uint8)]
    assert len({digest(version) for version in versions}) == len(versions)
    assert digest(flat, "a") != digest(flat, "b")


@pytest.mark.parametrize(
    "images",
    [torch.zeros(2, 3, 8, 8), torch.zeros(0, 3, 8, 8, dtype=torch.uint8), torch.zeros(2, 1, 8, 8, dtype=torch.uint8)],
)
def test_anything_but_rgb_bytes_is_refused(images, toy_workbench):
    with pytest.raises(InputError, match="uint8 RGB"):
        toy_workbench.features(images)


def test_unknown_extractor_names_the_nearest(toy_data, tmp_path):
    with pytest.raises(InputError, match="Did you mean 'efficientnet-lite0'"):
        Workbench(toy_data, "efficientnet", tmp_path)
    assert EXTRACTORS.get("toy") is ToyExtractor


def test_progress_is_reported(toy_data, tmp_path):
    workbench, seen = Workbench(toy_data, "toy", tmp_path), []
    workbench.report = lambda *message: seen.append(message)
    workbench.target_features("train")
    assert seen == [("features of real train images", 50, 90), ("features of real train images", 90, 90)]


def test_quantities_are_named_after_the_extractor():
    from ganbench.metrics.kernel import KID

    assert of_extractor(KID, "toy", "kid").name == "kid_toy"
    assert of_extractor(KID, "inception-v3", "kid").name == "kid"
    assert of_extractor(KID, "inception-v3").name == "kid_inception-v3"
