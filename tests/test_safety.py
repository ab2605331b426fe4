"""Suites and records of others are data: bounded, refused by name, never executed, and never lead elsewhere."""

import ast
import json
import os
from pathlib import Path

import pytest

from ganbench.errors import InputError
from ganbench.report.export import to_csv, to_data
from ganbench.report.markdown import to_markdown
from ganbench.results.leaderboard import build_leaderboards
from ganbench.results.store import check_links, read_profile, read_record, trial_directory
from ganbench.yaml_reader import MAX_BYTES, MAX_DEPTH, MAX_NUMBER, MAX_VALUES

PACKAGE = Path(__file__).parent.parent / "ganbench"


def calls(name):
    """Yield file, line and keywords of every call of an attribute of this name in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
                whose = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
                words = {each.arg: getattr(each.value, "value", None) for each in node.keywords}
                yield f"{path.name}:{node.lineno}", whose, words


def test_torch_and_numpy_are_never_asked_to_unpickle():
    torch_loads = [(place, words) for place, whose, words in calls("load") if whose == "torch"]
    numpy_loads = [(place, words) for place, whose, words in calls("load") if whose == "np"]
    assert torch_loads
    assert numpy_loads
    assert [place for place, words in torch_loads if words.get("weights_only") is not True] == []
    assert [place for place, words in numpy_loads if words.get("allow_pickle") is not False] == []


def test_nothing_in_the_package_evaluates_text_or_unpickles():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            shell = isinstance(node, ast.keyword) and node.arg == "shell"
            assert not {"pickle", "marshal", "shelve", "dill", "cloudpickle"} & set(names), path
            assert called not in ("eval", "exec", "compile", "__import__"), f"{path}:{getattr(node, 'lineno', 0)}"
            assert not shell, path


def test_yaml_is_read_by_the_bounded_loader_alone():
    users = [path.name for path in PACKAGE.rglob("*.py") if "import yaml" in path.read_text("utf-8")]
    assert users == ["yaml_reader.py"]


REFUSED_YAML = {
    "alias bomb": ("a: &a [x]\nb: [*a, *a]\n", "aliases"),
    "python tag": ("name: !!python/object/apply:os.system ['touch pwned']\n", "tags"),
    "tag that the safe loader trips over": ("name: !!timestamp x\n", "tags"),
    "empty number": ("name: !!int ''\n", "tags"),
    "deep flow": (f"name: {'[' * 50_000}", f"at most {MAX_DEPTH} deep"),
    "deep mapping": ("".join(f"{' ' * k}a:\n" for k in range(100)), f"at most {MAX_DEPTH} deep"),
    "many values": (f"name: [{'a,' * MAX_VALUES}]", "at most 10,000 values"),
    "large file": (f"name: '{'a' * MAX_BYTES}'", f"at most {MAX_BYTES} bytes"),
    "number of 10,000 digits": (f"seeds: [{'9' * 10_000}]", f"at most {MAX_NUMBER} characters"),
    "hexadecimal number": (f"seeds: [0x{'f' * 10_000}]", f"at most {MAX_NUMBER} characters"),
    "base 60 number": (f"seeds: [{'1:' * 20_000}1]", f"at most {MAX_NUMBER} characters"),
    "duplicate key": ("name: a\nname: b\n", "stands twice"),
    "two documents": ("name: a\n---\nname: b\n", "broken YAML"),
    "escape sequence": ('name: "\\e[31m"\n', "control character"),
    "half a character": ('name: "\\ud800"\n', "control character"),
    "zero byte": ('name: "a\\0b"\n', "control character"),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", REFUSED_YAML)
def test_hostile_yaml_is_refused_with_file_and_reason(kind, cli, tmp_path):
    text, said = REFUSED_YAML[kind]
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    code, _, told = cli("validate", path)
    assert code == 2
    assert said in told
    assert str(path) in told
    assert len(told) < 2_000
    assert not (tmp_path / "pwned").exists()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: tiny", "name: ../tiny", "becomes a folder"),
        ("name: tiny", "name: /tiny", "becomes a folder"),
        ("name: tiny", "name: a..b", "becomes a folder"),
        ("  cpu:", "  ../cpu:", "becomes a folder"),
        ("[half_cycle]", "[{name: half_cycle, label: ../../x}]", "becomes a folder"),
        ("[half_cycle]", "[{name: half_cycle, label: <script>}]", "becomes a folder"),
        ("[half_cycle]", "[{name: ../half_cycle}]", "Unknown method"),
        ("seeds: [0]", "seeds: [-1]", "seeds"),
        ("seeds: [0]", f"seeds: [{2**63}]", "seeds"),
        ("steps: 4", f"steps: {10**30}", "steps"),
        ("image_size: 16", "image_size: 1000000", "image_size"),
        ("source: avataaars", "source: ../avataaars", "source"),
        ("seeds: [0]", "seeds: [0]\ngrid: {lr: [" + "0.1, " * 99 + "0.1], beta1: [" + "0.5, " * 99 + "0.5]}", "rows"),
    ],
)
def test_hostile_names_and_numbers_in_a_suite_are_refused(old, new, said, cli, tiny_suite):
    code, _, told = cli("validate", tiny_suite((old, new)))
    assert code == 2
    assert said in told


def test_a_wrong_value_is_shown_shortened(cli, tiny_suite):
    code, _, told = cli("validate", tiny_suite(("steps: 4", f"steps: {'a' * 50_000}")))
    assert code == 2
    assert len(told) < 1_000


@pytest.mark.parametrize("label", ["../x", "a/b", "a\\b", "", ".", "..", "a" * 65, "<b>", "x\n", "con\x00"])
def test_no_name_becomes_a_folder_elsewhere(label, tmp_path):
    with pytest.raises(InputError, match="can't be a folder"):
        trial_directory(tmp_path, label, 0, "0" * 64)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("label", "../../x"),
        ("label", "<script>alert(1)</script>"),
        ("suite", "/etc"),
        ("profile", ".."),
        ("files", {"checkpoint": "../../x.pt"}),
        ("files", {"checkpoint": "/etc/passwd"}),
        ("training_hash", "../../x"),
        ("seed", 10**30),
        ("seed", -1),
    ],
)
def test_hostile_names_in_a_record_are_refused_with_file_and_key(key, value, finished):
    path = next(finished.glob("tiny/cpu/half_cycle-*/record.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(InputError, match=f"(?s){path.name}.*{key}"):
        read_record(path)


def test_digits_of_a_record_cannot_ask_for_a_text_without_end(finished):
    path = next(finished.glob("tiny/cpu/half_cycle-*/record.json"))
    content = json.loads(path.read_text())
    content["metrics"]["sharpness"]["digits"] = 10**9
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="digits"):
        read_record(path)


@pytest.mark.timeout(10)
def numbers(value, where=()):
    """Yield the place of every number in JSON data; of lists only the first entry's."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else list(enumerate(value))[:1]:
            yield from numbers(inner, (*where, key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield where


def replaced(value, where, number):
    if not where:
        return number
    copy = value.copy()
    copy[where[0]] = replaced(value[where[0]], where[1:], number)
    return copy


@pytest.mark.parametrize("file", ["half_cycle-*/record.json", "plan.json"])
def test_no_number_is_too_large_to_be_shown_or_refused(file, finished):
    directory = finished / "tiny" / "cpu"
    (path,) = directory.glob(file)
    content, refused, shown = json.loads(path.read_text()), 0, 0
    for where in numbers(content):
        path.write_text(json.dumps(replaced(content, where, 10**400)))
        try:
            boards = build_leaderboards(read_profile(directory))
        except InputError:
            refused += 1
            continue
        assert all(map(to_markdown, boards)), where
        json.dumps([to_data(board) for board in boards])
        to_csv(boards)
        shown += 1
    assert refused + shown > 1


def test_a_pipe_in_place_of_a_record_is_not_waited_for(finished, cli):
    path = next(finished.glob("tiny/cpu/half_cycle-*/record.json"))
    path.unlink()
    os.mkfifo(path)
    _, _, told = cli("report", finished, "--csv")
    assert f"{path}: this record is not a file" in told


@pytest.fixture
def elsewhere(tmp_path):
    place = tmp_path / "elsewhere"
    place.mkdir()
    return place


def test_a_linked_trial_that_leads_out_is_not_followed(finished, elsewhere, cli):
    trial = next(finished.glob("tiny/cpu/half_cycle-*"))
    trial.rename(elsewhere / trial.name)
    trial.symlink_to(elsewhere / trial.name)
    _, out, told = cli("report", finished, "--csv")
    assert f"{trial / 'record.json'}: is a symbolic link that leads elsewhere" in told
    assert "pending" in out  # its row


def test_a_linked_record_that_leads_out_is_not_followed(finished, elsewhere, cli):
    record = next(finished.glob("tiny/cpu/half_cycle-*/record.json"))
    record.rename(elsewhere / "record.json")
    record.symlink_to(elsewhere / "record.json")
    assert f"{record}: is a symbolic link" in cli("report", finished, "--csv")[2]


@pytest.mark.parametrize("place", ["tiny", "tiny/cpu", "tiny/cpu/evaluation-cache", "tiny/cpu/half_cycle-seed0"])
def test_nothing_is_written_through_links_that_lead_out(place, results, elsewhere, tiny_suite, cli):
    (results / place).parent.mkdir(parents=True)
    (results / place).symlink_to(elsewhere, target_is_directory=True)
    code, _, told = cli("run", tiny_suite(), "--engine", "serial", "--results", results)
    assert code == 2
    assert f"{results / place}: is a symbolic link that leads elsewhere" in told
    assert list(elsewhere.iterdir()) == []


def test_links_within_a_profile_and_linked_results_are_followed(finished, elsewhere, cli):
    trial = next(finished.glob("tiny/cpu/half_cycle-*"))
    trial.rename(finished / "tiny" / "cpu" / ".kept")
    trial.symlink_to(finished / "tiny" / "cpu" / ".kept")
    (elsewhere / "linked").symlink_to(finished)
    assert "symbolic link" not in cli("report", elsewhere / "linked", "--csv")[2]


def test_a_link_to_itself_is_no_traceback(finished, cli):
    loop = finished / "tiny" / "cpu" / "loop-seed0-00000000"
    loop.symlink_to(loop)
    assert cli("report", finished, "--csv")[0] == 0
    check_links(finished, loop.parent)  # leads nowhere, and so not out
