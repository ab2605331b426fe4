import json

import pytest
from fabricated import digest, record
from sittings import add_row, answer_file, content_of, page_of, sealed, stored_pictures, write_answers

from ganbench.errors import InputError
from ganbench.human_test.read import import_answers
from ganbench.results.people import FOLDER, read_judged


@pytest.fixture
def page(people_results):
    return page_of(people_results)


def refusal(path, results):
    """Return why a file is refused; nothing of it may be stored."""
    imported = import_answers([path], results)
    assert imported.stored == []
    assert not list(results.glob(f"*/*/{FOLDER}/*"))
    assert len(imported.problems) == 1
    assert str(path) in imported.problems[0]
    return imported.problems[0]


@pytest.mark.parametrize(("protocol", "fooled", "expected"), [("pix2pix", 13, (13, 40)), ("quartet", 3, (12, 32))])
def test_answers_are_counted_and_stored_whole(people_results, tmp_path, protocol, fooled, expected):
    path = answer_file(tmp_path / "a.json", page_of(people_results, protocol=protocol), fooled)
    imported = import_answers([path], people_results)
    assert imported.problems == []
    judged = read_judged(imported.stored[0])
    assert (judged.fooled, judged.generated) == expected
    assert json.loads(judged.sitting.model_dump_json()) == json.loads(path.read_text())


def test_a_folder_is_read_and_what_is_known_is_not_stored_again(people_results, page, tmp_path):
    for name in ("a", "b"):
        answer_file(tmp_path / "answers" / f"{name}.json", page)
    assert len(import_answers([tmp_path / "answers"], people_results).stored) == 2
    answer_file(tmp_path / "answers" / "c.json", page)
    again = import_answers([tmp_path / "answers"], people_results)
    assert (len(again.stored), len(again.known), again.problems) == (1, 2, [])


def test_files_saved_anew_by_a_mail_program_are_the_same_answers(people_results, page, tmp_path):
    content = sealed(content_of(page))
    path = tmp_path / "a.json"
    path.write_text(json.dumps(dict(reversed(content.items())), indent=4))
    assert import_answers([path], people_results).problems == []


def test_an_edited_file_is_refused(people_results, page, tmp_path):
    content = sealed(content_of(page))
    content["answers"][5]["chosen"] = [1 - content["answers"][5]["chosen"][0]]
    assert "was edited" in refusal(write_answers(tmp_path / "a.json", content), people_results)


def test_the_same_sitting_counts_once(people_results, page, tmp_path):
    content = sealed(content_of(page))
    paths = [write_answers(tmp_path / name, content) for name in ("a.json", "b.json")]
    imported = import_answers(paths, people_results)
    assert len(imported.stored) == 1
    assert "b.json: the same sitting as" in imported.problems[0]


def test_other_answers_of_a_known_sitting_are_refused(people_results, page, tmp_path):
    content = content_of(page)
    import_answers([write_answers(tmp_path / "a.json", sealed(content))], people_results)
    content["answers"][0]["answer_ms"] = 1
    imported = import_answers([write_answers(tmp_path / "b.json", sealed(content))], people_results)
    assert imported.stored == []
    assert "other answers of this sitting" in imported.problems[0]


@pytest.mark.parametrize(
    "changes",
    [{"label": "half_cycle"}, {"suite": "other"}, {"profile": "gpu"}, {"data_fingerprint": "0"},
     {"training_hash": digest("other")}],
)  # fmt: skip
def test_answers_about_other_results_are_refused(people_results, page, tmp_path, changes):
    path = answer_file(tmp_path / "a.json", page, **changes)
    assert "belongs to other results" in refusal(path, people_results)


def test_answers_about_pictures_that_changed_since_are_refused(people_results, page, tmp_path):
    path = answer_file(tmp_path / "a.json", page)
    stored_pictures(next(people_results.glob("*/*/cyclegan-seed0*")), 77)
    assert "other pictures" in refusal(path, people_results)


