"""Searches of options, end to end: what runs, what it may see, what the table holds, and how a stopped one goes on."""

from collections import Counter
from dataclasses import replace

import pytest
from runs import content, run_serial
from tiny_suite import TINY_SUITE

from ganbench import run, trial
from ganbench.data.avatars import Avatars
from ganbench.data.base import Domain
from ganbench.methods.base import METHODS
from ganbench.results.leaderboard import build_leaderboards
from ganbench.results.store import SEARCH_FILE, read_profile, read_record

TUNED = (
    TINY_SUITE.replace("[half_cycle]", "[half_cycle, cyclegan]")
    .replace("[sharpness]", "[colour]")
    .replace("steps: 4", "steps: 9")
    + """
tuning:
  trials: 4
  scheduler: asha
  metric: colour_l
  space: {lr: [1.0e-4, 0.1, log], reconstruction: [l1, l2]}
"""
)
ALONE = (("[half_cycle, cyclegan]", "[half_cycle]"), (", reconstruction: [l1, l2]", ""))


@pytest.fixture(scope="module", autouse=True)
def in_haste():
    """Give no memory back after each trial: here they are tiny, and it takes longer than their training."""
    patch = pytest.MonkeyPatch()
    patch.setattr(trial, "release_memory", lambda: None)
    patch.setattr(run, "release_memory", lambda: None)
    yield
    patch.undo()


@pytest.fixture
def suite(tmp_path):
    """Write the tiny suite with a search, with replacements, and return its path."""

    def write(*replacements):
        text = TUNED
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "tiny.yaml").write_text(text)
        return tmp_path / "tiny.yaml"

    return write


