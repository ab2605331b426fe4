import math

import pytest
import torch
from PIL import Image

from ganbench.checkpoint import CHECKPOINT_FILE, load_checkpoint, save_checkpoint
from ganbench.errors import DivergedError, InputError, InterruptedRunError, StorageError
from ganbench.methods.base import METHODS
from ganbench.spec import TrialSpec
from ganbench.training import TrainingState, train, translate_all
from ganbench.trial import build_method


def make_spec(tmp_path, method="cyclegan", steps=6, **changes):
    known = METHODS.get(method).Options.model_fields
    small = {key: value for key, value in {"ngf": 4, "ndf": 4, "n_blocks": 1}.items() if key in known}
    options = METHODS.get(method).Options(**small).model_dump()
    values = {
        "suite": "tiny", "profile": "cpu", "method": method, "label": method, "options": options, "seed": 0,
        "dataset": {"name": "x", "source": "a", "target": "b"}, "data_fingerprint": "0" * 64, "image_size": 16,
        "steps": steps, "batch_size": 2, "flip": False, "precision": "float32", "threads": 1, "gpus": 0.0,
        "metrics": ("frechet",), "extractor": "efficientnet-lite0", "baseline": False, "reference": False,
        "stochastic": False, "profile_dir": str(tmp_path),
    }  # fmt: skip
    return TrialSpec(**{**values, **changes})


def flat(state):
    if isinstance(state, torch.Tensor):
        return [state]
    return [tensor for key in sorted(state, key=str) for tensor in flat(state[key])] if isinstance(state, dict) else []


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(flat(one.state_dict()), flat(other.state_dict()), strict=True))


def never():
    return False


def test_the_same_seed_gives_the_same_weights(tmp_path, colour_data):
    runs = []
    for name in ("one", "two"):
        spec = make_spec(tmp_path / name)
        method = build_method(spec, colour_data)
        state = train(method, colour_data, spec, lambda _: None, never)
        runs.append((method, [{k: v for k, v in row.items() if k != "seconds"} for row in state.curve]))
    assert same(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]


def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path, colour_data):
    whole, parts = make_spec(tmp_path / "whole", steps=60), make_spec(tmp_path / "parts", steps=60)
    undisturbed = build_method(whole, colour_data)
    expected = train(undisturbed, colour_data, whole, lambda _: None, never)
    for stop_after in (1, 25):  # 60 steps make a row of the curve each step; 25 lies between checkpoints
        calls = iter(range(10_000))
        method = build_method(parts, colour_data)
        with pytest.raises(InterruptedRunError, match="the same command goes on"):
            train(method, colour_data, parts, lambda _: None, lambda: next(calls) >= stop_after)  # noqa: B023
    notes = []
    method = build_method(parts, colour_data)
    state = train(method, colour_data, parts, notes.append, never)
    assert same(undisturbed, method)
    assert [(r["step"], r["forward_cycle"]) for r in state.curve] == [
        (r["step"], r["forward_cycle"]) for r in expected.curve
    ]
    assert any("goes on from step" in progress.note for progress in notes)


def test_a_limited_training_sees_the_first_images_alone(tmp_path, colour_data):
    seen = {}
    few = colour_data.limited_to(4)
    for name, data, n_train in (("limited", colour_data, 4), ("few", few, None), ("all", colour_data, None)):
        spec = make_spec(tmp_path / name, n_train=n_train)
        seen[name] = build_method(spec, colour_data)
        train(seen[name], data, spec, lambda _: None, never)
    assert same(seen["limited"], seen["few"])
    assert not same(seen["limited"], seen["all"])
    assert all(torch.equal(few.images(name, "train"), colour_data.images(name, "train")[:4]) for name in few.domains)
    assert all(torch.equal(few.images(name, "test"), colour_data.images(name, "test")) for name in few.domains)


def test_the_hash_names_the_limit_only_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr("ganbench.__version__", "0.1")
    hashes = [make_spec(tmp_path, options={}, n_train=n_train).training_hash for n_train in (None, 4, 5)]
    assert hashes[0] == "f95c7a029c5a0b20ac66d418045e1ef9b57c07d41ae1021ec776c251509a1f2a"  # before there was a limit
    assert len(set(hashes)) == 3


def test_training_writes_sample_grids_of_inputs_above_outputs(tmp_path, colour_data):
    spec = make_spec(tmp_path, steps=8)
    train(build_method(spec, colour_data), colour_data, spec, lambda _: None, never)
    grids = sorted((spec.directory / "progress").glob("*.png"))
    assert [path.stem for path in grids] == ["step_0000002", "step_0000004", "step_0000006", "step_0000008"]
    with Image.open(grids[-1]) as grid:
        first = colour_data.images("a", "val")[0]
        assert grid.getpixel((2 + 8, 2 + 8)) == tuple(first[:, 8, 8].tolist())  # 2 pixels of padding


