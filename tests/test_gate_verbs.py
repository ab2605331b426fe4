"""The verbs `baseline` and `check`: files, exit codes, formats, hostile names."""

import json
import os
import re
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent / "results"))

from fabricated import SUCCESS, measured, plan_of, record, save, untrained

from ganbench.results.plan import write_plan
from ganbench.results.store import RECORD_FILE

PAGE = Path(__file__).parent.parent / "docs" / "ci.md"
GOOD = [0.70, 0.71, 0.72, 0.73, 0.74]
WORSE = [value - 0.1 for value in GOOD]
HOSTILE = "</script><b>|`x`\n::error::%0A&\x00\x1b[31m"


def rows(values=GOOD, **changes):
    return [record("cyclegan", seed, {SUCCESS: value}, **changes) for seed, value in enumerate(values)]


def hostile(values):
    named = {"title": HOSTILE, "protocol": {"judge": HOSTILE}}
    return [
        one.model_copy(update={"metrics": {SUCCESS: measured(SUCCESS, value).model_copy(update=named)}})
        for one, value in zip(rows(values), values, strict=True)
    ]


@pytest.fixture
def good(tmp_path):
    save(tmp_path / "good", *rows(), untrained("real", {SUCCESS: 0.99}, reference=True))
    return tmp_path / "good"


@pytest.fixture
def file(tmp_path, good, cli):
    path = tmp_path / "baseline.json"
    assert cli("baseline", good, "-o", path)[0] == 0
    return path


def test_a_baseline_is_readable_and_holds_what_a_check_needs(file):
    held = json.loads(file.read_text())
    row = held["baseline"]["rows"]["cyclegan"]
    assert held["schema_version"] == 1
    assert row["metrics"][SUCCESS]["seeds"] == {str(seed): value for seed, value in enumerate(GOOD)}
    assert row["metrics"][SUCCESS]["protocol"] == {"judge": "small-cnn", "version": 1}
    assert row["provenance"][0]["git_commit"] == "a" * 40
    lines = [line for line in file.read_text().splitlines() if f'"{SUCCESS}": ' in line and "seeds" in line]
    assert len(lines) == 2  # one line per row and metric: a diff shows what moved


def test_a_check_passes_fails_and_stays_undecided(cli, tmp_path, good, file):
    assert cli("check", good, "--baseline", file)[0] == 0
    save(tmp_path / "worse", *rows(WORSE), untrained("real", {SUCCESS: 0.99}, reference=True))
    code, out, _ = cli("check", tmp_path / "worse", "--baseline", file)
    assert (code, "regressed" in out) == (1, True)
    save(tmp_path / "few", *rows(WORSE[:2]), untrained("real", {SUCCESS: 0.99}, reference=True))
    assert cli("check", tmp_path / "few", "--baseline", file)[0] == 4
    assert cli("check", tmp_path / "few", "--baseline", file, "--allow-inconclusive")[0] == 0
    assert cli("check", tmp_path / "worse", "--baseline", file, "--tolerance", f"{SUCCESS}=0.2")[0] == 0


def test_json_is_one_document(cli, good, file):
    code, out, _ = cli("check", good, "--baseline", file, "--json")
    found = json.loads(out)
    assert (code, found["exit_code"], found["verdict"]) == (0, 0, "same")
    assert found["findings"][0]["baseline"]["seeds"]["0"] == 0.7


