"""From the first click to the imported result, in a real Chromium."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from chromium_browser import chromium
from sittings import page_of

from ganbench.human_test.make import make_pages, page_data
from ganbench.human_test.read import import_answers
from ganbench.results.people import PROTOCOLS, read_judged

pytestmark = pytest.mark.browser
WATCH = """
window.seen = [];
new MutationObserver((changes) => {
  for (const change of changes) {
    for (const node of change.addedNodes) seen.push({src: node.src, from: performance.now()});
    if (change.removedNodes.length) seen.at(-1).to = performance.now();
  }
}).observe(document.getElementById("stage"), {childList: true});
"""


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Let a sitting be short: what takes five minutes is the number of screens."""
    monkeypatch.setitem(PROTOCOLS, "pix2pix", replace(PROTOCOLS["pix2pix"], practice=1, scored=2))
    monkeypatch.setitem(PROTOCOLS, "quartet", replace(PROTOCOLS["quartet"], practice=1, scored=2))


def open_page(driver, results, out, protocol):
    (one,) = make_pages(results, out, protocol, ["cyclegan"], 0)
    driver.get(one.path.as_uri())
    return page_of(results, protocol=protocol)


def find(driver, name):
    return driver.find_element("id", name)


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def press(driver, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(*keys).perform()


def click(driver, name):
    until(lambda: find(driver, name).is_displayed() and find(driver, name).is_enabled())
    find(driver, name).click()


def download(driver, folder):
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    click(driver, "download")
    until(lambda: list(folder.glob("*.json")))
    return next(folder.glob("*.json"))


def check_quiet(driver):
    assert driver.get_log("browser") == []
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0  # nothing was fetched


def overflow(driver):
    return driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")


def test_pairs_from_first_click_to_imported_result(people_results, tmp_path):
    with chromium(360, 640) as driver:
        page = open_page(driver, people_results, tmp_path, "pix2pix")
        assert overflow(driver) <= 0
        driver.execute_script(WATCH)
        click(driver, "begin")
        click(driver, "first")
        until(lambda: find(driver, "next").is_displayed())
        first_was_real = (
            driver.execute_script("return page.screens[0].indexOf(seen[0].src)") in page.real[0].nonzero()[0]
        )
        feedback = find(driver, "feedback").text
        assert feedback == (
            "No: the second one was generated." if first_was_real else "Right: the first one was generated."
        )
        click(driver, "next")
        click(driver, "go")
        for _ in range(2):
            until(lambda: not find(driver, "first").is_enabled())
            click(driver, "first")
            assert find(driver, "feedback").text == ""
        file = download(driver, tmp_path / "answers")
        seen = driver.execute_script("return seen")
        assert find(driver, "text").get_property("value") == file.read_text()
        assert overflow(driver) <= 0
        check_quiet(driver)
    answers = json.loads(file.read_text())["answers"]
    exposures = np.array([answer["exposure_ms"] for answer in answers])
    watched = np.array([one["to"] - one["from"] for one in seen])  # by a clock of our own
    for measured in (exposures, watched):
        assert measured.min() >= 900
        assert np.median(measured) <= 1100  # a busy machine may hold a picture longer; then its answer doesn't count
    sources = [[one["src"] for one in seen[start : start + 2]] for start in (2, 4)]
    screens = page_data(page)["screens"]
    assert sources == [[screens[a["screen"]][index] for index in a["shown"]] for a in answers]
    (stored,) = import_answers([file], people_results).stored
    taken_for_real = [page.real[answer["screen"], answer["shown"][1]] for answer in answers]  # the first was rejected
    assert read_judged(stored).fooled == 2 - sum(taken_for_real)


def test_the_whole_sitting_works_with_the_keyboard_alone(people_results, tmp_path):
    with chromium() as driver:
        from selenium.webdriver.common.keys import Keys  # after the browser, which skips where selenium is absent

        page = open_page(driver, people_results, tmp_path, "pix2pix")
        press(driver, Keys.ENTER)
        press(driver, Keys.ARROW_LEFT, Keys.ARROW_RIGHT, Keys.ENTER)  # before the question they answer nothing
        for place in range(3):
            until(lambda: find(driver, "first").is_enabled())
            press(driver, Keys.ARROW_RIGHT)
            if place == 0:
                until(lambda: find(driver, "next").is_displayed())
                press(driver, Keys.ENTER)
                until(lambda: find(driver, "go").is_displayed())
                press(driver, Keys.ENTER)
            until(lambda: not find(driver, "first").is_enabled() or find(driver, "end").is_displayed())
        until(lambda: find(driver, "end").is_displayed())
        content = json.loads(find(driver, "text").get_property("value"))
        check_quiet(driver)
    assert all(answer["chosen"] == answer["shown"][:1] for answer in content["answers"])
    assert content["page"] == page.digest


def test_four_of_eight_from_first_click_to_imported_result(people_results, tmp_path):
    with chromium(360, 640, dark=True) as driver:
        from selenium.webdriver.common.keys import Keys  # after the browser, which skips where selenium is absent

        page = open_page(driver, people_results, tmp_path, "quartet")
        click(driver, "begin")
        buttons = driver.find_elements("css selector", "#grid button")
        assert len(buttons) == 8
        for button in buttons[:4]:
            assert not find(driver, "next").is_enabled()
            button.click()
        assert not any(button.is_enabled() for button in buttons[4:])
        assert overflow(driver) <= 0
        click(driver, "next")
        captions = [caption.text for caption in driver.find_elements("css selector", "#grid figcaption")]
        assert sorted(captions) == ["generated"] * 4 + ["real"] * 4
        assert find(driver, "feedback").text == f"{captions[:4].count('real')} of your 4 are real."
        click(driver, "next")
        click(driver, "go")
        for _ in range(2):
            press(driver, *"12345", "1", "5", Keys.ENTER)  # a fifth can't be chosen; then 5 instead of 1
        file = download(driver, tmp_path / "answers")
        check_quiet(driver)
    answers = json.loads(file.read_text())["answers"]
    assert all(sorted(answer["chosen"]) == sorted(answer["shown"][1:5]) for answer in answers)
    (stored,) = import_answers([file], people_results).stored
    taken = [page.real[answer["screen"], answer["shown"][1:5]].sum() for answer in answers]
    assert (read_judged(stored).fooled, read_judged(stored).generated) == (8 - sum(taken), 8)


def test_raters_see_the_pairs_in_orders_of_their_own(people_results, tmp_path):
    with chromium() as driver:
        open_page(driver, people_results, tmp_path, "quartet")
        orders = {driver.execute_script("return shuffled([...Array(40).keys()]).join()") for _ in range(5)}
    assert len(orders) == 5
    assert all(sorted(map(int, order.split(","))) == list(range(40)) for order in orders)
