"""Results of tests as JUnit XML, which every CI shows."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from esnode.errors import EsnodeError
from esnode.model.story_run import Outcome, StoryResult
from esnode.records import replace
from esnode.views.printable import plain_text
from esnode.views.stories import failure_text, problems_in
from esnode.views.text import Paint

Element = ElementTree.Element


def junit_xml(results: Sequence[tuple[str, StoryResult]], errors: Sequence[tuple[str, EsnodeError]]) -> bytes:
    """A suite for each file, a case for each expectation; a file or story that could not be run is a case in error."""
    root = Element("testsuites", name="esnode test")
    for path in dict.fromkeys([*(path for path, _ in results), *(path for path, _ in errors)]):
        suite = ElementTree.SubElement(root, "testsuite", name=plain_text(path))
        for _, failure in (pair for pair in errors if pair[0] == path):
            _error(suite, "the file", path, "\n".join(f"{one.summary}. {one.detail}" for one in problems_in(failure)))
        for _, result in (pair for pair in results if pair[0] == path):
            _story(suite, path, result)
        _count(suite)
    _count(root)
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data


def _story(suite: Element, path: str, result: StoryResult) -> None:
    if result.error:
        _error(suite, result.story.name, path, result.error)
    seconds = result.took / max(1, len(result.outcomes))
    for number, outcome in enumerate(result.outcomes, 1):
        name = f"{result.story.name}: {outcome.expected}"
        case = _case(suite, f"{name} ({number})", path, seconds)
        if not outcome.passed:
            failure = ElementTree.SubElement(case, "failure", message=plain_text(outcome.saw), type="expectation")
            failure.text = _text_of(path, result, outcome)


def _text_of(path: str, result: StoryResult, outcome: Outcome) -> str:
    return "\n".join(failure_text(path, replace(result, outcomes=(outcome,)), Paint()))


def _error(suite: Element, name: str, path: str, text: str) -> None:
    found = ElementTree.SubElement(_case(suite, name, path, 0.0), "error", message=plain_text(text.split("\n")[0]))
    found.text = plain_text(text)


def _case(suite: Element, name: str, path: str, seconds: float) -> Element:
    return ElementTree.SubElement(
        suite,
        "testcase",
        name=plain_text(name),
        classname=plain_text(path),
        file=plain_text(path),
        time=f"{seconds:.4f}",
    )


def _count(element: Element) -> None:
    cases = list(element.iter("testcase"))
    seconds = sum(float(case.get("time", "0")) for case in cases)
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    element.set("errors", str(sum(case.find("error") is not None for case in cases)))
    element.set("time", f"{seconds:.4f}")
