"""The pages as text: what stands in them, what never may, and what half-finished or broken results give."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fabricated import plan_of, record, save, typical, untrained
from html_results import fill, suite_of, with_everything

from ganbench.errors import InputError
from ganbench.report.html.pages import write_pages
from ganbench.report.publish import TRANSLATIONS_FILE
from ganbench.results.pictures import NEIGHBOURS_FILE, PICTURES_FILE
from ganbench.results.plan import write_plan

HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}</style>../" + "x" * 300
VOID = {"meta", "link", "img", "br", "wbr", "input"}


class Outline(HTMLParser):
    """Reads a page: its tags with attributes, its text, and tags that were opened and not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(name))]


def made(results: Path, folder: Path) -> dict[str, str]:
    files, _ = write_pages(results, folder)
    return {path.name: path.read_text("utf-8") for path in files}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    fill(folder / "results")
    return made(folder / "results", folder / "html")["unpaired_faces.cpu.html"]


def test_every_tag_is_closed_and_no_id_stands_twice(page, tmp_path):
    index = made(fill(tmp_path), tmp_path / "html")["index.html"]
    for text in (page, index):
        outline = Outline(text)
        ids = outline.values("id")
        assert (outline.wrong, outline.open) == ([], [])
        assert len(set(ids)) == len(ids)


def test_nothing_is_fetched_from_anywhere(page):
    outline = Outline(page)
    links = [*outline.values("src"), *outline.values("href")]
    assert all(link.startswith(("data:", "#")) or link == "index.html" for link in links)
    assert "@import" not in page
    assert not re.search(r"url\((?!\$)", page)


def test_links_within_a_page_lead_somewhere(page):
    outline = Outline(page)
    assert {link[1:] for link in outline.values("href") if link.startswith("#")} <= set(outline.values("id"))


def test_all_sections_are_there(page):
    text = Outline(page).text
    for title in ("Leaderboard", "Same images, every method", "Quality and cost", "Learning curves",
                  "Closest training images", "Not finished", "Settings", "Provenance"):  # fmt: skip
        assert title in text
    for fact in ("CC BY 4.0", "a" * 40, "f" * 64, "Xeon", "loss became NaN at step 312", "needs labels"):
        assert fact in text


def test_real_images_and_baselines_stand_apart_from_the_methods_that_are_sorted(page):
    references, methods = (re.search(rf'<tbody class="{name}">(.*?)</tbody>', page, re.S)[1] for name in
                           ("references", "methods"))  # fmt: skip
    labels = re.findall(r'data-label="([^"]*)"', references)
    assert labels == ["real", "identity", "random_target"]
    assert re.findall(r'data-label="([^"]*)"', methods)[:2] == ["cyclegan", "half_cycle"]


def test_every_sortable_header_is_a_button_and_one_is_sorted(page):
    head = re.search(r"<thead>(.*?)</thead>", page, re.S)[1]
    headers = re.findall(r'<th scope="col".*?</th>', head, re.S)
    assert all("<button" in header for header in headers)
    assert [header for header in headers if "aria-sort" in header] == [
        header for header in headers if "leads" in header
    ]


def test_intervals_are_told_in_words_too(page):
    assert re.search(r"95 % interval 0\.\d+ to 0\.\d+, 2 seeds", Outline(page).text)


def test_curves_stand_against_steps_and_seconds(page):
    assert page.count('class="chart step"') == page.count('class="chart seconds"') == 3  # rows with a finished training


def test_pictures_have_words(page):
    images = [attributes for tag, attributes in Outline(page).tags if tag == "img"]
    assert len(images) > 8
    assert all(len(image["alt"] or "") > 10 for image in images)


def test_the_same_results_give_the_same_bytes(tmp_path):
    fill(tmp_path / "results")
    assert made(tmp_path / "results", tmp_path / "a") == made(tmp_path / "results", tmp_path / "b")


def hostile_records():
    known = with_everything(record()).metrics["copies_pixel"]
    changes = {"title": HOSTILE, "note": HOSTILE, "protocol": {HOSTILE: HOSTILE}, "group": HOSTILE}
    told = {
        "method": HOSTILE,
        "options": {HOSTILE: HOSTILE},
        "dataset": {"name": HOSTILE},
        "provenance": {"ganbench": HOSTILE, "hardware": {"cpu": HOSTILE}, "packages": {HOSTILE: HOSTILE}},
        "curve": [{"step": step, "seconds": step, HOSTILE: step} for step in (1.0, 2.0)],
    }
    done = record("a.b", 0, {}, **told)
    return [
        done.model_copy(update={"metrics": {"fd_" + HOSTILE: known.model_copy(update=changes)}}),
        record("c" * 64, 0, {}, status="failed", error=f"Traceback\n{HOSTILE}", **told),
    ]