def test_a_page_drawn_otherwise_is_another_page(people_results, page, tmp_path):
    assert "other pictures" in refusal(answer_file(tmp_path / "a.json", page, draw=1), people_results)


def test_incomplete_answers_are_refused(people_results, page, tmp_path):
    answers = content_of(page)["answers"]
    path = answer_file(tmp_path / "a.json", page, answers=answers[:-1])
    assert "must answer each of 40 scored screens once. Got 39" in refusal(path, people_results)
    path = answer_file(tmp_path / "a.json", page, answers=[*answers[:-1], answers[0]])
    assert "Got 39 of them in 40 answers" in refusal(path, people_results)


@pytest.mark.parametrize(
    "wrong", [{"chosen": [0, 1]}, {"chosen": [2]}, {"chosen": []}, {"shown": [0, 0]}, {"exposure_ms": [1000]}]
)
def test_answers_that_do_not_fit_the_protocol_are_refused(people_results, page, tmp_path, wrong):
    answers = content_of(page)["answers"]
    answers[3] |= wrong
    problem = refusal(answer_file(tmp_path / "a.json", page, answers=answers), people_results)
    assert "the answers to screens 13 don't fit the protocol pix2pix" in problem


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "not valid JSON"), ("[]", "must be a JSON object"), ('{"schema_version": 99}', "newer ganbench"),
     ('{"schema_version": 1, "hello": 1}', "not valid")],
)  # fmt: skip
def test_other_files_are_refused(people_results, tmp_path, text, reason):
    path = tmp_path / "a.json"
    path.write_text(text)
    problem = refusal(path, people_results)
    assert reason in problem
    assert "run again" not in problem


def test_a_sitting_cannot_choose_where_it_is_stored(people_results, page, tmp_path):
    content = content_of(page) | {"sitting": "../../../x"}
    assert "not valid" in refusal(write_answers(tmp_path / "a.json", content), people_results)


def test_pictures_seen_too_long_or_too_short_do_not_count(people_results, page, tmp_path):
    answers = content_of(page, fooled=4)["answers"]
    answers[0]["exposure_ms"] = [1101, 1000]  # one of the four that fooled
    answers[39]["exposure_ms"] = [1000, 899]
    answers[20]["exposure_ms"] = [900, 1100]
    imported = import_answers([answer_file(tmp_path / "a.json", page, answers=answers)], people_results)
    judged = read_judged(imported.stored[0])
    assert (imported.left_out, judged.fooled, judged.generated) == (2, 3, 38)
    hidden = content_of(page, exposure=5000)["answers"]
    path = answer_file(tmp_path / "b.json", page, answers=hidden)
    assert "no picture was seen for 1000 ms" in import_answers([path], people_results).problems[0]


def test_good_files_are_stored_whatever_is_wrong_with_others(people_results, page, tmp_path, cli):
    folder = tmp_path / "answers"
    answer_file(folder / "good.json", page)
    answer_file(folder / "other.json", page, label="half_cycle")
    write_answers(folder / "edited.json", content_of(page))
    code, out, err = cli("human-test", "import", folder, "--results", people_results)
    assert code == 2
    assert len(out.split()) == 1
    assert "1 sittings imported" not in err
    assert "1 sitting imported" in err
    assert "other.json: belongs to other results" in err
    assert "edited.json: was edited" in err


def test_no_files_and_no_results_are_told(people_results, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no files of answers"):
        import_answers([tmp_path / "empty"], people_results)
    with pytest.raises(InputError, match="does not exist"):
        import_answers([tmp_path], tmp_path / "nothing")
    assert "can't be read" in refusal(tmp_path / "absent.json", people_results)


def test_rows_of_the_same_training_are_told_apart_by_label(people_results, page, tmp_path):
    twin = record("twin", 0, training_hash=digest("cyclegan", 0))
    add_row(people_results, twin, 99)
    (stored,) = import_answers(
        [answer_file(tmp_path / "a.json", page_of(people_results, "twin"))], people_results
    ).stored
    assert read_judged(stored).sitting.label == "twin"
