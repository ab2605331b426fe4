"""Trials that share a GPU by measured memory: on machines without one, against a GPU that the tests make up."""

import json
from types import SimpleNamespace

import pytest
import torch
from runs import records

from ganbench import gpu_sharing, hardware
from ganbench.engines.ray_tune import _resources
from ganbench.errors import InputError
from ganbench.gpu_sharing import CONTEXT_MIB, EVALUATION_MIB, MOST_STEPS, SPARE, UPDATES, share_of
from ganbench.hardware import check_nodes, check_resources
from ganbench.methods.base import Method
from ganbench.methods.cycle_presets import HalfCycle
from ganbench.numerics_choice import NUMERICS_FILE
from ganbench.run_plan import RunOptions, plan_run, store_plan
from ganbench.suite import read_suite

AUTO = ("image_size: 16", "gpus_per_trial: auto, image_size: 16")
TWO_ROWS = ("methods: [half_cycle]", "methods: [half_cycle, {name: half_cycle, label: wide, batch_size: 4}]")
MIB = 2**20


class FakeGpu:
    """Stands in for a GPU: networks train on the CPU, and each row is said to hold ``held[label]`` MiB."""

    def __init__(self, patch, held, total=40_960, devices=1, cores=16):
        self.held, self.tried, self.label = held, [], ""
        cpu = torch.device("cpu")
        for place in ("ganbench.trial.pick_device", "ganbench.numerics_choice.pick_device"):
            patch.setattr(place, lambda _: cpu)
        patch.setattr(gpu_sharing, "build_method", self.building(gpu_sharing.build_method))
        patch.setattr(gpu_sharing, "available_cpus", lambda: cores)
        patch.setattr(torch.cuda, "init", lambda: None)
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "device_count", lambda: devices)
        patch.setattr(torch.cuda, "get_device_name", lambda: "Fake")
        patch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=total * MIB))
        patch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: setattr(self, "label", ""))
        patch.setattr(torch.cuda, "max_memory_reserved", lambda: self.held.get(self.label, 0) * MIB)

    def building(self, build):
        def built(spec, data):
            self.label = spec.label
            self.tried.append(spec.label)
            if self.held.get(spec.label) is None and not spec.baseline:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return build(spec, data)

        return built