def test_hostile_texts_are_shown_as_they_are(tmp_path):
    save(tmp_path / "results", *hostile_records())
    pages = made(tmp_path / "results", tmp_path / "html")
    for text in pages.values():
        outline = Outline(text)
        assert (outline.wrong, outline.open) == ([], [])
        assert sum(tag == "script" for tag, _ in outline.tags) == 1
        assert text.count("alert(1)") == text.count("&lt;script&gt;alert(1)")
        assert not any(name.startswith("on") for _, attributes in outline.tags for name in attributes)
    assert Outline(pages["unpaired_faces.cpu.html"]).text.count(HOSTILE) > 10


def test_hostile_folders_make_no_file_elsewhere(tmp_path):
    directory = save(tmp_path / "results", record())
    shutil.move(directory, directory.parent / "..evil<b>")
    files, _ = write_pages(tmp_path / "results", tmp_path / "html")
    assert {path.parent for path in files} == {tmp_path / "html"}
    assert sorted(path.name for path in files) == ["index.html", "unpaired_faces.cpu.html"]


def test_two_directories_of_one_suite_get_a_page_each(tmp_path):
    directory = fill(tmp_path / "results")
    shutil.copytree(directory, directory.parent / "copied")
    names = {path.name for path in write_pages(tmp_path / "results", tmp_path / "html")[0]}
    assert names == {"index.html", "unpaired_faces.cpu.html", "unpaired_faces.cpu-2.html"}


def test_a_run_that_goes_on_shows_pending_rows(tmp_path):
    every = typical()
    write_plan(fill(tmp_path / "results", every[:5]), plan_of(*every))
    text = Outline(made(tmp_path / "results", tmp_path / "html")["unpaired_faces.cpu.html"]).text
    assert "5 of 11 trials done, 6 pending" in text
    assert "cyclegan: seed 0, 1" in text
    assert "nothing to show" in text


def test_a_run_without_any_record_yet_has_a_page(tmp_path):
    write_plan(tmp_path / "results" / "unpaired_faces" / "cpu", plan_of(*typical()))
    pages = made(tmp_path / "results", tmp_path / "html")
    assert "No trial is finished yet" in pages["unpaired_faces.cpu.html"]
    assert "0 of 11 trials done" in pages["index.html"]


@pytest.mark.parametrize("error", ["out of memory", "Traceback\nValueError: <no>", None])
def test_a_suite_whose_trials_all_failed_has_a_page(tmp_path, error):
    save(tmp_path / "results", *(record("cyclegan", seed, {}, status="failed", error=error) for seed in (0, 1)))
    text = Outline(made(tmp_path / "results", tmp_path / "html")["unpaired_faces.cpu.html"]).text
    assert "0 of 2 trials done, 2 failed" in text
    assert (error or "failed") in text


def test_one_seed_claims_no_interval(tmp_path):
    fill(tmp_path / "results", suite_of(2, seeds=1))
    text = Outline(made(tmp_path / "results", tmp_path / "html")["unpaired_faces.cpu.html"]).text
    assert "1 seed, so no interval is known" in text
    assert "95 % interval" not in text


def test_pictures_that_are_lacking_or_broken_are_named_and_the_rest_is_shown(tmp_path):
    directory = fill(tmp_path / "results")
    (directory / PICTURES_FILE).unlink()
    trials = [path for path in directory.iterdir() if path.name.startswith("cyclegan-seed")]
    (trials[0] / TRANSLATIONS_FILE).write_bytes(b"broken")
    for path in directory.glob(f"half*/{NEIGHBOURS_FILE}"):
        path.unlink()
    text = Outline(made(tmp_path / "results", tmp_path / "html")["unpaired_faces.cpu.html"]).text
    assert text.count("not stored with these results. The same run again stores them") == 2
    assert "Leaderboard" in text


def test_no_results_are_a_clear_error(tmp_path):
    (tmp_path / "results").mkdir()
    with pytest.raises(InputError, match="holds no records"):
        write_pages(tmp_path / "results", tmp_path / "html")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        write_pages(fill(tmp_path / "full"), tmp_path / "file")


def test_large_images_stay_small_enough_for_twenty_methods_in_15_mib(tmp_path):
    fill(tmp_path / "results", suite_of(3, seeds=1), side=256)
    files, _ = write_pages(tmp_path / "results", tmp_path / "html")
    assert files[1].stat().st_size <= 15 * 2**20 * 5 / 22  # rows; noise: no picture compresses worse


def test_the_verb_writes_pages(cli, tmp_path):
    fill(tmp_path / "results", [untrained("real", {}, reference=True), record()])
    code, out, err = cli("report", tmp_path / "results", "--html", tmp_path / "html")
    assert (code, out) == (0, "")
    assert "index.html" in err
    assert (tmp_path / "html" / "index.html").exists()
    assert cli("report", tmp_path / "results", "--html", tmp_path / "html", "--csv")[0] == 2
