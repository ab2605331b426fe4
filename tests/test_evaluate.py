import json
import shutil
import textwrap

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_suite import TINY_SUITE
from typer.testing import CliRunner

from ganbench.cli import app
from ganbench.data.pictures import read_pictures, write_pictures
from ganbench.errors import InputError
from ganbench.evaluate import Request, evaluate_folders, row_label
from ganbench.metrics.workbench import silent
from ganbench.results.plan import EXTERNAL
from ganbench.results.store import read_results

SIZE = 16
QUICK = ("frechet", "kernel", "collapse", "sharpness", "memorization", "counterpart", "judge", "lpips_diversity")
COUNTS = {"generated": 10, "source": 10, "target": 12, "train": 14, "counterpart": 10}


@pytest.fixture
def folders(tmp_path):
    """Write one folder of grainy pictures per role, and return role → folder."""
    generator = torch.Generator().manual_seed(0)
    made = {}
    for role, count in COUNTS.items():
        images = torch.randint(0, 255, (count, 3, SIZE, SIZE), generator=generator, dtype=torch.uint8)
        made[role] = tmp_path / role
        write_pictures(made[role], [f"{index:02d}" for index in range(count)], images)
    return made


def judge(folders, metrics=QUICK, **changes):
    """Evaluate, and return label → (values by name, missing) and the whole judgement."""
    judgement = evaluate_folders(Request(folders, tuple(metrics), **changes), silent)
    rows = {row.label: ({value.quantity.name: value for value in row.values}, row.missing) for row in judgement.rows}
    return rows, judgement


def test_real_and_copied_inputs_stand_beside_the_pictures(folders):
    rows, judgement = judge(folders, ("frechet", "counterpart"))
    assert list(rows) == ["real", "identity", "generated"]
    assert [row.n for row in judgement.rows] == [10, 10, 10]  # as many real ones as generated: FD depends on n
    assert "10 of the 12 --target pictures" in judgement.notes[-1]
    shutil.rmtree(folders["generated"])
    shutil.copytree(folders["source"], folders["generated"])
    rows, _ = judge(folders, ("frechet", "counterpart"))
    assert {name: value.value for name, value in rows["generated"][0].items()} == {
        name: value.value for name, value in rows["identity"][0].items()
    }
    assert "counterpart_l1" not in rows["real"][0]


def test_pictures_are_matched_by_stem_whatever_their_kind(folders):
    shutil.rmtree(folders["counterpart"])
    images = read_pictures(folders["generated"]).images
    write_pictures(folders["counterpart"], [f"{index:02d}" for index in range(10)], images)
    (folders["generated"] / "03.png").rename(folders["generated"] / "03.bmp.png")  # another place in the order
    (folders["counterpart"] / "03.png").rename(folders["counterpart"] / "03.bmp.png")
    (folders["source"] / "03.png").rename(folders["source"] / "03.bmp.png")
    for path in list(folders["counterpart"].iterdir())[:5]:
        Image.open(path).save(path.with_suffix(".tiff"))
        path.unlink()
    rows, _ = judge(folders, ("counterpart",))
    assert rows["generated"][0]["counterpart_l1"].value == 0
    assert rows["identity"][0]["counterpart_l1"].value > 0.1


@pytest.mark.parametrize(
    ("absent", "lost", "reason"),
    [
        ("train", {"frechet", "kernel", "memorization"}, "--train"),
        ("target", {"collapse", "sharpness"}, "--target"),
        ("counterpart", {"counterpart"}, "counterparts"),
    ],
)
def test_what_a_missing_folder_costs_is_said(folders, absent, lost, reason):
    del folders[absent]
    rows, _ = judge(folders)
    _, missing = rows["generated"]
    for family in lost:
        assert reason in missing[family]
    assert "training pictures of the source" in missing["judge"]
    assert "at least 10 outputs per input" in missing["lpips_diversity"]
    assert ("real" in rows) == (absent != "target")


def test_the_held_out_pictures_are_not_gauged_by_themselves(folders):
    rows, _ = judge(folders, ("memorization",))
    values, missing = rows["real"]
    assert "copies_pixel" in missing
    assert set(values) == {"authpct_efficientnet-lite0"}
    assert "copies_pixel" in rows["generated"][0]


def test_held_out_pictures_that_were_trained_on_are_noticed(folders):
    shutil.copy(folders["train"] / "05.png", folders["target"] / "99.png")
    _, judgement = judge(folders, ("sharpness",))
    assert any("1 of the 13 --target pictures are also in --train" in note for note in judgement.notes)