def test_a_loss_that_is_not_finite_is_divergence(colour_data):
    state = TrainingState(step=3)
    state.add({"adversarial": torch.tensor(1.0), "cycle": torch.tensor(math.inf)})
    with pytest.raises(DivergedError, match="the loss cycle became NaN or infinite by step 3"):
        state.close_row()
    assert state.curve == [{"step": 3, "seconds": 0.0, "adversarial": 1.0}]  # what was finite is told


def test_curve_rows_are_means_over_their_steps():
    state = TrainingState(step=2)
    state.add({"loss": torch.tensor(1.0)})
    state.add({"loss": torch.tensor(3.0)})
    assert state.close_row() == {"loss": 2.0}
    assert state.curve[0]["step"] == 2


def test_translation_does_not_depend_on_what_was_drawn_before(tmp_path, colour_data):
    spec = make_spec(tmp_path, "random_target", steps=0)
    method = build_method(spec, colour_data)
    train(method, colour_data, spec, lambda _: None, never)
    images = colour_data.images("a", "test")
    first = translate_all(method, images, 0, "test")
    translate_all(method, images, 0, "other")
    assert torch.equal(first, translate_all(method, images, 0, "test"))
    assert not torch.equal(first, translate_all(method, images, 1, "test"))


class Payload:
    def __reduce__(self):
        return (print, ("code ran",))


def test_checkpoints_run_no_code(tmp_path, capsys):
    path = tmp_path / "evil.pt"
    torch.save({"format": 1, "payload": Payload()}, path)
    with pytest.raises(InputError, match=r"evil\.pt: is damaged or not a ganbench checkpoint"):
        load_checkpoint(path)
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["cut", "text", "other", "newer"])
def test_a_checkpoint_that_cannot_be_read_is_named(tmp_path, damage):
    path = tmp_path / CHECKPOINT_FILE
    save_checkpoint(path, {"weights": torch.ones(1000)})
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:2000])
    elif damage == "text":
        path.write_text("hello")
    else:
        torch.save({"format": 99} if damage == "newer" else [1, 2], path)
    with pytest.raises(InputError, match="newer ganbench" if damage == "newer" else "ganbench checkpoint"):
        load_checkpoint(path)


def test_a_crash_while_saving_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / CHECKPOINT_FILE
    save_checkpoint(path, {"step": 1})

    def full_disk(content, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(StorageError, match="No space left"):
        save_checkpoint(path, {"step": 2})
    monkeypatch.undo()
    assert load_checkpoint(path)["step"] == 1
    assert [file.name for file in tmp_path.iterdir()] == [CHECKPOINT_FILE]


def test_a_damaged_checkpoint_is_said_and_training_starts_anew(tmp_path, colour_data):
    spec = make_spec(tmp_path)
    spec.directory.mkdir(parents=True)
    (spec.directory / CHECKPOINT_FILE).write_text("broken")
    notes = []
    state = train(build_method(spec, colour_data), colour_data, spec, notes.append, never)
    assert state.step == 6
    assert any("Training starts anew" in progress.note for progress in notes)


def test_the_hash_follows_what_changes_the_weights_and_nothing_else(tmp_path):
    spec = make_spec(tmp_path)
    same_training = {"label": "other", "metrics": ("kernel",), "profile_dir": "/elsewhere", "suite": "another"}
    for key, value in same_training.items():
        assert spec.model_copy(update={key: value}).training_hash == spec.training_hash, key
    other_training = {"seed": 1, "steps": 7, "threads": 2, "precision": "bfloat16", "flip": True,
                      "data_fingerprint": "1" * 64, "options": {**spec.options, "lr": 1e-3}}  # fmt: skip
    for key, value in other_training.items():
        assert spec.model_copy(update={key: value}).training_hash != spec.training_hash, key


def test_the_hash_follows_the_version_of_ganbench(tmp_path, monkeypatch):
    spec = make_spec(tmp_path)
    before = spec.training_hash
    monkeypatch.setattr("ganbench.__version__", "99")
    assert spec.training_hash != before


def test_bfloat16_trains_to_finite_losses_near_those_of_float32(tmp_path, colour_data):
    curves = {}
    for precision in ("float32", "bfloat16"):
        spec = make_spec(tmp_path / precision, precision=precision)
        state = train(build_method(spec, colour_data), colour_data, spec, lambda _: None, never)
        curves[precision] = [row["forward_cycle"] for row in state.curve]
    assert curves["bfloat16"] == pytest.approx(curves["float32"], rel=0.05)
    assert curves["bfloat16"] != curves["float32"]
