"""The page of a plan in a real browser, as a reader at a desk or on a phone sees it, by day and by night."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from esnode.views.plan_html import plan_html
from tests.browser.chromium import Page, chromium
from tests.browser.places import axe, browser
from tests.unit.views.plans import a_full_plan, a_nasty_plan

pytestmark = pytest.mark.lane("browser")

PLANS = {"full": a_full_plan, "nasty": a_nasty_plan}
SCREENS = [(360, False), (360, True), (1280, False), (1280, True)]


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, make in PLANS.items():
        (folder / f"{name}.html").write_text(plan_html(make(), digest="ab" * 32))
    return {name: folder / f"{name}.html" for name in PLANS}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    program = browser()
    assert program
    with chromium(program) as page:
        yield page


@pytest.mark.parametrize(("width", "dark"), SCREENS)
@pytest.mark.parametrize("name", PLANS)
def test_the_accessibility_checker_finds_nothing(page, pages, name, width, dark):
    checker = axe()
    assert checker
    page.open(pages[name], width=width, dark=dark)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.evaluate(f"{checker.read_text()}; true")
    found = page.evaluate("axe.run().then(found => JSON.stringify([found.violations, found.passes.length]))")
    violations, passes = json.loads(found)
    told = [(item["impact"], item["id"], [node["html"][:200] for node in item["nodes"]]) for item in violations]
    assert told == []
    assert passes > 20


def test_the_accessibility_checker_would_find_a_fault(page, tmp_path):
    checker = axe()
    assert checker
    (tmp_path / "faulty.html").write_text(
        '<html lang="en"><title>x</title><p style="color:#ccc">pale</p><img src="data:,">'
    )
    page.open(tmp_path / "faulty.html", width=1280, dark=False)
    page.evaluate(f"{checker.read_text()}; true")
    found = page.evaluate("axe.run().then(found => found.violations.map(item => item.id))")
    assert {"color-contrast", "image-alt"} <= set(found)


@pytest.mark.parametrize(("width", "dark"), SCREENS)
@pytest.mark.parametrize("name", PLANS)
def test_nothing_is_wider_than_the_screen(page, pages, name, width, dark):
    page.open(pages[name], width=width, dark=dark)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_asks_for_nothing_but_itself(page, pages):
    page.requests.clear()
    page.open(pages["full"], width=1280, dark=False)
    assert page.requests == [pages["full"].resolve().as_uri()]


def test_it_is_dark_for_those_who_want_it_dark(page, pages):
    grounds = []
    for dark in (False, True):
        page.open(pages["full"], width=1280, dark=dark)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(245, 246, 248)", "rgb(18, 22, 27)"]


def test_nothing_of_the_input_became_markup(page, pages):
    page.open(pages["nasty"], width=1280, dark=False)
    assert page.evaluate("document.querySelectorAll('script, a, img, iframe, [onclick]').length") == 0
    assert page.evaluate("document.title").startswith("Plan for node-01")
    assert "<script>alert(1)</script>" in page.evaluate("document.body.innerText")


def test_a_chart_says_in_words_what_it_shows(page, pages):
    page.open(pages["full"], width=1280, dark=False)
    said = page.evaluate("[...document.querySelectorAll('svg[role=img]')].map(it => it.getAttribute('aria-label'))")
    assert "Power limit 680 W becomes 650 W; min 200 W, default, max 700 W" in said
    assert "Temperature 84 °C, limit 70 °C, limit 82 °C" in said


def test_a_chart_is_filled_up_to_its_value(page, pages):
    """650 W are 90 % of the way from 200 W to 700 W."""
    page.open(pages["full"], width=1280, dark=False)
    share = page.evaluate(
        "(chart => chart.querySelector('.fill').getBoundingClientRect().width"
        " / chart.querySelector('.track').getBoundingClientRect().width)(document.querySelector('svg[role=img]'))"
    )
    assert share == pytest.approx(0.9, abs=0.005)