def test_an_update_shows_what_would_change_and_asks(cli, tmp_path, good, file):
    before = file.read_bytes()
    assert cli("baseline", good, "-o", file)[0] == 0  # the same results: nothing to ask
    save(tmp_path / "worse", *rows(WORSE))
    code, out, error = cli("baseline", tmp_path / "worse", "-o", file)
    assert (code, file.read_bytes()) == (2, before)
    assert "not comparable" in out
    assert "--update" in error
    assert "real" in error  # a row that would be lost
    assert cli("baseline", tmp_path / "worse", "-o", file, "--update")[0] == 0
    assert cli("check", tmp_path / "worse", "--baseline", file)[0] == 0


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text[: len(text) // 2], "not valid JSON"),
        (lambda text: text.replace("0.7,", "0.9,"), "edited"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 2'), "newer"),
        (lambda text: text.replace('"seeds"', '"sedes"'), "not valid"),
        (lambda text: text.replace("0.7,", '"0.7",'), "not valid"),
        (lambda text: text.replace("0.7,", "NaN,"), "not valid JSON"),
        (lambda text: "[]", "must be a JSON object"),
    ],
)
def test_a_broken_baseline_is_refused_with_its_name_and_the_remedy(cli, good, file, damage, told):
    text = file.read_text()
    file.write_text(damage(text))
    assert file.read_text() != text
    code, _, error = cli("check", good, "--baseline", file)
    assert (code, told in error, file.name in error, "ganbench baseline" in error) == (2, True, True, True)
    assert cli("baseline", good, "-o", file)[0] == 2  # not even replaced unasked
    assert cli("baseline", good, "-o", file, "--update")[0] == 0


def test_an_absent_baseline_and_absent_results_are_named(cli, tmp_path, good):
    code, _, error = cli("check", good, "--baseline", tmp_path / "none.json")
    assert (code, "none.json" in error) == (2, True)
    (tmp_path / "empty").mkdir()
    assert cli("baseline", tmp_path / "empty", "-o", tmp_path / "b.json")[0] == 2
    assert cli("baseline", tmp_path / "absent", "-o", tmp_path / "b.json")[0] == 2
    assert not (tmp_path / "b.json").exists()


def test_records_that_cannot_be_read_stop_both_verbs(cli, good, file):
    broken = next(good.glob(f"*/*/*/{RECORD_FILE}"))
    broken.write_text("{")
    for command in (("check", good, "--baseline", file), ("baseline", good, "-o", file)):
        code, _, error = cli(*command)
        assert (code, str(broken) in error) == (2, True)


def test_a_baseline_of_unfinished_or_failed_results_is_refused(cli, tmp_path):
    bad = rows()
    bad[1] = bad[1].model_copy(update={"status": "diverged", "metrics": {}})
    bad[3] = bad[3].model_copy(update={"status": "failed", "metrics": {}})
    save(tmp_path / "bad", *bad)
    code, _, error = cli("baseline", tmp_path / "bad", "-o", tmp_path / "b.json")
    assert code == 2
    assert "seed 1 is diverged" in error
    assert "seed 3 is failed" in error


def test_a_baseline_waits_for_methods_that_have_not_begun(cli, tmp_path):
    directory = save(tmp_path / "half", *rows())
    write_plan(directory, plan_of(*rows(), record("dtn", 0), untrained("identity", {})))
    code, _, error = cli("baseline", tmp_path / "half", "-o", tmp_path / "b.json")
    assert (code, "dtn: not begun" in error) == (2, True)


def test_a_baseline_says_what_its_seeds_can_show(cli, tmp_path, good):
    _, _, error = cli("baseline", good, "-o", tmp_path / "a.json")
    assert "95 % of equal runs differ by less than 0.023" in error
    save(tmp_path / "one", *rows(GOOD[:1]))
    _, _, error = cli("baseline", tmp_path / "one", "-o", tmp_path / "b.json")
    assert "one seed says nothing of chance" in error


def test_another_suite_is_not_comparable_in_every_format(cli, tmp_path, good, file):
    save(tmp_path / "other", *rows(suite="other"))
    junit, summary = tmp_path / "j.xml", tmp_path / "s.md"
    code, out, _ = cli(
        "check", tmp_path / "other", "--baseline", file, "--junit", junit, "--summary", summary, "--github"
    )
    suite = ElementTree.parse(junit).getroot()[0]
    assert code == 4
    assert suite.attrib["errors"] == "1"
    assert "not comparable" in summary.read_text()
    assert "::error title=ganbench%3A not comparable::" in out


