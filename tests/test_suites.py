"""Every suite of the project: valid in all profiles, described, and within its budget's rules."""

from pathlib import Path

import pytest

from ganbench.variants import expand, load_suite

SUITES = sorted((Path(__file__).parent.parent / "suites").glob("*.yaml"))


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_suite_is_valid_and_has_its_profiles_and_a_description(path):
    suite = load_suite(path).suite
    assert suite.name == path.stem
    assert {"cpu", "gpu", "smoke"} <= set(suite.profiles)
    assert suite.description


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_suite_compares_at_least_two_trained_rows_and_the_gpu_profile_five_seeds(path):
    loaded = load_suite(path)
    for profile in ("cpu", "gpu", "smoke"):
        assert sum(variant.cls.trained for variant in expand(loaded, profile)) >= 2
    assert len(loaded.seeds("gpu")) == 5
    assert loaded.seeds("smoke") == [0]
