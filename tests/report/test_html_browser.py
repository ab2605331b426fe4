"""The pages in a real Chromium: nothing on the console, sorting, keyboard, widths, and how fast a large one opens."""

import base64

import pytest
from chromium_browser import chromium
from html_results import fill, suite_of

from ganbench.report.html.pages import write_pages

pytestmark = pytest.mark.browser
SECONDS = 2.0  # in which a page of 20 methods must open
ORDER = "return [...document.querySelectorAll('tbody.methods tr th')].map(it => it.dataset.label)"
SORTED = "return [...document.querySelectorAll('[aria-sort]')].map(it => [it.textContent.trim(), it.ariaSort])"
LOADED = "const it = performance.getEntriesByType('navigation')[0]; return it.loadEventEnd / 1000"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Write the pages of a suite of 20 methods at 128 px, every name as long as may be."""
    folder = tmp_path_factory.mktemp("browser")
    long = [one.model_copy(update={"label": one.label.ljust(64, "x")}) for one in suite_of(20)]
    fill(folder / "results", long, side=128)
    return write_pages(folder / "results", folder / "html")[0]


@pytest.fixture(scope="module")
def browser(pages):
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser, pages):
    browser.get(pages[1].as_uri())
    return browser


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def overflow(browser):
    return browser.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_a_page_of_twenty_methods_opens_quickly_and_quietly(page, pages):
    assert page.execute_script(LOADED) <= SECONDS
    assert page.get_log("browser") == []
    assert pages[1].stat().st_size <= 15 * 2**20


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_phone_shows_the_pages_without_sideways_scrolling(pages, dark):
    with chromium(360, 740, dark) as phone:
        for path in pages:
            phone.get(path.as_uri())
            phone.execute_script("for (const it of document.querySelectorAll('details')) it.open = true")
            assert overflow(phone) == 0
            assert phone.execute_script("return innerWidth") == 360
        assert phone.get_log("browser") == []


def test_a_click_sorts_and_another_turns_the_order_round(page):
    before = page.execute_script(ORDER)
    button = page.find_element("css selector", "thead th.cost button")
    button.click()
    first = page.execute_script(SORTED)
    button.click()
    assert page.execute_script(SORTED)[0][1] != first[0][1]
    assert len(first) == 1
    page.find_element("css selector", "thead th.name button").click()
    assert page.execute_script(ORDER) == sorted(before)
    page.find_element("css selector", "thead th.name button").click()
    assert page.execute_script(ORDER) == sorted(before, reverse=True)


def test_real_images_stay_on_top_however_methods_are_sorted(page):
    page.find_element("css selector", "thead th.quality button").click()
    bodies = page.execute_script("return [...document.querySelectorAll('#board tbody')].map(it => it.className)")
    assert bodies == ["references", "methods"]


def test_the_keyboard_alone_sorts_and_is_told_so(page):
    page.execute_script("document.querySelector('thead th.name button').focus()")
    press(page, "\ue004")  # tab, to the next header
    focused = page.execute_script("return document.activeElement.closest('th').textContent")
    before = page.execute_script(ORDER)
    press(page, "\ue007")  # enter
    assert page.execute_script(ORDER) == before[::-1]
    assert focused.strip() in page.execute_script("return document.getElementById('sorted').textContent")


def test_columns_are_chosen_by_group(page):
    seen = "return [...document.querySelectorAll('thead tr:last-child th')].filter(it => it.offsetWidth).length"
    essential = page.execute_script(seen)
    page.find_element("css selector", "#choice input[value=all]").find_element("xpath", "..").click()
    everything = page.execute_script(seen)
    page.find_element("css selector", "#choice input[value=cost]").find_element("xpath", "..").click()
    assert 1 < page.execute_script(seen) < everything
    assert essential < everything


def test_an_image_opens_large_and_the_arrows_lead_on(page):
    page.find_element("css selector", "#sheet button[data-image='1']").click()
    title = page.find_element("id", "zoom-title")
    assert title.text == "Image 2 of 10"
    press(page, "\ue014")  # right
    assert title.text == "Image 3 of 10"
    assert len(page.find_elements("css selector", "#zoom .view")) == 22  # input, 20 methods, real
    press(page, "\ue00c")  # escape
    assert not page.execute_script("return document.getElementById('zoom').open")


def test_curves_are_shown_against_the_chosen_axis(page):
    shown = (
        "return ['step', 'seconds'].filter(it => document.querySelector(`#curves svg.${it}`).getClientRects().length)"
    )
    assert page.execute_script(shown) == ["step"]
    page.find_element("css selector", "#against input[value=seconds]").find_element("xpath", "..").click()
    assert page.execute_script(shown) == ["seconds"]


def test_the_index_leads_to_the_page_and_back(browser, pages):
    browser.get(pages[0].as_uri())
    browser.find_element("css selector", ".card a").click()
    assert browser.current_url == pages[1].as_uri()
    browser.find_element("css selector", ".back a").click()
    assert browser.current_url == pages[0].as_uri()


def test_without_scripts_everything_can_be_read(pages):
    with chromium() as plain:
        plain.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        plain.get(pages[1].as_uri())
        assert all(cell.is_displayed() for cell in plain.find_elements("css selector", ".methods tr:first-child td"))
        assert plain.find_element("id", "sheet").is_displayed()
        assert not plain.find_element("id", "choice").is_displayed()


def test_a_printed_page_holds_the_whole_table(page):
    printed = page.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    assert base64.b64decode(printed).startswith(b"%PDF")
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    box = page.find_element("css selector", ".scroll.tall")
    assert page.execute_script("return arguments[0].scrollHeight <= arguments[0].clientHeight + 1", box)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_script_in_a_page_that_is_not_ours_does_not_run(browser, pages, tmp_path):
    text = pages[1].read_text("utf-8").replace("</main>", "<img src=x onerror='window.owned = 1'></main>")
    (tmp_path / "page.html").write_text(text, "utf-8")
    browser.get((tmp_path / "page.html").as_uri())
    assert browser.execute_script("return window.owned === undefined")
    browser.get_log("browser")  # the refusals, which the next test must not see
