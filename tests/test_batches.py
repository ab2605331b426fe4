from concurrent.futures import ThreadPoolExecutor

import torch

from ganbench.data.base import Domain, TranslationData
from ganbench.data.batches import BatchSource, _epoch_order, batch_indices, to_float, to_uint8


def make_data(paired=False):
    images = torch.arange(12, dtype=torch.uint8)[:, None, None, None].expand(12, 3, 4, 4).contiguous()
    splits = {"train": images, "val": images[:2], "test": images[:2]}
    labels = {"train": {"number": torch.arange(12)}}
    domains = {"a": Domain(splits, labels), "b": Domain(splits, labels)}
    counterparts = {"train": images + 100} if paired else {}
    return TranslationData(domains, "a", "b", {"number": ("x",) * 12}, counterparts, paired)


def test_an_epoch_sees_every_image_once():
    seen = torch.cat([batch_indices(12, 5, step, 0, "a") for step in range(12)])  # 60 draws: five epochs
    for epoch in seen.split(12):
        assert sorted(epoch.tolist()) == list(range(12))


def test_a_batch_follows_from_seed_and_step_alone():
    once = batch_indices(100, 8, 37, 3, "a")
    assert torch.equal(once, batch_indices(100, 8, 37, 3, "a"))
    assert not torch.equal(once, batch_indices(100, 8, 37, 4, "a"))
    assert not torch.equal(once, batch_indices(100, 8, 37, 3, "b"))


def test_batches_are_the_same_on_any_number_of_workers_in_any_order():
    """What a worker has drawn before, and who draws at the same time, changes nothing."""
    steps = range(40)
    alone = BatchSource(make_data(paired=True), 5, seed=3, flip=True)
    expected = [alone.images(step) for step in steps]
    _epoch_order.cache_clear()
    source = BatchSource(make_data(paired=True), 5, seed=3, flip=True)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(source.images, reversed(steps)))[::-1]
    for one, other in zip(expected, found, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in ("a", "b"))


def test_a_batch_may_be_larger_than_the_set():
    assert sorted(batch_indices(3, 9, 0, 0, "a").tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_labels_go_with_their_images_and_domains_are_independent():
    source = BatchSource(make_data(), 6, seed=0)
    images, labels = source.images(1), source.labels(1)
    assert torch.equal(to_uint8(images["a"])[:, 0, 0, 0].long(), labels["a"]["number"])
    assert not torch.equal(labels["a"]["number"], labels["b"]["number"])


def test_pairs_stay_together():
    source = BatchSource(make_data(paired=True), 6, seed=0, flip=True)
    images = {name: to_uint8(batch) for name, batch in source.images(2).items()}
    assert torch.equal(images["a"] + 100, images["b"])


def test_flips_mirror_about_half_of_the_images():
    ramp = torch.arange(4, dtype=torch.uint8).expand(200, 3, 4, 4).contiguous()
    domain = Domain({"train": ramp, "val": ramp, "test": ramp})
    data = TranslationData({"a": domain, "b": domain}, "a", "b")
    batch = to_uint8(BatchSource(data, 200, 0, flip=True).images(0)["a"])
    mirrored = (batch[:, 0, 0, 0] == 3).float().mean()
    assert 0.35 < mirrored < 0.65
    assert (to_uint8(BatchSource(data, 200, 0).images(0)["a"])[:, 0, 0, 0] == 0).all()


def test_float_and_back_is_exact_and_clips():
    images = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(to_float(images)), images)
    assert to_float(images).min() == -1
    assert to_float(images).max() == 1
    assert to_uint8(torch.tensor([-2.0, 2.0])).tolist() == [0, 255]
