import re

import numpy as np
import pytest
from fabricated import record
from sittings import answer_file, page_of

from ganbench.human_test.read import import_answers
from ganbench.report.markdown import to_markdown
from ganbench.results.leaderboard import build_leaderboards
from ganbench.results.people import FEW_RATERS, FOLDER, Judged, Sitting, fool_rate, fool_rate_notes, rater_interval
from ganbench.results.statistics import bootstrap_interval
from ganbench.results.store import read_profile

PAIRS, QUARTET = "fool_rate_pix2pix", "fool_rate_quartet"


def profile(results):
    return results / "unpaired_faces" / "cpu"


def asked(results, tmp_path, fooled, label="cyclegan", protocol="pix2pix"):
    """Let one rater per number answer, who is wrong about so many screens."""
    page = page_of(results, label, protocol)
    paths = [answer_file(tmp_path / f"{label}{protocol}{k}.json", page, wrong) for k, wrong in enumerate(fooled)]
    assert import_answers(paths, results).problems == []


def board(results):
    (found,) = build_leaderboards(read_profile(profile(results)))
    return found


def judged(fooled, generated=40):
    sitting = Sitting.model_construct(protocol="pix2pix")
    return Judged.model_construct(fooled=fooled, generated=generated, sitting=sitting)


def test_the_rate_is_the_mean_over_raters():
    measured = fool_rate([judged(10), judged(20), judged(2, generated=4)])
    assert measured.value == pytest.approx((0.25 + 0.5 + 0.5) / 3)
    assert (measured.n, measured.details["raters"]) == (84, 3)
    assert (measured.group, measured.higher_is_better) == ("quality", True)


def test_the_interval_is_over_raters_and_always_the_same():
    rng = np.random.default_rng(0)
    people = [judged(int(wrong)) for wrong in rng.binomial(40, 0.3, 50)]
    low, high = fool_rate(people).details["interval95"]
    assert [low, high] == fool_rate(people).details["interval95"]
    rates = [one.rate for one in people]
    reach = 1.96 * np.std(rates, ddof=1) / np.sqrt(50)  # a bootstrap of many values is near the normal interval
    assert (low, high) == pytest.approx((np.mean(rates) - reach, np.mean(rates) + reach), abs=0.01)
    unlike = [judged(0), judged(40)] * 25  # the same share of all answers, from people who disagree
    assert np.ptp(fool_rate(unlike).details["interval95"]) > 2 * (high - low)


@pytest.mark.parametrize(("raters", "least", "most"), [(5, 0.80, 0.89), (20, 0.91, 0.96), (50, 0.92, 0.97)])
def test_the_interval_covers_what_it_promises_from_twenty_raters_on(raters, least, most):
    rng = np.random.default_rng(raters)
    hits = 0
    for _ in range(600):  # people differ by 0.1 around 0.3, and answer 40 times
        rates = rng.binomial(40, rng.beta(6, 14, raters)) / 40
        interval = bootstrap_interval(rates.tolist(), rng)
        hits += interval.low <= 0.3 <= interval.high
    assert least <= hits / 600 <= most
    assert (raters < FEW_RATERS) == (hits / 600 < 0.91)


def test_one_rater_has_no_interval():
    assert fool_rate([judged(10)]).details["interval95"] is None


def test_each_protocol_is_a_column_of_quality(people_results, tmp_path):
    asked(people_results, tmp_path, [8, 12], "cyclegan")
    asked(people_results, tmp_path, [0], "half_cycle")
    asked(people_results, tmp_path, [2], "half_cycle", "quartet")
    found = board(people_results)
    columns = {column.key: column for column in found.columns}
    assert columns[PAIRS].group == columns[QUARTET].group == "quality"
    assert columns[PAIRS].protocol["exposure_ms"] == 1000
    assert "exposure_ms" not in columns[QUARTET].protocol
    assert found.cells["cyclegan", PAIRS].mean == pytest.approx(0.25)
    assert found.cells["half_cycle", PAIRS].mean == 0
    assert found.cells["half_cycle", QUARTET].mean == 0.25
    assert ("real", PAIRS) not in found.cells
    assert found.headline.key not in (PAIRS, QUARTET)


def test_the_table_says_how_many_people_and_answers_and_how_sure(people_results, tmp_path):
    asked(people_results, tmp_path, [8, 12, 10], "cyclegan")
    asked(people_results, tmp_path, [4], "half_cycle")
    text = to_markdown(board(people_results))
    assert "fool rate (pix2pix) ↑" in text
    assert "the unit is the rater, not the training seed" in text
    assert r"cyclegan 0.25 \[0.2" in text
    assert re.search(r"^\| cyclegan .*0\.25 \\?\[0\.2\d, 0\.\d\d\\?\]", text, re.MULTILINE)
    assert "(3 raters, 120 answers); half_cycle" in text
    assert "0.10 (1 rater, 40 answers)" in text
    assert "fewer than 20 raters" in text


def test_the_interval_over_raters_stands_where_one_seed_was_judged_alone(people_results, tmp_path):
    asked(people_results, tmp_path, [8, 12, 10], "cyclegan")
    asked(people_results, tmp_path, [4], "half_cycle")
    cells = board(people_results).cells
    cell = cells["cyclegan", PAIRS]
    assert cell.interval == cell.raters
    assert (cell.raters.n, cell.raters.low < 0.25 < cell.raters.high) == (3, True)
    assert cells["half_cycle", PAIRS].interval is None  # one rater
    assert not any(cell.raters for (_, column), cell in cells.items() if column != PAIRS)


@pytest.mark.parametrize(
    ("details", "notes"),
    [
        ({}, 0),
        ({"raters": 10**5000}, 0),
        ({"interval95": [0, 1]}, 0),
        ({"interval95": "ab", "raters": 2}, 2),
        ({"interval95": 0, "raters": 2}, 2),
    ],
)
def test_details_by_another_hand_are_no_interval(details, notes):
    good = fool_rate([judged(10), judged(20)])
    assert rater_interval(good).n == 2
    broken = good.model_copy(update={"details": details})
    assert rater_interval(broken) is None
    assert len(list(fool_rate_notes([record().model_copy(update={"metrics": {PAIRS: broken}})]))) == notes


def test_a_method_that_is_asked_about_by_one_seed_stays_complete(people_results, tmp_path):
    before = {row.label: row.status for row in board(people_results).rows}
    asked(people_results, tmp_path, [8], "cyclegan")
    assert {row.label: row.status for row in board(people_results).rows} == before


def test_records_themselves_do_not_change(people_results, tmp_path):
    files = {path: path.read_bytes() for path in people_results.rglob("record.json")}
    asked(people_results, tmp_path, [8])
    assert {path: path.read_bytes() for path in people_results.rglob("record.json")} == files


def test_a_file_that_was_removed_no_longer_counts(people_results, tmp_path):
    asked(people_results, tmp_path, [8, 12])
    for path in (profile(people_results) / FOLDER).glob("*.json"):
        path.unlink()
    assert PAIRS not in {column.key for column in board(people_results).columns}


def test_a_stored_file_that_is_broken_is_a_problem_and_the_others_count(people_results, tmp_path):
    asked(people_results, tmp_path, [8])
    (profile(people_results) / FOLDER / "x.json").write_text("{")
    results = read_profile(profile(people_results))
    assert "x.json: this judged sitting is not valid JSON" in results.problems[0]
    assert any(PAIRS in one.metrics for one in results.records.values())
