import numpy as np
import pytest
from sittings import FAKE, REAL, page_of, stored_pictures, typical_results

from ganbench.errors import InputError
from ganbench.results.people import PROTOCOLS


def red(page):
    return page.pictures[:, :, 0, 0, 0]


def index(page):
    return page.pictures[:, :, 1, 0, 0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_key_says_which_pictures_are_real(people_results, protocol):
    page = page_of(people_results, protocol=protocol)
    assert page.pictures.shape[:2] == (page.protocol.screens, 2 * page.protocol.each)
    assert (page.real.sum(1) == page.protocol.each).all()
    assert (red(page)[page.real] == REAL).all()
    assert (red(page)[~page.real] == FAKE + 2).all()


@pytest.mark.parametrize("count", [50, 51, 75, 99, 100, 101, 120])
def test_no_picture_comes_twice_and_no_output_meets_its_own_real_picture(tmp_path, count):
    page = page_of(typical_results(tmp_path, count))
    for kind in (page.real, ~page.real):
        assert len(set(index(page)[kind])) == 50
    assert (index(page)[:, 0] != index(page)[:, 1]).all()
    if count >= 100:
        assert not set(index(page)[page.real]) & set(index(page)[~page.real])


def test_real_pictures_come_on_both_sides(people_results):
    assert 10 <= page_of(people_results).real[:, 0].sum() <= 40


def test_the_draw_follows_from_seed_and_pictures(people_results):
    page, again, other = (page_of(people_results, draw=draw) for draw in (3, 3, 4))
    assert page.digest == again.digest != other.digest
    assert (page.real == again.real).all()
    assert (page.real != other.real).any()
    method = page_of(people_results, "half_cycle", draw=3)
    assert (page.real != method.real).any()
    assert not np.array_equal(index(page)[page.real], index(method)[method.real])


def test_too_few_pictures_are_refused_with_the_number_needed(tmp_path):
    with pytest.raises(InputError, match=r"pix2pix needs at least 50 different pictures.*Got 40.*--protocol"):
        page_of(typical_results(tmp_path, 40))
    assert page_of(typical_results(tmp_path, 40), protocol="quartet").pictures.shape[0] == 9


def test_pictures_of_another_size_are_refused(people_results):
    (directory,) = people_results.glob("*/*/real-*")
    stored_pictures(directory, REAL, size=32)
    with pytest.raises(InputError, match=r"of one size. Got \(32, 32\) and \(16, 16\)"):
        page_of(people_results)
