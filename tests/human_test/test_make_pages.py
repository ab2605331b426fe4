import base64
import csv
import io
import json
import re

import numpy as np
import pytest
from fabricated import record
from PIL import Image
from sittings import add_row, page_of

from ganbench.errors import InputError
from ganbench.human_test.make import make_pages, page_data, shown_px
from ganbench.results.pictures import Pictures, write_pictures

EMPTY = np.zeros((1, 3, 16, 16), np.uint8)


def made(results, out, *labels, protocol="pix2pix", draw=0):
    return make_pages(results, out, protocol, labels, draw)


def data_in(path):
    text = path.read_text("utf-8")
    return json.loads(re.search(r'<script type="application/json" id="page">(.*?)</script>', text, re.DOTALL)[1])


def test_one_page_per_method_without_baselines_and_a_list(people_results, tmp_path):
    written = made(people_results, tmp_path / "pages")
    assert [one.record.label for one in written] == ["cyclegan", "half_cycle"]
    assert {one.record.seed for one in written} == {0}
    rows = list(csv.DictReader((tmp_path / "pages" / "sittings.csv").open()))
    assert [(row["file"], row["label"]) for row in rows] == [(one.path.name, one.record.label) for one in written]


def test_the_list_keeps_the_pages_of_earlier_calls(people_results, tmp_path):
    for protocol in ("pix2pix", "quartet", "quartet"):
        made(people_results, tmp_path / "pages", "half_cycle", protocol=protocol)
    rows = list(csv.DictReader((tmp_path / "pages" / "sittings.csv").open()))
    assert [row["protocol"] for row in rows] == ["pix2pix", "quartet"]


def test_a_baseline_is_shown_where_it_is_asked_for(people_results, tmp_path):
    assert [one.record.label for one in made(people_results, tmp_path, "identity")] == ["identity"]


@pytest.mark.parametrize("protocol", ["pix2pix", "quartet"])
def test_a_page_needs_nothing_from_elsewhere(people_results, tmp_path, protocol):
    for one in made(people_results, tmp_path, protocol=protocol):
        text = one.path.read_text("utf-8")
        assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"data:image/webp;base64,[^\"]*", "", text))


def test_what_a_rater_sees_does_not_name_the_method(people_results, tmp_path):
    (one,) = made(people_results, tmp_path, "cyclegan")
    assert "cyclegan" not in one.path.name
    assert "cyclegan" not in re.sub(r"<script.*</script>", "", one.path.read_text("utf-8"), flags=re.DOTALL)


def test_the_page_holds_the_key_of_the_practice_alone(people_results, tmp_path):
    (one,) = made(people_results, tmp_path, "cyclegan")
    page, data = page_of(people_results), data_in(one.path)
    assert data["key"] == [np.flatnonzero(real).tolist() for real in page.real[:10]]
    assert len(data["screens"]) == 50
    told = json.dumps({key: value for key, value in data.items() if key not in ("key", "screens")})
    assert "real" not in told


def test_pictures_are_kept_to_the_pixel(people_results):
    page = page_of(people_results)
    content = base64.b64decode(page_data(page)["screens"][7][1].split(",")[1])
    shown = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(shown, page.pictures[7, 1])


def test_small_pictures_grow_by_a_whole_factor_and_large_ones_shrink():
    assert [shown_px(size, 256) for size in (32, 48, 100, 128, 256, 300, 512)] == [256, 240, 200, 256, 256, 256, 256]


def test_credits_stand_on_the_page_as_text(people_results, tmp_path):
    profile = people_results / "unpaired_faces" / "cpu"
    write_pictures(profile, Pictures(EMPTY, EMPTY, credits=("Faces by <script>alert(1)</script>",)))
    (one,) = made(people_results, tmp_path, "cyclegan")
    assert "&lt;script&gt;alert(1)" in one.path.read_text("utf-8")


def test_unknown_rows_are_all_named_with_the_known_ones(people_results, tmp_path):
    with pytest.raises(InputError) as refused:
        made(people_results, tmp_path / "pages", "cycelgan", "x", "half_cycle")
    assert len(refused.value.problems) == 2
    assert "did you mean 'cyclegan'" in refused.value.problems[0].lower()
    assert not (tmp_path / "pages").exists()


def test_an_unfinished_method_has_no_page(people_results, tmp_path):
    add_row(people_results, record("dtn", 0, status="failed", error="x"), 9)
    assert [one.record.label for one in made(people_results, tmp_path)] == ["cyclegan", "half_cycle"]
    with pytest.raises(InputError, match="no finished row is called 'dtn'"):
        made(people_results, tmp_path, "dtn")


def test_without_real_pictures_or_translations_every_problem_is_told(people_results, tmp_path):
    (broken,) = people_results.glob("*/*/half_cycle-*")
    (broken / "translations.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"half_cycle.*can't be read"):
        made(people_results, tmp_path / "pages")
    (real,) = people_results.glob("*/*/real-*")
    (real / "record.json").unlink()
    with pytest.raises(InputError, match="row of real images"):
        made(people_results, tmp_path / "pages", "cyclegan")
    assert not (tmp_path / "pages").exists()
