import json
from types import SimpleNamespace

import psutil
import pytest
import torch

from ganbench.data.avatars import Avatars
from ganbench.doctor import machine, suites
from ganbench.doctor.examine import examine
from ganbench.nets.extractors_inception import INCEPTION

TOPICS = ["environment", "devices", "disk", "weights", "suites"]


@pytest.fixture
def look(monkeypatch, tmp_path, tiny_suite):
    """Examine a machine without weights and GPUs, and one suite; return the findings on one topic."""
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)

    def examined(topic, *replacements):
        suite = tiny_suite(*replacements)
        return [found for found in examine(tmp_path / "results", suite.parent) if found.topic == topic]

    return examined


def only(findings, subject):
    (found,) = [finding for finding in findings if finding.subject == subject]
    return found


def test_every_topic_is_looked_at_and_trouble_has_a_remedy(look, tmp_path, tiny_suite):
    look("weights")
    findings = examine(tmp_path, tiny_suite().parent)
    assert list(dict.fromkeys(finding.topic for finding in findings)) == TOPICS
    assert all(finding.text for finding in findings)
    assert all(finding.remedy for finding in findings if finding.status != "ok")


def test_too_old_and_absent_packages_are_named_with_pips_command(look, monkeypatch):
    monkeypatch.setattr(machine, "requires", lambda _: ["torch>=99.1", "gone[all]>=1.2", "rich>=1", "x; extra"])
    found = look("environment")
    assert only(found, "torch").status == "missing"
    assert only(found, "torch").remedy == 'pip install --upgrade "torch>=99.1"'
    assert only(found, "gone").remedy == 'pip install "gone>=1.2"'
    assert only(found, "packages").text.startswith("1 other")


@pytest.mark.parametrize(("found", "bound", "fine"), [
    ("2.15.0+cpu", "2.8", True), ("2.8", "2.8", True), ("2.7.9", "2.8", False), ("3.0rc1", "2.99", True),
])  # fmt: skip
def test_versions_are_compared_as_numbers(found, bound, fine):
    assert (machine._version("x", found, bound).status == "ok") is fine


def test_inherited_threads_are_reported(look, monkeypatch):
    assert only(look("devices"), "threads").status == "ok"
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert "unset OMP_NUM_THREADS" in only(look("devices"), "threads").remedy


def test_disk_that_is_full_or_closed(look, monkeypatch, tmp_path):
    assert {finding.status for finding in look("disk")} == {"ok"}
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    assert {finding.status for finding in look("disk")} == {"note"}
    (tmp_path / "results").write_text("a file in the way")
    assert only(look("disk"), "results").status == "missing"


def test_weights_absent_and_damaged(look, tmp_path):
    found = only(look("weights"), "inception-v3")
    assert (found.status, found.remedy) == ("note", "ganbench weights fetch inception-v3")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / INCEPTION.file_name).write_bytes(b"damaged")
    found = only(look("weights"), "inception-v3")
    assert found.status == "missing"
    assert str(tmp_path / "weights" / INCEPTION.file_name) in found.remedy


def test_suite_that_runs_here(look):
    (found,) = look("suites")
    assert (found.status, found.subject) == ("ok", "tiny")
    assert "cpu" in found.text


def test_suite_whose_extractor_and_lpips_are_absent(look):
    found = look("suites", ("metrics: [sharpness]", "metrics: [frechet, collapse]\nextractor: inception-v3-192"))
    assert [finding.status for finding in found] == ["missing", "note"]
    assert "weights-inception" in found[0].text
    assert found[0].remedy == "ganbench weights fetch inception-v3-192"
    assert "collapse would go without LPIPS" in found[1].text


def test_profile_that_asks_for_more_than_there_is(look):
    found = look("suites", ("image_size: 16", "gpus_per_trial: 1, image_size: 16"))
    assert "profile cpu: needs 1 GPU" in found[0].text
    found = look("suites", ("image_size: 16", "cpus_per_trial: 1000, image_size: 16"))
    assert "needs 1000 cores per trial" in found[0].text


def test_images_that_are_absent(look, monkeypatch):
    monkeypatch.setattr(Avatars, "missing", lambda _: "The folder x does not exist. Unpack y there.")
    (found,) = look("suites")
    assert (found.status, found.text) == ("missing", "The folder x does not exist. Unpack y there.")


def test_memory_known_from_finished_trials(look, monkeypatch):
    peak = SimpleNamespace(timings=SimpleNamespace(peak_memory_mib=2048))
    monkeypatch.setattr(suites, "read_profile", lambda _: SimpleNamespace(records={"a": peak}))
    monkeypatch.setattr(suites, "available_cpus", lambda: 4)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**34, total=2**35))
    assert "2.0 GiB per trial" in look("suites")[0].text
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**32, total=2**35))
    assert "4 trials at once need 2.0 GiB each, 4.0 are free" in look("suites")[0].text


def test_suite_that_is_not_valid_is_a_finding_and_no_error(look):
    (found,) = look("suites", ("half_cycle", "half_cicle"))
    assert found.status == "missing"
    assert "half_cicle" in found.text
    assert "ganbench validate" in found.remedy


def test_verb_prints_topics_and_remedies_and_ends_well(cli, look, tmp_path, tiny_suite):
    look("weights")
    folders = ("--results", tmp_path, "--suites", tiny_suite().parent)
    code, out, err = cli("doctor", *folders)
    assert code == 0
    assert err == ""
    assert all(f"{topic.capitalize()}\n" in out for topic in TOPICS)
    assert "→ ganbench weights fetch inception-v3" in out
    code, out, _ = cli("doctor", "--json", *folders)
    assert code == 0
    assert {"topic", "subject", "status", "text", "remedy"} == set(json.loads(out)[0])