def test_hostile_names_are_escaped_in_every_format(cli, tmp_path):
    save(tmp_path / "a", *hostile(GOOD))
    save(tmp_path / "b", *hostile(WORSE))
    file, junit, summary = tmp_path / "b.json", tmp_path / "j.xml", tmp_path / "s.md"
    assert cli("baseline", tmp_path / "a", "-o", file)[0] == 0
    code, out, _ = cli("check", tmp_path / "b", "--baseline", file, "--junit", junit, "--summary", summary, "--github")
    assert code == 1
    case = ElementTree.parse(junit).getroot()[0][0]  # well-formed in spite of \x00 and \x1b
    assert case.find("failure") is not None
    assert "</script><b>|`x`" in case.attrib["name"]
    text = summary.read_text()
    assert "<b>" not in text
    assert "\n::error" not in text
    assert "\\|\\`x\\`" in text
    commands = [line for line in out.splitlines() if line.startswith("::")]
    assert len(commands) == 1  # the newline in the name starts no command of its own
    assert "%0A::error::%250A" in commands[0]
    assert "\x1b" not in out.replace(commands[0], "")


def test_junit_and_summary_tell_the_same_as_the_exit_code(cli, tmp_path, good, file):
    save(tmp_path / "few", *rows(WORSE[:2]), untrained("real", {SUCCESS: 0.99}, reference=True))
    junit, summary = tmp_path / "sub" / "j.xml", tmp_path / "s.md"
    command = ("check", tmp_path / "few", "--baseline", file, "--junit", junit, "--summary", summary)
    assert cli(*command)[0] == 4
    assert ElementTree.parse(junit).getroot()[0].attrib["errors"] == "1"
    assert "❔" in summary.read_text()
    assert cli(*command, "--allow-inconclusive")[0] == 0
    suite = ElementTree.parse(junit).getroot()[0].attrib
    assert (suite["errors"], suite["skipped"]) == ("0", "1")


def test_several_results_of_which_none_is_the_baselines_are_told_in_every_form(cli, tmp_path, file):
    root, junit, summary = tmp_path / "others", tmp_path / "j.xml", tmp_path / "s.md"
    for suite in ("second", "third"):
        save(root, *rows(suite=suite))
    code, out, _ = cli("check", root, "--baseline", file, "--junit", junit, "--summary", summary)
    assert code == 4
    for text in (out, summary.read_text(), ElementTree.parse(junit).getroot()[0][0][0].attrib["message"]):
        assert "not comparable" in text.lower()
        assert "second/cpu, third/cpu" in " ".join(text.split())


def test_github_and_json_exclude_each_other(cli, good, file):
    assert cli("check", good, "--baseline", file, "--github", "--json")[0] == 2


@pytest.fixture
def workflow():
    """Return the steps of the workflow in docs/ci.md."""
    text = PAGE.read_text("utf-8").split("<!-- the workflow -->")[1]
    (job,) = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])["jobs"].values()
    return job["steps"]


def test_the_workflow_of_the_page_works_as_it_is(cli, tmp_path, monkeypatch, workflow):
    """All that it runs but the training itself: results and a baseline lie where it expects them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    save(tmp_path / "out", *rows())
    assert cli("baseline", "out/unpaired_faces/cpu", "-o", "results/baselines/unpaired_faces.json")[0] == 0
    commands = [shlex.split(os.path.expandvars(step["run"])) for step in workflow if "ganbench" in step.get("run", "")]
    suite = Path(commands[0][2])
    assert (PAGE.parent.parent / suite).exists()
    assert [cli(*command[1:])[0] for command in commands[1:]] == [0, 0]
    assert "same" in (tmp_path / "summary.md").read_text()
    kept = workflow[-1]["with"]["path"].split()
    assert {path for path in kept if not Path(path).exists()} <= {
        "out/unpaired_faces/cpu/leaderboard.md",
        "out/unpaired_faces/cpu/comparison.png",
    }  # what the training writes