@pytest.fixture
def planned(tmp_path, monkeypatch, tiny_suite):
    """Return a function: the plan of a tiny suite with two rows on a made-up GPU, and that GPU."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))

    def plan(held, *replacements, options=None, **gpu):
        with monkeypatch.context() as patch:
            fake = FakeGpu(patch, held, **gpu)
            chosen = options or RunOptions(results=tmp_path / "results", seeds=(0, 1, 2))
            return plan_run(tiny_suite(AUTO, TWO_ROWS, *replacements), chosen, lambda _: None), fake

    return plan


HELD = {"half_cycle": 3000, "wide": 8000}


def test_the_heaviest_row_decides_for_all_trials_and_ray_is_told(planned):
    plan, fake = planned(HELD)
    assert {"half_cycle", "wide"} <= set(fake.tried)
    assert {spec.gpus for spec in plan.specs} == {0.3333}  # (40,960 − 1,024) / (1.15 × 8,000 + 1,024) = 3.9
    assert _resources(plan.specs[0]) == {"cpu": 1, "gpu": 0.3333}
    (line,) = [line for line in plan.advice if "GPU" in line]
    assert line == (
        "0.3333 GPU for each trial, by memory, cores and trials: wide at 16 px, batch 4 held 8,000 of 40,960 MiB."
    )


@pytest.mark.parametrize(("devices", "cores", "trials", "each"), [(1, 8, 99, 8), (4, 8, 99, 2), (3, 8, 99, 3),
                                                                    (4, 64, 2, 1), (2, 64, 5, 3)])  # fmt: skip
def test_no_more_trials_than_cores_and_work_for_all_gpus(monkeypatch, devices, cores, trials, each):
    monkeypatch.setattr(gpu_sharing, "available_cpus", lambda: cores)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    assert gpu_sharing.at_once(1, trials) == each
    assert int(1 / share_of(1.0, 10**9, each)) == each


@pytest.mark.parametrize("mib", [1, 100, 3000, 12_345, 20_000, 79_000])
@pytest.mark.parametrize("gpu_mib", [4096, 24_576, 81_920])
def test_what_runs_at_once_fits_in_memory_and_one_more_would_not(mib, gpu_mib):
    def filled(trials):
        return trials * (CONTEXT_MIB + max(SPARE * mib, EVALUATION_MIB)) + CONTEXT_MIB

    at_once = int(1 / share_of(mib, gpu_mib, 1000))
    assert at_once == 1 or filled(at_once) <= gpu_mib
    assert filled(at_once + 1) > gpu_mib


def test_every_share_lets_as_many_trials_on_a_gpu_as_it_says():
    """Ray counts in ten-thousandths: thirds that are rounded up would leave room for two alone."""
    for wanted in range(1, 65):
        parts = share_of(1.0, 10**9, wanted) * 10_000
        assert parts == pytest.approx(round(parts), abs=1e-6)
        assert 10_000 // round(parts) == wanted


def test_a_row_that_is_too_large_gets_a_gpu_for_itself(planned):
    plan, _ = planned({"half_cycle": 3000, "wide": None})
    assert {spec.gpus for spec in plan.specs} == {1.0}
    assert plan.numerics.gpu.mib == 40_960


def test_a_row_that_fails_does_not_take_the_others_with_it(planned, monkeypatch):
    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(HalfCycle, "training_step", fail)
    assert planned(HELD)[0].numerics.gpu.mib == 8000


def test_one_measurement_serves_a_new_directory_and_each_resume(planned, tmp_path):
    first, _ = planned(HELD)
    store_plan(first)
    other = RunOptions(results=tmp_path / "others", seeds=(0,), only=("half_cycle",))
    for options in (other, None):
        again, fake = planned({}, options=options)
        assert not fake.tried
        assert again.numerics.gpu.mib == 8000
    for path in (tmp_path / "cache" / "gpu-memory").iterdir():
        path.unlink()
    kept, fake = planned({})
    assert not fake.tried
    assert kept.numerics == first.numerics


def test_another_gpu_or_another_row_is_measured_anew(planned):
    store_plan(planned(HELD)[0])
    smaller, fake = planned(HELD, total=10_240)
    assert "wide" in fake.tried
    assert smaller.specs[0].gpus == 1.0
    assert "wide" in planned(HELD, ("batch_size: 4", "batch_size: 3"))[1].tried


def test_the_share_stands_beside_the_numerics_and_in_no_hash(planned, tmp_path):
    plan, _ = planned(HELD)
    store_plan(plan)
    stored = json.loads((tmp_path / "results" / "tiny" / "cpu" / NUMERICS_FILE).read_text())
    assert stored["gpu"]["share"] == 0.3333
    assert stored["gpu"]["mib"] == 8000
    by_hand = [spec.model_copy(update={"gpus": 1.0}).training_hash for spec in plan.specs]
    assert [spec.training_hash for spec in plan.specs] == by_hand


def test_the_serial_engine_measures_nothing(planned, tmp_path):
    plan, fake = planned(HELD, options=RunOptions(results=tmp_path / "results", engine="serial"))
    assert not fake.tried
    assert plan.numerics.gpu is None
    assert {spec.gpus for spec in plan.specs} == {1.0}


def test_a_share_by_hand_is_left_alone(planned):
    plan, fake = planned(HELD, ("gpus_per_trial: auto", "gpus_per_trial: 0.25"))
    assert not fake.tried
    assert {spec.gpus for spec in plan.specs} == {0.25}


def test_a_try_prepares_trains_until_the_generator_did_and_translates(planned, add_method):
    done = []

    class Scripted(Method):
        """Notes what is asked of it; every second step updates its generator."""

        def prepare(self, data, seed, report):
            done.append("prepare")

        def generator_updates(self, steps):
            return steps // 2

        def training_step(self, batch, step, generator):
            done.append("step")
            return {}

        def translate(self, source, generator):
            done.append(len(source))
            return source

    add_method("scripted", Scripted)
    rows = ("half_cycle, {name: half_cycle", "scripted, {name: half_cycle")
    planned({"scripted": 1, "wide": 1}, rows, ("steps: 4", f"steps: {MOST_STEPS}"))
    assert done == ["prepare", *["step"] * (2 * UPDATES), 8]


def test_without_a_gpu_auto_is_refused_as_one_is(monkeypatch, tiny_suite, cli, results):
    with pytest.raises(InputError) as refused:
        check_resources(1, "auto", 2, 0, "profile gpu")
    assert "gpus_per_trial must be at most the 0 GPUs that are here. Got auto." in str(refused.value)
    check_resources(1, "auto", 2, 1, "profile gpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    code, _, err = cli("run", tiny_suite(AUTO), "--dry-run", "--results", results)
    assert code == 2
    assert "profile cpu: gpus_per_trial must be at most the 0 GPUs" in " ".join(err.split())


def test_a_command_without_a_gpu_cannot_measure_for_a_cluster(planned, monkeypatch):
    plan, _ = planned(HELD)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    whole = [spec.model_copy(update={"gpus": 1.0}) for spec in plan.specs]
    with pytest.raises(InputError, match=r"asks for 1 GPU, and torch sees no CUDA device here\. Use --profile cpu"):
        gpu_sharing.share_gpus(whole, plan.data, None, 1, print)


def test_a_share_needs_a_node_with_a_gpu():
    assert check_nodes(1, 0.3333, {"a": (8.0, 0.0), "b": (8.0, 1.0)}, "profile gpu") == ["b"]


@pytest.mark.parametrize("value", ["-1", "65", "most", "true", ".nan", "[1]", "'0.5'"])
def test_anything_but_a_number_or_auto_is_one_problem(tiny_suite, value):
    with pytest.raises(InputError) as refused:
        read_suite(tiny_suite(("image_size: 16", f"gpus_per_trial: {value}, image_size: 16")))
    assert len(refused.value.problems) == 1
    assert "gpus_per_trial: must be a number from 0 to 64, or auto. Got" in str(refused.value)


def test_memory_on_a_gpu_is_given_back_with_the_rest(monkeypatch):
    emptied = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(True))
    hardware.release_memory()
    assert emptied


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")


@pytest.mark.gpu
@needs_gpu
def test_on_a_gpu_more_images_need_more_memory_and_all_of_it_comes_back(tiny_suite, tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    need = []
    for size in (1, 8):
        batch = ("batch_size: 2", f"batch_size: {size}")
        larger = ("image_size: 16", "gpus_per_trial: auto, image_size: 64")
        plan = plan_run(tiny_suite(larger, batch), RunOptions(results=tmp_path / str(size)), lambda _: None)
        assert 0 < plan.numerics.gpu.share <= 1
        need.append(plan.numerics.gpu.mib)
        hardware.release_memory()
        assert torch.cuda.memory_reserved() < 64 * MIB
    assert 0 < need[0] < need[1]


@pytest.mark.gpu
@needs_gpu
def test_on_a_gpu_trials_run_with_the_measured_share(cli, tiny_suite, results):
    code, _, err = cli("run", tiny_suite(AUTO, TWO_ROWS), "--results", results)
    assert code == 0, err
    assert "GPU for each trial, by memory, cores and trials" in " ".join(err.split())
    kept = json.loads((results / "tiny" / "cpu" / NUMERICS_FILE).read_text())["gpu"]
    assert {record.provenance["asked"]["gpus_per_trial"] for record in records(results).values()} == {kept["share"]}
