"""The degraded dataset: true pairs, splits and labels of the origin, and answers to bad input."""

import pytest
import torch

from ganbench.data.base import DATASETS, SPLITS
from ganbench.data.batches import BatchSource, to_float
from ganbench.data.degradations.base import DEGRADATIONS
from ganbench.errors import InputError
from ganbench.options import read_options
from ganbench.variants import load_suite

FEW = {"n_train": 6, "n_val": 3, "n_test": 4}
ORIGIN = {"name": "avatars", "source": "avataaars", "target": "adventurer", **FEW}
SIZE = 16
PLAIN = [name for name in DEGRADATIONS.names() if not DEGRADATIONS.get(name).uses_label_maps]


def dataset(**options):
    return read_options(DATASETS.get("degraded"), {"of": ORIGIN, **options}, "dataset degraded")


@pytest.fixture(scope="module")
def origin():
    options = {key: value for key, value in ORIGIN.items() if key != "name"}
    return DATASETS.get("avatars").model_validate(options).load(SIZE)


@pytest.fixture(scope="module")
def pairs():
    return dataset(degradation="grayscale").load(SIZE)


@pytest.mark.parametrize("name", PLAIN)
def test_the_source_is_the_degraded_target_in_every_split(name, origin):
    data = dataset(degradation=name).load(SIZE)
    assert (data.source, data.target, data.paired) == (name, "adventurer", True)
    for split in SPLITS:
        images = origin.images("adventurer", split)
        assert torch.equal(data.images("adventurer", split), images)
        assert torch.equal(data.counterparts[split], images)
        assert torch.equal(data.images(name, split), DEGRADATIONS.get(name)().degrade(images))


def test_labels_classes_and_credits_are_those_of_the_origin(pairs, origin):
    for split in SPLITS:
        for domain in (pairs.source, pairs.target):
            carried, own = pairs.labels(domain, split), origin.labels("adventurer", split)
            assert carried.keys() == own.keys()
            assert all(torch.equal(carried[name], own[name]) for name in own)
    assert pairs.classes == origin.classes
    assert pairs.common_attributes == origin.common_attributes
    assert [credit.artist for credit in pairs.credits] == ["Lisa Wischofsky"]  # who drew the style that is shown
    assert set(pairs.credits) < set(origin.credits)


def test_no_pair_is_in_two_splits(pairs):
    seen = [{image.numpy().tobytes() for image in pairs.images(pairs.target, split)} for split in SPLITS]
    assert len(set.union(*seen)) == sum(FEW.values())


def test_the_domain_may_be_the_origins_source(origin):
    data = dataset(domain="avataaars", degradation="grayscale").load(SIZE)
    assert data.target == "avataaars"
    assert torch.equal(data.images("avataaars", "test"), origin.images("avataaars", "test"))


def test_the_fingerprint_follows_the_images(pairs):
    assert dataset(degradation="grayscale").load(SIZE).fingerprint == pairs.fingerprint
    others = [dataset(), dataset(domain="avataaars", degradation="grayscale"),
              dataset(of={**ORIGIN, "seed": 1}, degradation="grayscale")]  # fmt: skip
    assert pairs.fingerprint not in {other.load(SIZE).fingerprint for other in others}


def test_batches_hold_pairs_also_when_they_are_flipped(pairs):
    source = BatchSource(pairs, 4, seed=0, flip=True)
    for step in range(4):
        images = source.images(step)
        back = ((images["adventurer"] + 1) * 127.5).round().to(torch.uint8)
        assert torch.equal(images["grayscale"], to_float(DEGRADATIONS.get("grayscale")().degrade(back)))


def test_the_origin_is_resolved_with_its_defaults():
    of = dataset(of={"name": "avatars"}).of
    assert of["name"] == "avatars"
    assert of["n_train"] == 1000
    assert dataset(of=of).of == of


def test_a_degradation_takes_options_and_is_resolved_with_its_defaults(origin):
    made = dataset(degradation={"name": "low_resolution", "factor": 8})
    assert made.degradation == {"name": "low_resolution", "factor": 8, "shrink": "bicubic", "enlarge": "bicubic"}
    data = made.load(SIZE)
    assert data.source == "low_resolution"
    plain = dataset(degradation="low_resolution").load(SIZE)
    assert not torch.equal(data.images("low_resolution", "test"), plain.images("low_resolution", "test"))


def test_one_degraded_dataset_may_be_the_origin_of_another():
    twice = dataset(of={"name": "degraded", "of": ORIGIN, "degradation": "grayscale"}, degradation="edges")
    data = twice.load(SIZE)
    assert (data.source, data.target) == ("edges", "adventurer")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"of": {}}, "the key 'name' is missing"),
        ({"of": {"name": "avatar"}}, "Did you mean 'avatars'"),
        ({"of": {"name": "avatars", "n_trian": 3}}, "Did you mean 'n_train'"),
        ({"of": {"name": "avatars", "n_train": 0, "source": "adventure"}}, "Did you mean 'adventurer'"),
        ({"degradation": "edgs"}, "Did you mean 'edges'"),
        ({"degradation": {}}, "the key 'name' is missing"),
        ({"degradation": {"name": "edgs"}}, "Did you mean 'edges'"),
        ({"degradation": {"name": "low_resolution", "facter": 2}}, "Did you mean 'factor'"),
        ({"degradation": {"name": "low_resolution", "factor": 5}}, "degradation low_resolution: factor"),
        ({"domains": "adventurer"}, "Did you mean 'domain'"),
    ],
)
def test_bad_options_are_answered_with_the_remedy(options, said):
    with pytest.raises(InputError) as caught:
        dataset(**options)
    assert said in str(caught.value)
    assert "dataset degraded" in str(caught.value)


def test_an_unknown_domain_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'adventurer'"):
        dataset(domain="adventurers").load(SIZE)


def test_a_domain_named_as_the_degradation_is_refused():
    of = {"name": "degraded", "of": ORIGIN, "degradation": "grayscale"}
    with pytest.raises(InputError, match="bears the name"):
        dataset(of=of, domain="grayscale", degradation="grayscale").load(SIZE)


def test_a_suite_names_line_and_nested_problem(tiny_suite):
    path = tiny_suite(
        ("name: avatars, source: avataaars,", "name: degraded, of: {name: avatars, sauce: avataaars},"),
        ("target: adventurer, n_train: 24, n_val: 8, n_test: 8", "degradation: edges"),
    )
    with pytest.raises(InputError, match=r"tiny.yaml:4: dataset degraded: of: .*Did you mean 'source'"):
        load_suite(path)


def test_the_card_names_the_degradations():
    card = DATASETS.get("degraded").card()
    assert set(card.domains) == set(DEGRADATIONS.names())
    assert card.summary
