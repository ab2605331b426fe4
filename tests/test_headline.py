"""One declared value that methods are ranked by, from the suite file to the table."""

from pathlib import Path

import pytest
from tiny_suite import TINY_SUITE

from ganbench.errors import InputError
from ganbench.results.leaderboard import build_leaderboards
from ganbench.results.plan import read_plan, write_plan
from ganbench.results.store import read_profile
from ganbench.variants import describe, load_suite


@pytest.fixture
def write(tmp_path: Path):
    def make(headline: str, metrics: str = "[sharpness, frechet, judge]") -> Path:
        path = tmp_path / "tiny.yaml"
        path.write_text(TINY_SUITE.replace("metrics: [sharpness]", f"metrics: {metrics}\nheadline: {headline}"))
        return path

    return make


@pytest.mark.parametrize("headline", ["fd_efficientnet-lite0", "judge_success", "judge_hair"])
def test_a_value_of_the_metrics_may_be_the_headline(write, headline: str) -> None:
    assert load_suite(write(headline)).suite.headline == headline


def test_other_headlines_are_refused_with_line_and_remedy(write) -> None:
    with pytest.raises(InputError) as caught:
        load_suite(write("judge_succes"))
    (problem,) = caught.value.problems
    assert ":8: headline: the metrics of profile cpu give no value 'judge_succes'. Did you mean" in problem
    assert "fd_efficientnet-lite0" in problem
    with pytest.raises(InputError, match="profile cpu give no value 'fid'"):
        load_suite(write("fid"))
    with pytest.raises(InputError, match="'collapse_pixel' are better"):
        load_suite(write("collapse_pixel", "[collapse]"))


def test_all_problems_are_told_together(write) -> None:
    with pytest.raises(InputError) as caught:
        load_suite(write("nothing", "[frechet, shrpness]"))
    assert len(caught.value.problems) == 2


def test_seeds_that_establish_nothing_are_told_beforehand(tiny_suite) -> None:
    text = describe(load_suite(tiny_suite(("seeds: [0]", "seeds: [0, 1, 2]"))))
    assert "With 3 training seeds per method the order of the methods is not established" in text
    assert "can't go below p = 0.1" in text
    assert "not established" not in describe(load_suite(tiny_suite(("seeds: [0]", "seeds: [0, 1, 2, 3]"))))


def test_a_dry_run_tells_it_too(cli, tiny_suite, tmp_path: Path) -> None:
    _, _, err = cli("run", tiny_suite(), "--dry-run", "--results", tmp_path / "results")
    assert "With 1 training seed per method the order of the methods is not established" in err


def test_the_declared_headline_ranks(finished: Path) -> None:
    directory = finished / "tiny" / "cpu"
    plan = read_plan(directory)
    assert plan is not None
    assert plan.headline is None
    for declared, found in (("sharpness", "sharpness"), ("judge_success", None)):
        write_plan(directory, plan.model_copy(update={"headline": declared}))
        (board,) = build_leaderboards(read_profile(directory))
        assert (board.headline.quantity if board.headline else None) == found
        assert any("which was not measured: no method has a rank" in note for note in board.footnotes) != bool(found)
