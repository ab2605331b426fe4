import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from fabricated import FD, SUCCESS, record, save, typical

from ganbench.errors import InputError
from ganbench.report.export import to_csv, to_data, to_frame, to_parquet
from ganbench.report.latex import escape, to_latex
from ganbench.report.markdown import to_markdown
from ganbench.results.leaderboard import Leaderboard, build_leaderboards
from ganbench.results.store import read_profile

HOSTILE = 'a_b%c&d#e{f}$g^h~i\\j|k<l>m`n*o"p[q]r\ts--t日é'


def board_of(root: Path, *records) -> Leaderboard:
    (board,) = build_leaderboards(read_profile(save(root, *records)))
    return board


@pytest.fixture
def board(tmp_path: Path) -> Leaderboard:
    return board_of(tmp_path, *typical())


@pytest.fixture
def hostile(tmp_path: Path) -> Leaderboard:
    return board_of(tmp_path, record(status="failed", error=HOSTILE), *(record("b", seed) for seed in range(4)))


def test_every_cell_has_its_interval(board: Leaderboard) -> None:
    frame = pd.read_csv(io.StringIO(to_csv([board]))).set_index("label")
    low, high = 195 - 12.7062 * 5, 195 + 12.7062 * 5  # quantile .975 of t with 1 degree of freedom
    assert frame.loc["cyclegan", f"{FD}.low"] == pytest.approx(low, rel=1e-5)
    assert frame.loc["cyclegan", f"{FD}.high"] == pytest.approx(high, rel=1e-5)
    assert pd.isna(frame.loc["real", f"{FD}.low"])
    assert frame.loc["cyclegan", "seeds"] == "0,1"
    metric = {row["label"]: row for row in to_data(board)["rows"]}["cyclegan"]["metrics"][FD]
    assert metric["interval95"] == pytest.approx([low, high], rel=1e-5)


def test_ranks_stand_in_every_form(tmp_path: Path) -> None:
    values = {"good": 10.0, "bad": 90.0, "worse": 91.0}
    records = [record(label, seed, {FD: value + seed}) for label, value in values.items() for seed in range(4)]
    board = board_of(tmp_path, *records)
    assert [row["rank"] for row in to_data(board)["rows"]] == [[1, 1], [2, 3], [2, 3]]
    frame = to_frame([board])
    assert frame["rank.best"].tolist() == [1, 2, 2]
    assert frame["rank.worst"].tolist() == [1, 3, 3]
    for text in (to_markdown(board), to_latex(board)):
        assert re.search(r"good +[|&] 4/4 ok +[|&] 1 ", text)
    assert re.search(r"worse +\| 4/4 ok \| 2–3 ", to_markdown(board))
    assert "reach p = 0.029" in to_markdown(board)


def test_parquet_holds_the_rows_of_the_csv(board: Leaderboard) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.read_parquet(io.BytesIO(to_parquet([board])))
    pd.testing.assert_frame_equal(frame, to_frame([board]))
    assert frame[frame["suite"] == "unpaired_faces"].shape[0] == len(board.rows)


def test_without_pyarrow_the_remedy_is_named(board: Leaderboard, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_args, **_kwargs):
        raise ImportError("no pyarrow")

    monkeypatch.setattr("pandas.DataFrame.to_parquet", absent)
    with pytest.raises(InputError, match=r"pip install 'ganbench\[parquet\]'"):
        to_parquet([board])


def test_latex_has_booktabs_rules_and_as_many_cells_in_every_line(board: Leaderboard) -> None:
    text = to_latex(board)
    tables = re.findall(r"\\begin\{tabular\}\{([lr]+)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert tables
    for columns, body in tables:
        lines = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert all(line.count(" & ") == len(columns) - 1 for line in lines)
        assert [body.count(rule) for rule in (r"\toprule", r"\bottomrule")] == [1, 1]
    assert r"\textbf{195.0 $\pm$ 7.1}" in text
    assert r"success $\uparrow$" in text
    assert r"\textit{random\_target}" in text


def test_latex_shows_hostile_text_as_it_is(hostile: Leaderboard) -> None:
    text = to_latex(hostile)
    assert r"a\_b\%c\&d\#e\{f\}\$g\textasciicircum{}h\textasciitilde{}i\textbackslash{}j" in text
    assert r"s-{}-t?é" in text
    assert not re.search(r"(?<!\\)[&#$%_](?=[a-z])", escape(HOSTILE))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(board: Leaderboard, hostile: Leaderboard, tmp_path: Path) -> None:
    body = to_latex(board) + to_latex(hostile)
    source = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{body}\end{{document}}"
    (tmp_path / "tables.tex").write_text(source, "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def test_a_metrics_own_alarm_is_shown(tmp_path: Path) -> None:
    records = [record("a", seed) for seed in range(2)]
    warned = records[1].metrics[SUCCESS].model_copy(update={"alarm": True})
    records[1] = records[1].model_copy(update={"metrics": {**records[1].metrics, SUCCESS: warned}})
    board = board_of(tmp_path, *records, record("b"))
    assert {key for key, cell in board.cells.items() if cell.alarm} == {("a", SUCCESS)}
    assert "0.600 ± 0.000 ⚠" in to_markdown(board)
    assert "memorization alarm: a " in "\n".join(board.footnotes)


@pytest.mark.parametrize("form", ["markdown", "csv", "json", "latex", "terminal"])
def test_every_form_survives_what_runs_leave(cli, tmp_path: Path, form: str) -> None:
    """All failed, a single seed, nothing measured."""
    failed = record("lost", status="failed", error="boom", metrics={})
    for root, records in {"failed": [failed], "single": [record()], "bare": [record(metrics={})]}.items():
        save(tmp_path / root, *records)
        code, out, err = cli("report", tmp_path / root, *([] if form == "terminal" else [f"--{form}"]))
        assert code == 0
        assert records[0].label in out
        assert not err
    if form == "json":
        json.loads(out)


def test_one_form_at_a_time(cli, tmp_path: Path) -> None:
    code, _, err = cli("report", tmp_path, "--csv", "--latex")
    assert code == 2
    assert "--csv and --latex" in err


def test_the_verb_writes_parquet(cli, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    save(tmp_path / "results", *typical())
    code, out, _ = cli("report", tmp_path / "results", "--parquet", tmp_path / "new" / "rows.parquet")
    assert (code, out) == (0, "")
    assert len(pd.read_parquet(tmp_path / "new" / "rows.parquet")) == 7


def test_nothing_to_show_is_bad_input(cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, out, err = cli("report", tmp_path / "empty")
    assert (code, out) == (2, "")
    assert "holds no records" in err
    save(tmp_path / "newer", record())
    (path,) = (tmp_path / "newer").rglob("record.json")
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    for verb in (("report",), ("compare", tmp_path / "newer")):
        code, _, err = cli(*verb, tmp_path / "newer")
        assert code == 2
        assert "written by a newer ganbench (schema 99" in err
