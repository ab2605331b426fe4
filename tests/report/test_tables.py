import io
import json
from pathlib import Path

import pandas as pd
import pytest
from fabricated import ABOUT, FD, PROTOCOLS, SUCCESS, plan_of, record, save, typical
from rich.console import Console

from ganbench.report.export import to_csv, to_data
from ganbench.report.layout import WIDTH, caption, printable, sections
from ganbench.report.markdown import escape, to_markdown
from ganbench.report.terminal import print_leaderboard
from ganbench.results.leaderboard import Leaderboard, build_leaderboards
from ganbench.results.plan import write_plan
from ganbench.results.record import Record
from ganbench.results.store import read_profile


def board_of(root: Path, *records: Record) -> Leaderboard:
    (board,) = build_leaderboards(read_profile(save(root, *records)))
    return board


@pytest.fixture
def board(tmp_path: Path) -> Leaderboard:
    write_plan(save(tmp_path, *typical()), plan_of(*typical(), record("pix2pix")))
    return build_leaderboards(read_profile(tmp_path / "unpaired_faces" / "cpu"))[0]


def line_of(text: str, label: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {label} "))


def test_markdown_shows_rows_marks_arrows_and_reasons(board: Leaderboard) -> None:
    text = to_markdown(board, "comparison.png")
    assert "FD (EfficientNet-Lite0) ↓" in text
    assert "success ↑" in text
    assert "**195.0 ± 7.1**" in line_of(text, "cyclegan")
    assert "100.0†" in line_of(text, "cyclegan-l2")
    assert "12.0 ⚠" in line_of(text, "*random_target*")
    assert "**" not in line_of(text, "*real*")
    assert "skipped" in line_of(text, "dtn")
    assert "pending" in line_of(text, "pix2pix")
    assert "- dtn: skipped: needs labels of the source images" in text
    assert "](comparison.png)" in text
    assert "n = 250" in text


def test_markdown_tables_are_aligned_and_narrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(9):
        about = {"title": f"A rather long title {index}", "group": "quality", "higher_is_better": True}
        monkeypatch.setitem(PROTOCOLS, f"quantity_{index}", {})
        monkeypatch.setitem(ABOUT, f"quantity_{index}", about)
    values = {f"quantity_{index}": 0.5 for index in range(9)}
    text = to_markdown(board_of(tmp_path, record("a", 0, values), record("b", 0, values)))
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert max(map(len, tables)) <= WIDTH
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert all(len({len(line) for line in block}) == 1 for block in blocks)
    assert all(f"long title {index} ↑" in text for index in range(9))


@pytest.mark.parametrize(
    "hostile", ["a|b", "`rm`", "<script>alert(1)</script>", "*x*", "[x](javascript:y)", "a\n| b |"]
)
def test_hostile_text_stays_text(tmp_path: Path, hostile: str) -> None:
    text = to_markdown(board_of(tmp_path, record(status="failed", error=hostile), record("b")))
    assert "<script" not in text
    assert "[x](" not in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count(" | ") for line in table[:4]} == {table[0].count(" | ")}


def test_escaping_undoes_every_sign_of_markup() -> None:
    assert escape("a|b`c*d<e>[f]&\\") == "a\\|b\\`c\\*d&lt;e&gt;\\[f\\]&amp;\\\\"
    assert escape("two\nlines") == "two lines"


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    assert printable("a\x1b[2Jb\u202ec") == "a [2Jb c"
    board = board_of(tmp_path, record(status="failed", error="\x1b[2J[red]boom[/red]"), record("b"))
    stream = io.StringIO()
    print_leaderboard(board, Console(file=stream, width=120, color_system=None))
    assert "\x1b" not in stream.getvalue()
    assert "[red]boom[/red]" in stream.getvalue()  # not taken for rich's markup


def test_the_terminal_shows_every_row_and_note(board: Leaderboard) -> None:
    stream = io.StringIO()
    print_leaderboard(board, Console(file=stream, width=400, color_system=None))
    text = stream.getvalue()
    for row in board.rows:
        assert row.label in text
    for note in (*board.footnotes, caption(board), "dtn: skipped: needs labels", "*195.0 ± 7.1"):
        assert note in text


def test_the_short_form_has_the_summary_alone(board: Leaderboard) -> None:
    stream = io.StringIO()
    print_leaderboard(board, Console(file=stream, width=200, color_system=None), full=False)
    assert "Summary" in stream.getvalue()
    assert "Memorization" not in stream.getvalue()
    assert "Cost" not in stream.getvalue()


def test_the_summary_names_the_headline_first_and_every_row(board: Leaderboard) -> None:
    (table,) = sections(board, 140)[0].tables
    assert table.headers == ("method", "status", "rank", "success ↑", "FD (EfficientNet-Lite0) ↓", "collapse (pixels)")
    assert [line.label for line in table.lines] == [row.label for row in board.rows]
    narrow = sections(board, 60)[0].tables
    assert [header for table in narrow for header in table.headers if header != "method"] == list(table.headers[1:])


def test_no_minus_stands_before_zero(tmp_path: Path) -> None:
    board = board_of(tmp_path, record("a", 0, {SUCCESS: -0.00001}), record("b"))
    assert "-0.000" not in to_markdown(board)


def test_csv_has_one_row_per_method_in_full_precision(tmp_path: Path) -> None:
    board = board_of(tmp_path, *typical(), record("third", 0, {FD: 1 / 3}))
    frame = pd.read_csv(io.StringIO(to_csv([board]))).set_index("label")
    assert list(frame.index) == [row.label for row in board.rows]
    assert frame.loc["third", f"{FD}.mean"] == 1 / 3
    assert frame.loc["cyclegan", f"{FD}.std"] == pytest.approx(50**0.5)
    assert frame.loc["cyclegan", f"{FD}.n_seeds"] == 2
    assert frame.loc["dtn", "status"].startswith("skipped: needs labels")
    assert ",2," in to_csv([board])  # counts are whole numbers
    assert pd.isna(frame.loc["dtn", f"{FD}.mean"])


def test_json_gives_value_std_n_and_protocol(board: Leaderboard) -> None:
    data = json.loads(json.dumps(to_data(board), allow_nan=False))
    rows = {row["label"]: row for row in data["rows"]}
    metric = rows["cyclegan"]["metrics"][FD]
    assert metric["value"] == 195.0
    assert metric["std"] == pytest.approx(50**0.5)
    assert (metric["n"], metric["n_seeds"]) == (250, 2)
    assert metric["protocol"] == PROTOCOLS[FD]
    assert metric["seeds"] == {"0": 190.0, "1": 200.0}
    assert rows["cyclegan-l2"]["seeds"] == {"0": "ok", "1": "diverged"}
    assert rows["real"]["metrics"][FD]["std"] is None
    assert data["ranked_by"] == SUCCESS


@pytest.mark.parametrize("width", [60, 80, 120])
def test_terminal_tables_fit_the_terminal(board: Leaderboard, width: int) -> None:
    stream = io.StringIO()
    print_leaderboard(board, Console(file=stream, width=width, color_system=None))
    text = stream.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for value in ("195.0 ± 7.1", "0.600 ± 0.028", "100.0†", "skipped"):
        assert value in text
