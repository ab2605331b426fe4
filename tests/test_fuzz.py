"""Properties of the parsers of suites and records: any input is read, or refused with the file's name.

The long version is a command: ``python -m proofs.fuzz``.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganbench.errors import InputError
from ganbench.recorded_trial import spec_of
from ganbench.results.leaderboard import build_leaderboards
from ganbench.results.store import read_profile, read_record, write_record
from ganbench.variants import load_suite
from proofs.mutate import Sound, mutate, to_json, to_yaml

SUITES = sorted((Path(__file__).parent.parent / "suites").glob("*.yaml"))
SHORT = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner), max_leaves=9
)
seeds = st.integers(0, 2**32)
PARTS = ("name", "dataset", "methods", "grid", "seeds", "metrics", "profiles", "extractor", "headline", "tuning")


def accepts(read, path):
    """Return what ``read`` makes of a file, or None where it refuses it as it should: by name, in printable text."""
    try:
        return read(path)
    except InputError as error:
        refusal = error
    assert all(str(path) in problem for problem in refusal.problems)
    str(refusal).encode("utf-8")
    return None


@pytest.fixture(scope="module")
def sound_record(one_run):
    return next(one_run.glob("tiny/cpu/half_cycle-*/record.json"))


@SHORT
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_suite_or_refused(content, tmp_path):
    path = tmp_path / "suite.yaml"
    path.write_bytes(content)
    accepts(load_suite, path)


@SHORT
@given(key=st.sampled_from(PARTS), value=values, suite=st.sampled_from(SUITES))
def test_any_value_of_any_key_is_accepted_or_refused(key, value, suite, tmp_path):
    path = tmp_path / "suite.yaml"
    path.write_bytes(to_yaml({**yaml.safe_load(suite.read_text()), key: value}))
    accepts(load_suite, path)


@SHORT
@given(seed=seeds, suite=st.sampled_from(SUITES), other=st.sampled_from(SUITES))
def test_any_mutation_of_a_suite_is_accepted_or_refused(seed, suite, other, tmp_path):
    sounds = [Sound(path.read_bytes(), yaml.safe_load(path.read_text()), to_yaml) for path in (suite, other)]
    path = tmp_path / "suite.yaml"
    path.write_bytes(mutate(*sounds, np.random.default_rng(seed)))
    accepts(load_suite, path)


@SHORT
@given(content=st.binary(max_size=300) | values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_record_or_refused(content, tmp_path):
    path = tmp_path / "record.json"
    path.write_bytes(content)
    accepts(read_record, path)


@SHORT
@given(seed=seeds)
def test_any_mutation_of_a_record_is_shown_or_refused_and_what_is_read_can_be_written_again(
    seed, sound_record, tmp_path
):
    content = sound_record.read_bytes()
    sound = Sound(content, json.loads(content), to_json)
    path = tmp_path / "tiny" / "cpu" / "trial" / "record.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(mutate(sound, sound, np.random.default_rng(seed)))
    record = accepts(read_record, path)
    build_leaderboards(read_profile(path.parent.parent))
    if record is not None:
        accepts(lambda place: spec_of(record, place, tmp_path), path)
        assert read_record(write_record(tmp_path / "again", record)) == record
