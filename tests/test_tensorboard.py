import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from runs import run_serial
from tensorboardX.proto.event_pb2 import Event
from test_training import make_spec, never

from ganbench.errors import InterruptedRunError
from ganbench.results.pictures import read_pictures
from ganbench.results.store import read_profile
from ganbench.tensorboard import FOLDER
from ganbench.training import train
from ganbench.translations import load_translations
from ganbench.trial import build_method


def events(folder):
    """Read event files back: records of an eight-byte length, four bytes of checksum, the event, and four more."""
    found = []
    for path in sorted(folder.glob("events*")):
        content, place = path.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)
            found.append(Event.FromString(content[place + 12 : place + 12 + length]))
            place += length + 16
    return found


def values(folder):
    return {(value.tag, event.step): value for event in events(folder) for value in event.summary.value}


@pytest.fixture
def trained(tmp_path, colour_data):
    spec = make_spec(tmp_path, steps=4, tensorboard=True)
    state = train(build_method(spec, colour_data), colour_data, spec, lambda _: None, never)
    return spec, state


def test_the_learning_curve_is_read_back(trained):
    spec, state = trained
    logged = values(spec.directory / FOLDER)
    assert len(state.curve) == 4
    for row in state.curve:
        losses = {name: value for name, value in row.items() if name not in ("step", "seconds")}
        for name, value in losses.items():
            assert logged[f"loss/{name}", row["step"]].simple_value == np.float32(value)
        assert logged["seconds", row["step"]].simple_value == np.float32(row["seconds"])


def test_the_sample_grids_are_read_back(trained):
    spec, _ = trained
    (last,) = sorted((spec.directory / "progress").glob("*.png"))[-1:]
    logged = Image.open(BytesIO(values(spec.directory / FOLDER)["samples", 4].image.encoded_image_string))
    np.testing.assert_array_equal(np.asarray(logged), np.asarray(Image.open(last)))


def test_nothing_is_logged_unless_asked_and_the_training_is_the_same(tmp_path, colour_data, trained):
    spec = make_spec(tmp_path / "plain", steps=4)
    state = train(build_method(spec, colour_data), colour_data, spec, lambda _: None, never)
    assert not (spec.directory / FOLDER).exists()
    assert spec.training_hash == trained[0].training_hash
    without_time = [[{**row, "seconds": 0} for row in one.curve] for one in (state, trained[1])]
    assert without_time[0] == without_time[1]


def test_steps_that_are_done_again_void_what_was_logged_of_them(tmp_path, colour_data):
    spec = make_spec(tmp_path, steps=4, tensorboard=True)
    calls = iter(range(10))
    with pytest.raises(InterruptedRunError):
        train(build_method(spec, colour_data), colour_data, spec, lambda _: None, lambda: next(calls) >= 1)
    train(build_method(spec, colour_data), colour_data, spec, lambda _: None, never)
    found = events(spec.directory / FOLDER)
    assert [event.step for event in found if event.session_log.status == event.session_log.START] == [3]
    assert {step for _, step in values(spec.directory / FOLDER)} >= {1, 2, 3, 4}


def test_a_run_logs_where_it_is_asked_to_and_stores_what_pages_show(cli, tiny_suite, results):
    code, _, err = run_serial(cli, tiny_suite(), results, "--tensorboard")
    assert code == 0, err
    profile = results / "tiny" / "cpu"
    assert {path.parent.name.split("-")[0] for path in profile.glob(f"*/{FOLDER}")} == {"half_cycle"}
    stored = read_pictures(profile)
    copied = next(path for path in read_profile(profile).records if path.name.startswith("identity"))
    np.testing.assert_array_equal(stored.inputs, load_translations(copied)[0].numpy())
    assert "CC BY 4.0" in " ".join(stored.credits)
