import textwrap

import pytest

from ganbench.errors import InputError
from ganbench.losses.adversarial import ADVERSARIAL
from ganbench.spec import make_specs
from ganbench.suite import read_suite
from ganbench.variants import expand, load_suite

VALID = """
name: tiny
dataset: {name: avatars, source: avataaars, target: adventurer}
methods: [half_cycle, cyclegan]
seeds: [0, 1]
metrics: [frechet]
profiles:
  cpu: {image_size: 32, steps: 8, batch_size: 2}
"""


@pytest.fixture
def write(tmp_path):
    def make(text, name="tiny.yaml"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return make


def problems(path):
    with pytest.raises(InputError) as caught:
        load_suite(path)
    return caught.value.problems


def labels(path, profile="cpu"):
    return [variant.label for variant in expand(load_suite(path), profile) if not variant.cls.baseline]


def test_a_valid_suite_loads_and_brings_the_baselines(write):
    variants = expand(load_suite(write(VALID)), "cpu")
    assert [variant.label for variant in variants][:2] == ["half_cycle", "cyclegan"]
    assert {"identity", "mean_target", "random_target", "real"} <= {variant.label for variant in variants}
    assert all(variant.steps == (0 if variant.cls.baseline else 8) for variant in variants)


def test_the_grid_multiplies_and_drops_options_that_a_method_lacks(write):
    path = write(VALID.replace("seeds:", "grid: {reconstruction: [l1, l2], adversarial: [lsgan]}\nseeds:"))
    assert labels(path) == ["half_cycle", "cyclegan-l1", "cyclegan-l2"]


def test_a_methods_own_option_wins_over_the_grid(write):
    path = write(
        VALID.replace("[half_cycle, cyclegan]", "[{name: cyclegan, reconstruction: l2}]").replace(
            "seeds:", "grid: {reconstruction: [l1, l2]}\nseeds:"
        )
    )
    (variant,) = [v for v in expand(load_suite(path), "cpu") if not v.cls.baseline]
    assert variant.label == "cyclegan"
    assert variant.options["reconstruction"] == "l2"


def test_the_number_of_training_images_is_an_axis(write):
    path = write(VALID.replace("seeds:", "grid: {n_train: [100, 300]}\nseeds:"))
    variants = {variant.label: variant.n_train for variant in expand(load_suite(path), "cpu")}
    assert variants["half_cycle-100"] == variants["cyclegan-100"] == 100
    assert variants["half_cycle-300"] == 300
    assert variants["mean_target"] is None


def test_more_training_images_than_there_are_is_refused(write, colour_data, tmp_path):
    loaded = load_suite(write(VALID.replace("seeds:", "grid: {n_train: [3, 100, 300]}\nseeds:")))
    with pytest.raises(InputError, match=r"n_train must be at most the [0-9]+ training images") as caught:
        make_specs(loaded, "cpu", colour_data, tmp_path)
    assert len(caught.value.problems) == 4


def test_a_colon_in_a_value_does_not_reach_the_label(write, monkeypatch):
    monkeypatch.setitem(ADVERSARIAL._things, "family:member", ADVERSARIAL.get("lsgan"))
    path = write(VALID.replace("seeds:", "grid: {adversarial: [nonsaturating, 'family:member']}\nseeds:"))
    assert labels(path)[:2] == ["half_cycle-nonsaturating", "half_cycle-family-member"]


def test_variants_that_would_do_the_same_are_merged(write):
    assert labels(write(VALID.replace("[half_cycle, cyclegan]", "[cyclegan, {name: cyclegan, label: again}]"))) == [
        "cyclegan"
    ]


def test_a_profile_sets_defaults_methods_and_seeds(write):
    extra = "batch_size: 2, seeds: [7], methods: [cyclegan], options: {ngf: 8}}"
    loaded = load_suite(write(VALID.replace("batch_size: 2}", extra)))
    (variant,) = [v for v in expand(loaded, "cpu") if not v.cls.baseline]
    assert variant.options["ngf"] == 8
    assert loaded.seeds("cpu") == [7]


def test_a_method_may_have_a_budget_of_its_own(write):
    path = write(VALID.replace("[half_cycle, cyclegan]", "[{name: cyclegan, steps: 16}]"))
    assert next(v.steps for v in expand(load_suite(path), "cpu") if v.label == "cyclegan") == 16


def test_all_problems_are_reported_together_with_their_lines(write):
    path = write(
        """
        name: tiny
        dataset: {name: avatars, source: avataaars, target: adventurer}
        methods: [half_cycel, {name: cyclegan, lambda_cycle: -1.0, lamda_identity: 2}]
        seeds: [0]
        metrics: [frechet, frechett]
        extractor: efficientnet
        profiles:
          cpu: {image_size: 32, steps: 8, batch_size: 2}
        """
    )
    text = "\n".join(problems(path))
    assert "tiny.yaml:4: Unknown method 'half_cycel'. Did you mean 'half_cycle'?" in text
    assert "tiny.yaml:4: method cyclegan: lambda_cycle: input should be greater than or equal to 0. Got -1.0." in text
    assert "unknown key 'lamda_identity'. Did you mean 'lambda_identity'?" in text
    assert "tiny.yaml:6: Unknown metric 'frechett'. Did you mean 'frechet'?" in text
    assert "tiny.yaml:7: Unknown extractor 'efficientnet'. Did you mean 'efficientnet-lite0'?" in text
    assert len(problems(path)) == 5


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("seeds:", "sedes:", "unknown key 'sedes'. Did you mean 'seeds'?"),
        ("steps: 8", "stepz: 8", "unknown key 'profiles.cpu.stepz'. Did you mean 'steps'?"),
        ("steps: 8", "steps: eight", "Got 'eight'"),
        ("steps: 8", "steps: 0", "greater than or equal to 1. Got 0"),
        ("steps: 8", "steps: '8'", "write numbers without quotes"),
        ("image_size: 32", "image_size: 4", "greater than or equal to 8. Got 4"),
        ("seeds: [0, 1]", "seeds: [0, 0]", "seeds must be distinct"),
        ("name: tiny", "name: ../tiny", "becomes a folder. Got '../tiny'"),
        ("name: avatars", "name: avatarz", "Unknown dataset 'avatarz'. Did you mean 'avatars'?"),
        ("source: avataaars", "source: avataars", "avataaars"),
        ("[half_cycle, cyclegan]", "[{name: cyclegan, label: a/b}]", "label: a name must be"),
        ("[half_cycle, cyclegan]", "[{label: x}]", "the key 'name'"),
        ("[half_cycle, cyclegan]", "[cyclegan, {name: cyclegan, lambda_cycle: 1.0}]", "two methods bear the label"),
        ("seeds:", "grid: {reconstuction: [l1]}\nseeds:", "no method of this suite has the option 'reconstuction'"),
        ("seeds:", "grid: {adversarial: [lsgn]}\nseeds:", "grid, for method"),
        ("batch_size: 2}", "batch_size: 2, options: {ngff: 8}}", "no method has the option 'ngff'"),
        ("methods: [half_cycle, cyclegan]", "methods: []", "methods"),
        ("metrics: [frechet]", "metrics: [", "broken YAML"),
        ("metrics: [frechet]", "name: again", "the key 'name' stands twice"),
        ("metrics: [frechet]", "metrics: !!python/object/apply:os.system [echo]", "broken YAML"),
        ("metrics: [frechet]", "x: &a [1]\nmetrics: *a", "aliases"),
    ],
)
def test_bad_input_is_named_with_its_remedy(write, old, new, expected):
    path = write(VALID.replace(old, new, 1))
    text = "\n".join(problems(path))
    assert expected in text
    assert "tiny.yaml" in text


def test_a_suite_that_is_not_there_is_refused(tmp_path):
    assert "no such file" in problems(tmp_path / "absent.yaml")[0]
    assert "not a file" in problems(tmp_path)[0]


def test_a_huge_suite_is_refused_unread(tmp_path):
    path = tmp_path / "huge.yaml"
    path.write_text("#" * (2 << 20))
    assert "at most" in problems(path)[0]


def test_a_suite_that_is_no_mapping_or_no_text_is_refused(write, tmp_path):
    assert "must be a mapping" in problems(write("[1, 2]"))[0]
    assert "must be a mapping" in problems(write(""))[0]
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in problems(binary)[0]


def test_an_unknown_profile_names_the_known_ones(write):
    with pytest.raises(InputError, match=r"no profile 'gpu'\. Its profiles: cpu"):
        read_suite(write(VALID)).profile("gpu")