def test_resizing_stands_in_every_protocol(folders):
    rows, judgement = judge(folders, ("frechet", "sharpness"), image_size=12)
    assert judgement.size == (12, 12)
    for values, _ in rows.values():
        assert all("to 12 px, PIL bicubic" in value.protocol["pictures_resized"] for value in values.values())
    rows, _ = judge(folders, ("sharpness",), image_size=SIZE)
    assert "pictures_resized" not in rows["generated"][0]["sharpness"].protocol


def test_problems_of_all_folders_are_told_at_once(folders):
    (folders["generated"] / "02.png").unlink()
    (folders["counterpart"] / "07.png").rename(folders["counterpart"] / "seven.png")
    (folders["train"] / "01.png").write_text("no picture")
    Image.new("RGB", (20, 20)).save(folders["target"] / "03.png")
    with pytest.raises(InputError) as refused:
        judge(folders)
    text = str(refused.value)
    for part in ("source: 1 of 10", "02.png. Rename", "seven.png", "07.png", "01.png: is not", "03.png (20 × 20)"):
        assert part in text


def test_folders_of_unequal_size_are_refused(folders):
    for path in folders["target"].iterdir():
        Image.open(path).resize((20, 24)).save(path)
    with pytest.raises(InputError, match=r"--target 20 × 24.*Give --image-size"):
        judge(folders)
    assert judge(folders, ("sharpness",), image_size=SIZE)[1].size == (SIZE, SIZE)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_few_pictures_give_reasons_and_no_crash(folders, count):
    for folder in folders.values():
        for path in sorted(folder.iterdir())[count:]:
            path.unlink()
    rows, _ = judge(folders, ())
    values, missing = rows["generated"]
    assert {"counterpart_l1", "sharpness"} <= set(values)
    assert ("frechet" in missing) == (count == 1)
    assert "prdc" in missing


def test_one_reference_picture_is_too_few(folders):
    for path in sorted(folders["train"].iterdir())[1:]:
        path.unlink()
    _, missing = judge(folders, ("frechet", "kernel", "sharpness", "memorization"))[0]["generated"]
    assert {"frechet", "kernel", "memorization"} <= set(missing)


def test_pictures_that_are_not_square_are_judged_as_they_are(folders):
    for folder in folders.values():
        for path in folder.iterdir():
            Image.open(path).resize((24, 16)).save(path)
    rows, judgement = judge(folders, ())
    assert judgement.size == (16, 24)
    assert "fd_efficientnet-lite0" in rows["generated"][0]


def test_json_holds_every_value_with_its_protocol(cli, folders):
    arguments = [part for role, folder in folders.items() for part in (f"--{role}", folder)]
    code, out, err = cli("evaluate", *arguments, "--metrics", "kernel,sharpness", "--name", "their method", "--json")
    assert code == 0, err
    document = json.loads(out)
    assert [row["label"] for row in document["rows"]] == ["real", "identity", "their-method"]
    value = document["rows"][-1]["metrics"]["kid_efficientnet-lite0"]
    assert {"value", "std", "n", "protocol"} <= value.keys()
    assert value["n"] == value["protocol"]["n"] == 10


def test_the_table_names_rows_and_what_is_missing(cli, folders):
    del folders["train"]
    arguments = [part for role, folder in folders.items() for part in (f"--{role}", folder)]
    code, out, err = cli("evaluate", *arguments, "--metrics", "kernel,sharpness")
    assert code == 0, err
    text = " ".join(out.split())
    for part in ("generated", "identity", "real", "Sharpness", "Not measured: kernel", "10 of the 12 --target"):
        assert part in text


def test_nothing_to_measure_is_said_with_exit_code_4(cli, folders):
    code, _, err = cli("evaluate", "--generated", folders["generated"], "--metrics", "frechet,sharpness")
    assert code == 4
    assert "frechet: needs real target training pictures (--train)" in err


def test_bad_names_are_told_at_once(cli, folders):
    code, _, err = cli(
        "evaluate", "--generated", folders["generated"], "--metrics", "frechett", "--extractor", "efficientnet"
    )
    assert code == 2
    assert "Did you mean 'frechet'" in err
    assert "efficientnet-lite0" in err
    assert cli("evaluate", "--generated", folders["generated"], "--name", "real")[0] == 2
    assert row_label("their own method") == "their-own-method"
    with pytest.raises(InputError, match="--name: a name must be"):
        row_label("../up")


