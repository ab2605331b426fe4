import io
import json
from pathlib import Path

import pytest
from fabricated import FD, record, save
from PIL import Image

from ganbench.report import mean_ranks
from ganbench.report.rank_diagram import rank_diagram
from ganbench.results.aggregate import Aggregate, aggregate, cliques, critical_difference
from ganbench.results.leaderboard import build_leaderboards
from ganbench.results.store import read_results


def suite(root: Path, name: str, order: list[str], **changes) -> None:
    """Save a suite of two seeds in which methods come in this order."""
    save(root, *(record(label, seed, {FD: 10.0 * place + seed}, suite=name, **changes)
                 for place, label in enumerate(order, 1) for seed in range(2)))  # fmt: skip


def aggregates(root: Path) -> list[Aggregate]:
    return aggregate([board for results in read_results(root) for board in build_leaderboards(results)])


def test_ranks_are_averaged_over_suites(tmp_path: Path) -> None:
    for name, order in (("one", ["a", "b", "c"]), ("two", ["b", "a", "c"]), ("three", ["a", "b", "c"])):
        suite(tmp_path, name, order)
    (found,) = aggregates(tmp_path)
    assert [row.label for row in found.rows] == ["a", "b", "c"]
    assert [row.mean for row in found.rows] == pytest.approx([4 / 3, 5 / 3, 3])
    a = found.rows[0]
    assert a.ranks == {"one": 1, "two": 2, "three": 1}
    assert a.interval is not None
    assert (a.interval.low, a.interval.n) == (1, 3)  # no rank is better than 1
    assert a.interval.high == pytest.approx(4 / 3 + 4.3027 / 3, abs=1e-3)
    assert found.friedman_p is None


def test_methods_of_one_suite_alone_do_not_take_part(tmp_path: Path) -> None:
    suite(tmp_path, "one", ["only", "a", "b"])
    suite(tmp_path, "two", ["a", "b"])
    (found,) = aggregates(tmp_path)
    assert {row.label: row.mean for row in found.rows} == {"a": 1, "b": 2}


def test_profiles_are_never_mixed_and_incomplete_methods_not_ranked(tmp_path: Path) -> None:
    suite(tmp_path, "one", ["a", "b", "c"])
    suite(tmp_path, "two", ["a", "b"], profile="long")
    assert aggregates(tmp_path) == []
    suite(tmp_path, "three", ["a", "b", "c"])
    save(tmp_path, record("a", 2, {}, suite="three", status="diverged"))
    (found,) = aggregates(tmp_path)
    assert {row.label for row in found.rows} == {"b", "c"}
    assert found.profile == "cpu"


def test_equal_values_share_a_rank(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(tmp_path, *(record(label, 0, {FD: value}, suite=name) for label, value in (("a", 5), ("b", 5), ("c", 9))))
    (found,) = aggregates(tmp_path)
    assert {row.label: row.mean for row in found.rows} == {"a": 1.5, "b": 1.5, "c": 3}


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_is_demsars(methods: int, q: float) -> None:
    """Table 5a of Demšar (2006)."""
    assert critical_difference(methods, 6) == pytest.approx(q * (methods * (methods + 1) / 36) ** 0.5, abs=2e-3)


@pytest.fixture
def six(tmp_path: Path) -> Path:
    orders = ["abcde", "abcde", "bacde", "abdce", "abced", "acbde"]
    for index, order in enumerate(orders):
        suite(tmp_path / "results", f"suite{index}", [f"method-{letter}" for letter in order])
    suite(tmp_path / "results", "suite6", [f"method-{letter}" for letter in "abcdef"])
    return tmp_path / "results"


def test_from_five_suites_on_friedmans_test_speaks(six: Path) -> None:
    (found,) = aggregates(six)
    assert len(found.complete) == 5  # method-f stands in one suite alone
    assert found.friedman_p is not None
    assert found.critical_difference is not None
    assert found.friedman_p < 0.01
    runs = [[row.label[-1] for row in run] for run in cliques(found.complete, found.critical_difference)]
    assert runs[0][0] == "a"
    assert "e" not in runs[0]
    assert all(not set(one) <= set(other) for one in runs for other in runs if one is not other)


def test_the_diagram_shows_every_method(six: Path) -> None:
    (found,) = aggregates(six)
    picture = rank_diagram(found)
    assert picture.width < 1000
    assert picture.getcolors(1 << 20) is not None
    assert len(picture.crop((0, 120, 150, picture.height - 40)).getcolors(1 << 20)) > 2  # labels on the left


def test_the_verb_prints_mean_ranks_last(cli, six: Path, tmp_path: Path) -> None:
    for form in ("--markdown", None):
        _, out, _ = cli("report", six, *([form] if form else []))
        tail = out[out.index("Over 7 suites (cpu): mean rank") :]
        assert "method-a" in tail
        assert "Friedman" in tail
    data = json.loads(cli("report", six, "--json")[1])
    assert len(data) == 8
    assert data[-1]["mean_ranks"][0]["label"] == "method-a"
    code, _, _ = cli("report", six, "--diagram", tmp_path / "ranks.png")
    assert code == 0
    assert Image.open(io.BytesIO((tmp_path / "ranks.png").read_bytes())).format == "PNG"


def test_too_few_suites_make_no_diagram(cli, tmp_path: Path) -> None:
    suite(tmp_path, "one", ["a", "b", "c"])
    code, _, err = cli("report", tmp_path, "--diagram", tmp_path / "ranks.png")
    assert code == 2
    assert "needs suites of one profile" in err
    suite(tmp_path, "two", ["a", "b", "c"])
    code, _, err = cli("report", tmp_path, "--diagram", tmp_path / "ranks.png")
    assert code == 2
    assert "needs 5 suites that rank the same three methods or more. Profile cpu has 2 suites." in err
    assert not (tmp_path / "ranks.png").exists()


def test_suites_of_unequal_size_are_pointed_out(tmp_path: Path) -> None:
    suite(tmp_path, "one", ["a", "b", "c"])
    suite(tmp_path, "two", ["a", "b", "c"])
    suite(tmp_path, "three", ["b", "a"])
    (found,) = aggregates(tmp_path)
    assert any("different numbers of methods" in note for note in mean_ranks.section(found).notes)
