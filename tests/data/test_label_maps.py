import pytest
import torch

from ganbench.data.base import Domain, TranslationData
from ganbench.errors import InputError


def task(maps=None, classes=(), **changes):
    """Return six pictures of two domains, with label maps where given."""
    pictures = torch.arange(3 * 3 * 2 * 2, dtype=torch.uint8).view(3, 3, 2, 2)
    domains = {name: Domain({"train": pictures + k, "test": pictures[:2] + k}) for k, name in enumerate("ab")}
    return TranslationData(domains, "a", "b", label_maps=maps or {}, map_classes=classes, **changes)


def maps(count=3, value=1, dtype=torch.uint8, size=4):
    return torch.full((count, size, size), value, dtype=dtype)


def test_without_maps_the_fingerprint_is_what_it_always_was():
    assert task().fingerprint == "e5914a7df23c1437b9b3e948cb28defc8fb1bc0204d2c09e612f09a7e5e826dc"


def test_maps_and_the_names_of_their_classes_are_part_of_the_fingerprint():
    other = maps()
    other[2, 3, 3] = 0
    variants = [
        task(),
        task({"b": {"train": maps()}}, ("road", "sky")),
        task({"b": {"train": other}}, ("road", "sky")),
        task({"b": {"train": maps()}}, ("sky", "road")),
        task({"a": {"train": maps()}}, ("road", "sky")),
    ]
    assert len({data.fingerprint for data in variants}) == len(variants)
    assert task({"b": {"train": maps()}}, ("road", "sky")).fingerprint == variants[1].fingerprint


def test_maps_are_limited_with_their_images():
    data = task({"b": {"train": maps(), "test": maps(2)}}, ("road", "sky")).limited_to(1)
    assert {split: len(each) for split, each in data.label_maps["b"].items()} == {"train": 1, "test": 2}


@pytest.mark.parametrize("value", [0, 1, 255])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_classes_and_void_are_accepted(value, dtype):
    task({"b": {"train": maps(value=value, dtype=dtype)}}, ("road", "sky"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"c": {"train": maps()}}, "no images c/train"),
        ({"b": {"val": maps()}}, "no images b/val"),
        ({"b": {"train": maps(2)}}, r"shape \(3, H, W\).*Got torch.uint8 \(2, 4, 4\)"),
        ({"b": {"train": maps()[:, None]}}, r"Got torch.uint8 \(3, 1, 4, 4\)"),
        ({"b": {"train": maps().float()}}, "Got torch.float32"),
        ({"b": {"train": maps(value=2)}}, "index into the 2 map_classes.* 255 for void. Got 2"),
        ({"b": {"train": maps(value=-1, dtype=torch.int64)}}, "Got -1"),
        ({"b": {"train": maps(value=256, dtype=torch.int64)}}, "Got 256"),
    ],
)
def test_maps_that_do_not_fit_are_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        task(wrong, ("road", "sky"))


def test_all_problems_are_told_at_once():
    with pytest.raises(InputError) as refused:
        task({"c": {"train": maps()}, "b": {"train": maps(2), "test": maps(2, value=7)}}, ("road", "sky"))
    assert len(refused.value.problems) == 3
