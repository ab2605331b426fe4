"""The verbs beside `run`, on a finished run."""

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image


def test_reports_of_every_form(cli, tiny_suite, finished):
    code, markdown, _ = cli("report", finished, "--markdown")
    assert code == 0
    assert "| **half_cycle**" in markdown or "| half_cycle" in markdown
    rows = list(csv.DictReader(io.StringIO(cli("report", finished, "--csv")[1])))
    assert {row["label"] for row in rows} >= {"real", "identity", "half_cycle"}
    (board,) = json.loads(cli("report", finished, "--json")[1])
    assert board["suite"] == "tiny"
    assert "half_cycle" in cli("report", finished)[1]
    assert cli("report", finished, "--csv", "--json")[0] == 2


def test_a_report_without_records_says_what_to_do(cli, tmp_path):
    code, _, err = cli("report", tmp_path)
    assert code == 2
    assert "holds no records" in err
    assert "ganbench run" in err


def test_a_checkpoint_translates_pictures(cli, tiny_suite, finished, tmp_path):
    (checkpoint,) = (finished / "tiny" / "cpu").glob("half_cycle-*/checkpoint.pt")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGBA", (40, 30), (200, 30, 30, 255)).save(pictures / "red.png")
    Image.new("L", (16, 16), 90).save(pictures / "grey.jpg")
    code, _, err = cli("translate", checkpoint, pictures, tmp_path / "out")
    assert code == 0, err
    for name in ("red.png", "grey.png"):
        with Image.open(tmp_path / "out" / name) as made:
            assert (made.size, made.mode) == ((16, 16), "RGB")
    (pictures / "broken.png").write_text("no picture")
    code, _, err = cli("translate", checkpoint, pictures, tmp_path / "out")
    assert code == 2
    assert "broken.png: is not a readable picture" in err
    assert cli("translate", pictures / "broken.png", pictures, tmp_path / "out")[0] == 2


@pytest.mark.parametrize("kind", ["methods", "losses", "datasets", "metrics", "extractors", "suites"])
def test_everything_can_be_listed(cli, kind):
    folder = Path(__file__).parent.parent / "suites"
    code, out, _ = cli("list", kind, "--suites", folder)
    assert code == 0
    expected = {"methods": "cyclegan", "losses": "lsgan", "datasets": "Pablo Stanley", "metrics": "frechet",
                "extractors": "efficientnet-lite0", "suites": "unpaired_faces"}  # fmt: skip
    assert expected[kind] in out
    assert json.loads(cli("list", kind, "--suites", folder, "--json")[1])


def test_validate_says_what_a_suite_would_run(cli, tiny_suite):
    code, out, _ = cli("validate", tiny_suite())
    assert code == 0
    assert "valid suite 'tiny'" in out
    assert "half_cycle" in out
    assert cli("validate", tiny_suite(("seeds", "seedz")))[0] == 2


def test_the_version(cli):
    import ganbench

    assert ganbench.__version__ in cli("--version")[1]