# a suite's images out, and their translations in


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Run the tiny suite's baselines once, export its images, and return (results, suite, exported folder)."""
    root = tmp_path_factory.mktemp("external")
    suite = root / "tiny.yaml"
    suite.write_text(textwrap.dedent(TINY_SUITE).replace("half_cycle", "identity"))
    for arguments in (
        ("run", suite, "--engine", "serial", "--results", root / "results"),
        ("export", suite, root / "out"),
    ):
        done = CliRunner().invoke(app, list(map(str, arguments)))
        assert done.exit_code == 0, done.output
    return root / "results", suite, root / "out"


@pytest.fixture
def suite_folders(finished, tmp_path):
    """Return copies of (results, suite, exported folder) that a test may spoil."""
    results, suite, exported = finished
    shutil.copytree(results, tmp_path / "results")
    shutil.copytree(exported, tmp_path / "out")
    return tmp_path / "results", suite, tmp_path / "out"


def test_export_gives_every_split_and_side(finished):
    _, _, exported = finished
    counts = {folder.name: len(list(folder.iterdir())) for folder in exported.iterdir() if folder.is_dir()}
    assert counts == {"trainA": 24, "trainB": 24, "valA": 8, "valB": 8, "testA": 8, "testB": 8}
    assert (exported / "testA" / "00007.png").exists()
    assert "Pablo Stanley" in (exported / "CREDITS.txt").read_text()


def test_an_appended_row_is_measured_exactly_as_a_trial(cli, suite_folders):
    results, _, exported = suite_folders
    profile = results / "tiny" / "cpu"
    code, out, err = cli(
        "evaluate", "--generated", exported / "testA", "--source", exported / "testA", "--append", results,
        "--name", "their method",
    )  # fmt: skip
    assert code == 0, err
    assert "their-method" in out
    records = {record.label: record for record in read_results(results)[0].shown.values()}
    theirs, copying = records["their-method"], records["identity"]  # the pictures are the inputs themselves
    assert {name: m.value for name, m in theirs.metrics.items()} == {n: m.value for n, m in copying.metrics.items()}
    assert theirs.metrics["sharpness"].protocol == copying.metrics["sharpness"].protocol
    assert (theirs.method, theirs.baseline, theirs.budget.steps) == (EXTERNAL, True, 0)
    table = (profile / "leaderboard.md").read_text()
    assert "their-method: pictures that another program made" in table
    assert cli("report", results, "--csv")[1].count("their-method") == 1


def test_appended_rows_outlive_the_next_run(cli, suite_folders):
    results, suite, exported = suite_folders
    append = ("evaluate", "--generated", exported / "testA", "--append", results, "--name", "theirs")
    assert cli(*append)[0] == 0
    edited = suite.with_name("edited.yaml")
    edited.write_text(suite.read_text() + "\n")
    plan = results / "tiny" / "cpu" / "plan.json"
    plan.write_text(plan.read_text().replace(str(suite), str(edited)))
    assert cli("run", edited, "--engine", "serial", "--results", results)[0] == 0
    assert "theirs" in (results / "tiny" / "cpu" / "leaderboard.md").read_text()


def test_what_is_no_translation_of_the_test_images_is_refused(cli, suite_folders):
    results, _, exported = suite_folders
    append = ("evaluate", "--append", results, "--generated", exported / "testB")
    assert cli(*append)[0] == 2  # no name
    assert "of its own" in cli(*append, "--name", "identity")[2]
    assert "leave out --train" in " ".join(cli(*append, "--name", "x", "--train", exported / "trainB")[2].split())
    pixels = np.asarray(Image.open(exported / "testA" / "00003.png")) ^ 1
    Image.fromarray(pixels).save(exported / "testA" / "00003.png")
    assert "test images: 00003.png" in cli(*append, "--name", "x", "--source", exported / "testA")[2]
    Image.open(exported / "testB" / "00003.png").resize((20, 20)).save(exported / "testB" / "00003.png")
    assert "00003.png (20 × 20)" in cli(*append, "--name", "x")[2]
    (exported / "testB" / "00003.png").unlink()
    code, _, err = cli(*append, "--name", "x")
    assert code == 2
    assert "00003.png" in err
    assert not list((results / "tiny" / "cpu").glob("x-*"))


def test_export_never_mixes_with_what_is_there(cli, suite_folders):
    _, suite, exported = suite_folders
    code, _, err = cli("export", suite, exported)
    assert code == 2
    assert "not empty" in err
