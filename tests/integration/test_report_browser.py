"""The report's page in a real browser: no errors, no network, accessible, and its links work."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import write_report
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

import synthetic
from bench import claims
from bench.paths import ROOT
from needs import need_programs

HERE = Path(__file__).parent / "browser"
NEEDED = ("chromium", "chromedriver", "npm")
FAILED = "tfc-mnist-w8a8-s1-low"
# Schemes and widths in which people read it: a laptop, and a phone.
VIEWS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe, from npm, pinned by its lock."""
    folder = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a made-up grid with infeasible points and a failed one."""
    root = tmp_path_factory.mktemp("synthetic")
    foldings, datasets = ("max", "low", "mid-original"), ("MNIST", "Fashion-MNIST")
    file = synthetic.write_grid(root / "experiments", (2, 4, 8), foldings, datasets)
    store = root / "a store # with <odd> characters"
    grid, _, resolver = synthetic.fill(file, store, (FAILED,))
    folder = store / "reports" / grid.name
    folder.mkdir(parents=True)
    times = {"stage": "train", "tasks": 9, "predicted_seconds": 10.0, "actual_seconds": 12.0}
    run = {"date": "2026-01-01", "machine": "a machine", "jobs": 2, "from_earlier_runs": False}
    clock = times | {"stage": "on the clock"} | run
    (folder / "timing.json").write_text(json.dumps([times, clock]))
    stated = claims.load_claims(ROOT / "experiments" / "claims.toml")
    return write_report(file, resolver, folder, stated).written[0]


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """A headless Chromium that remembers what it said and what it asked for."""
    need_programs("BENCH_REQUIRE_BROWSER", "chromium, chromium-driver, npm", *NEEDED)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    # In a container there is no sandbox to be had as root, and little shared memory.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(120)
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser: webdriver.Chrome, page: Path) -> webdriver.Chrome:
    _view(browser, "light", 1280)
    _open(browser, page)
    return browser


def _view(browser: webdriver.Chrome, scheme: str, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    # Without smooth scrolling a link's target is where it will be at once.
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    media = {"features": [{"name": name, "value": value} for name, value in features.items()]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)


def _open(browser: webdriver.Chrome, page: Path) -> None:
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)  # reading empties it
    browser.get(page.as_uri())


def _requests(browser: webdriver.Chrome) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


@pytest.mark.parametrize(("scheme", "width"), VIEWS)
def test_no_errors_no_network_nothing_inaccessible(
    browser: webdriver.Chrome, page: Path, axe: str, scheme: str, width: int, tmp_path: Path
) -> None:
    _view(browser, scheme, width)
    _open(browser, page)
    # One of each kind of what is folded up, so that it is checked too.
    browser.execute_script(
        "for (const kind of ['.many', '.chain', '.artifact', '.made', '.stopped details'])"
        "  for (const one of document.querySelectorAll(kind)) {"
        "    one.open = true; if (kind !== '.many' && kind !== '.made') break; }"
    )
    assert browser.get_log("browser") == []
    assert _requests(browser) == [page.as_uri()]
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_script(axe)
    found = browser.execute_async_script("axe.run().then(arguments[0])")
    _keep_picture(browser, f"{scheme}-{width}", tmp_path)
    assert found["passes"], "axe checked nothing"
    assert [_told(one) for one in found["violations"]] == []


def _told(violation: dict[str, Any]) -> str:
    places = [node["html"][:200] for node in violation["nodes"][:3]]
    return f"{violation['impact']} {violation['id']}: {violation['help']}; {places}"


def _keep_picture(browser: webdriver.Chrome, name: str, folder: Path) -> None:
    """For people to look at: BENCH_SCREENSHOTS names a folder."""
    folder = Path(os.environ.get("BENCH_SCREENSHOTS") or folder)
    folder.mkdir(parents=True, exist_ok=True)
    options = {"format": "png", "captureBeyondViewport": True}
    picture = browser.execute_cdp_cmd("Page.captureScreenshot", options)
    (folder / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))


def test_both_themes_are_there(browser: webdriver.Chrome, page: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        _view(browser, scheme, 1280)
        _open(browser, page)
        body = browser.find_element(By.TAG_NAME, "body")
        text = browser.find_element(By.CSS_SELECTOR, "figure svg text")
        colours.append((body.value_of_css_property("background-color"),
                        text.value_of_css_property("fill")))  # fmt: skip
    (light, ink), (dark, chalk) = colours
    assert min(_brightness(light), _brightness(chalk)) > 200
    assert max(_brightness(dark), _brightness(ink)) < 60


def _brightness(colour: str) -> float:
    numbers = colour[colour.index("(") + 1 : -1].split(",")[:3]
    return sum(map(float, numbers)) / 3


def _rows(browser: webdriver.Chrome) -> list[WebElement]:
    rows = browser.find_elements(By.CSS_SELECTOR, "#table tbody tr")
    return [row for row in rows if row.is_displayed()]


def test_every_point_has_its_row_whatever_became_of_it(opened: webdriver.Chrome) -> None:
    states = [row.find_element(By.CSS_SELECTOR, ".badge").text.split()[-1] for row in _rows(opened)]
    assert len(states) == 2 * 9 * 3
    assert states.count("infeasible") == 2 * 9
    assert states.count("failed") == 1
    text = opened.find_element(By.TAG_NAME, "main").text
    assert "Made-up failure with <b>markup</b> & 'quotes'." in text
    assert "PE does not divide the outputs of layer 4 <MH = 10>." in text


def test_two_clicks_from_a_number_to_its_manifest(opened: webdriver.Chrome, page: Path) -> None:
    opened.find_element(By.CSS_SELECTOR, "#row-0 th a").click()
    chain = opened.find_element(By.ID, "chain-0")
    assert chain.is_displayed()
    assert "bench run" in chain.text
    chain.find_element(By.CSS_SELECTOR, "a[href^='#artifact-train']").click()
    record = opened.find_element(By.CSS_SELECTOR, ".artifact[open] .record")
    assert record.is_displayed()
    for told in ("key", "inputs", "seed", "environment", "tools", "git commit", "machine"):
        assert told in record.text
    record.find_element(By.LINK_TEXT, "manifest.json").click()
    assert '"stage": "train"' in opened.find_element(By.TAG_NAME, "body").text


def test_a_click_on_a_marker_goes_to_its_row(opened: webdriver.Chrome) -> None:
    marker = opened.find_element(By.CSS_SELECTOR, "figure [data-point]")
    number = marker.get_attribute("data-point")
    opened.execute_script(
        "arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", marker
    )
    assert opened.current_url.endswith(f"#row-{number}")
    assert opened.find_element(By.CSS_SELECTOR, "tr:target").get_attribute("id") == f"row-{number}"


def test_the_table_sorts_with_the_unknown_last(opened: webdriver.Chrome) -> None:
    heads = opened.find_elements(By.CSS_SELECTOR, "#table .heads th")
    place = next(n for n, head in enumerate(heads) if head.text == "LUT")
    for state in ("ascending", "descending"):
        heads[place].find_element(By.TAG_NAME, "button").click()
        assert heads[place].get_attribute("aria-sort") == state
        texts = [row.find_elements(By.XPATH, "*")[place].text for row in _rows(opened)]
        known = [int(text.split()[0].replace(",", "")) for text in texts if text != "-"]
        assert known == sorted(known, reverse=state == "descending")
        assert set(texts[len(known) :]) == {"-"}


def test_headings_that_sort_keep_their_explanation(opened: webdriver.Chrome) -> None:
    heads = opened.find_elements(By.CSS_SELECTOR, "#table .heads th button")
    told = opened.find_elements(By.CSS_SELECTOR, "#table .heads th button > abbr[title]")
    assert len(heads) - 1 == len(told) > 10, "all but the data set, which needs none"
    assert any("Look-up table" in str(one.get_attribute("title")) for one in told)


def test_the_table_filters_and_says_how_many(opened: webdriver.Chrome) -> None:
    field = opened.find_element(By.CSS_SELECTOR, ".filter input")
    field.send_keys("w2a2 fashion")
    assert len(_rows(opened)) == 3
    assert "3 of 54 points" in opened.find_element(By.CSS_SELECTOR, ".filter").text
    opened.execute_script("location.hash = '#row-30'")
    assert opened.find_element(By.ID, "row-30").is_displayed(), "a link shows a row filtered out"


def test_it_prints(opened: webdriver.Chrome) -> None:
    printed = opened.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    media = {"media": "print"}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    assert not opened.find_element(By.TAG_NAME, "nav").is_displayed()
    assert opened.find_element(By.ID, "table").is_displayed()
    assert opened.find_element(By.CSS_SELECTOR, ".words dd").is_displayed()
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_without_scripts_everything_is_still_there(browser: webdriver.Chrome, page: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        _open(browser, page)
        assert len(_rows(browser)) == 54
        browser.get(f"{page.as_uri()}#chain-0")
        assert browser.find_element(By.ID, "chain-0").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