@pytest.fixture(scope="module")
def searched(tmp_path_factory, in_haste):
    """Run the suite once for all tests that only look at what is left."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "tiny.yaml").write_text(TUNED)
    options = run.RunOptions(engine="serial", results=folder / "results")
    plan = run.plan_run(folder / "tiny.yaml", options, lambda _: None)
    summary = run.execute(plan)
    assert summary.exit_code == 0
    run.publish(plan)
    return folder / "results"


def trials(results):
    """Return (label, number) → record of every search trial."""
    found = [read_record(path) for path in results.rglob(SEARCH_FILE)]
    return {(record.label, record.search.number): record for record in found}


def rows(results):
    return [r for r in read_profile(results / "tiny" / "cpu").records.values() if not r.baseline and not r.reference]


def searched_alike(one, two, label):
    """Say whether two runs searched and trained one row alike, to the bit."""
    before, after = ({n: content(r) for (of, n), r in trials(each).items() if of == label} for each in (one, two))
    tables = [[content(row) for row in rows(each) if row.label == label] for each in (one, two)]
    return before == after and tables[0] == tables[1]


def test_every_row_is_searched_alike_and_the_table_holds_the_reruns_of_the_winners_alone(searched):
    found = trials(searched)
    assert Counter(label for label, _ in found) == {"half_cycle": 4, "cyclegan": 4}
    done = rows(searched)
    assert sorted((record.label, record.seed) for record in done) == [("cyclegan", 0), ("half_cycle", 0)]
    assert not {record.seed for record in found.values()} & {record.seed for record in done}
    for record in done:
        finished = {n: r for (label, n), r in found.items() if label == record.label and r.status == "ok"}
        best = max(finished.values(), key=lambda r: r.metrics["colour_l"].value)
        assert record.options == best.options
        assert record.budget.images_seen == 18
    (board,) = build_leaderboards(read_profile(searched / "tiny" / "cpu"))
    assert {row.label: row.short_status for row in board.rows if row.kind == "method"} == {
        "half_cycle": "1/1 ok", "cyclegan": "1/1 ok"
    }  # fmt: skip


def test_trials_that_were_given_up_are_neither_done_nor_failed_and_say_why(searched):
    stopped = [record for record in trials(searched).values() if record.status == "stopped"]
    assert stopped, "the seeds of this test must lead to one that is given up"
    for record in stopped:
        assert record.metrics == {}
        assert record.error.startswith(f"given up after step {record.search.rungs[-1].step} of 9")
        assert record.budget.images_seen == 2 * record.search.rungs[-1].step < 18
        assert [rung.kept for rung in record.search.rungs] == [True] * (len(record.search.rungs) - 1) + [False]
    for record in trials(searched).values():
        if record.status == "ok":
            assert [rung.step for rung in record.search.rungs if rung.kept] == [1, 3]


def test_the_table_shows_what_was_searched_and_what_it_cost(searched):
    page = (searched / "tiny" / "cpu" / "leaderboard.md").read_text()
    assert "Options were searched before: 4 trials for each row below, drawn at random, given up early by ASHA" in page
    plan = read_profile(searched / "tiny" / "cpu").plan
    for label in ("half_cycle", "cyclegan"):
        records = [record for (of, _), record in trials(searched).items() if of == label]
        found = plan.search.rows[label]
        assert found.statuses == Counter(record.status for record in records)
        assert found.steps == sum(record.budget.images_seen // 2 for record in records)
        assert f"{found.steps} steps" in page
        assert found.options["lr"] == next(row for row in rows(searched) if row.label == label).options["lr"]
    assert "It has no reconstruction to be searched." in page


def test_nothing_is_kept_of_search_trials_but_records_and_samples(searched):
    left = {path.name for path in (searched / "tiny" / "cpu" / "search").rglob("*") if path.is_file()}
    assert {name for name in left if not name.startswith("step_")} == {SEARCH_FILE}


def test_a_second_run_does_nothing_but_say_so(cli, suite, searched):
    before = {path: path.stat().st_mtime_ns for path in searched.rglob("*.json")}
    code, _, err = run_serial(cli, suite_beside(searched), searched)
    assert code == 0
    assert "Nothing to do: all 6 trials are finished" in err
    after = {path: path.stat().st_mtime_ns for path in searched.rglob("*.json")}
    assert {path for path in before if after[path] != before[path]} <= {searched / "tiny" / "cpu" / "plan.json"}


def suite_beside(results):
    return results.parent / "tiny.yaml"


def test_a_search_is_blind_to_test_images(cli, searched, suite, results, monkeypatch):
    load = Avatars.load

    def other_test_images(self, image_size, report=None):
        data = load(self, image_size, report)
        domains = {
            name: Domain({**domain.images, "test": 255 - domain.images["test"].flip(0)}, domain.labels)
            for name, domain in data.domains.items()
        }
        return replace(data, domains=domains)

    monkeypatch.setattr(Avatars, "load", other_test_images)
    trial._load.cache_clear()
    assert run_serial(cli, suite(), results, "--only", "half_cycle")[0] == 0
    trial._load.cache_clear()
    here, there = trials(results), trials(searched)
    assert len(here) == 4
    assert {key: content(record) for key, record in here.items()} == {key: content(there[key]) for key in here}
    assert {str(row.metrics) for row in rows(results)}.isdisjoint(str(row.metrics) for row in rows(searched))


def test_a_search_that_was_stopped_goes_on_to_the_same_end(cli, searched, suite, results, monkeypatch):
    judge, calls = trial.evaluate_trial, []

    def stopping(*arguments):
        calls.append(None)
        if len(calls) in (3, 7, 10):
            raise KeyboardInterrupt
        return judge(*arguments)

    monkeypatch.setattr(trial, "evaluate_trial", stopping)
    codes = [run_serial(cli, suite(), results, "--only", "half_cycle")[0] for _ in range(4)]
    assert codes == [130, 130, 130, 0]
    assert searched_alike(results, searched, "half_cycle")


def test_rows_wait_for_their_search_and_a_dry_run_tells_its_cost(cli, suite, results, monkeypatch):
    def refuse(*_):
        raise KeyboardInterrupt

    code, out, err = run_serial(cli, suite(), results, "--dry-run")
    assert code == 0
    assert "search: 4 trial(s) for each of" in err
    assert "at most 72 steps beside the 18 of the rows" in err
    assert "8 trial(s) to do now" in err
    assert out.count(" search") == 2  # what the trained rows need first
    assert not results.exists()
    monkeypatch.setattr(trial, "evaluate_trial", refuse)
    assert run_serial(cli, suite(), results)[0] == 130
    code, out, _ = cli("report", results, "--markdown")
    assert "0 of 4 trials done, so the row waits" in out
    assert "pending" in out


def test_failed_and_diverged_trials_have_had_their_turn(cli, suite, results, add_method):
    class Fragile(METHODS.get("half_cycle")):
        def training_step(self, batch, step, generator):
            if self.options.lr > 5e-4:
                raise RuntimeError("too fast")
            return super().training_step(batch, step, generator)

    add_method("fragile", Fragile)
    path = suite(
        ("[half_cycle, cyclegan]", "[fragile]"), ("1.0e-4, 0.1", "1.0e-4, 1.0"), (", reconstruction: [l1, l2]", "")
    )
    code, _, err = run_serial(cli, path, results)
    assert code == 0, err
    statuses = Counter(record.status for record in trials(results).values())
    assert statuses["failed"] >= 1
    assert sum(statuses.values()) == 4
    assert all(row.status == "ok" and row.options["lr"] <= 5e-4 for row in rows(results))
    assert "Nothing to do" in run_serial(cli, path, results)[2]


def test_force_searches_again(cli, suite, results):
    path = suite(*ALONE, ("trials: 4", "trials: 2"))
    assert run_serial(cli, path, results)[0] == 0
    before = trials(results), rows(results)
    code, _, err = run_serial(cli, path, results, "--force")
    assert code == 0
    assert "2 trial(s) to do now" in err
    after = trials(results), rows(results)
    for old, new in zip([*before[0].values(), *before[1]], [*after[0].values(), *after[1]], strict=True):
        assert new.timings.finished > old.timings.finished
        assert content(new) == content(old)


def test_a_metric_that_validation_images_do_not_give_fails_with_its_reason(cli, suite, results):
    path = suite(
        *ALONE, ("[colour]", "[counterpart]"), ("colour_l", "counterpart_l1")
    )  # fmt: skip
    code, _, err = run_serial(cli, path, results)
    assert code == 2
    assert "counterpart_l1 can't be measured of validation images: the dataset knows no counterparts" in err
    assert not results.exists()


def test_the_sampler_that_learns_gives_the_same_trials_twice_and_after_a_stop(cli, suite, tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    path = suite(
        ("[half_cycle, cyclegan]", "[half_cycle]"), ("trials: 4", "trials: 6"), ("steps: 9", "steps: 2"),
        ("scheduler: asha", "sampler: tpe"), (", reconstruction: [l1, l2]", ", optimizer: [adam, rmsprop]"),
    )  # fmt: skip
    assert run_serial(cli, path, tmp_path / "one")[0] == 0
    judge, calls = trial.evaluate_trial, []

    def stopping(*arguments):
        calls.append(None)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return judge(*arguments)

    monkeypatch.setattr(trial, "evaluate_trial", stopping)
    assert [run_serial(cli, path, tmp_path / "two")[0] for _ in range(2)] == [130, 0]
    assert searched_alike(tmp_path / "one", tmp_path / "two", "half_cycle")
    assert len(trials(tmp_path / "one")) == 6
