"""A valid profile to break, and what esnode says about it."""

from __future__ import annotations

from esnode.diagnostics import Diagnostic
from esnode.errors import ProfileInvalid
from esnode.storage.profiles.parse import parse_profiles

VALID = """\
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: lab
  version: "1.0"
policies:
  - name: cool
    target: gpu_temp_celsius
    condition: "> 82"
    duration: 5m
    action:
      type: throttle_power
      parameters:
        step_watts: 50
        min_watts: 300
    severity: critical
"""


def broken(old: str, new: str) -> str:
    """The valid profile with one part replaced."""
    assert old in VALID
    return VALID.replace(old, new, 1)


def problems(text: str | bytes, filename: str = "lab.es") -> tuple[Diagnostic, ...]:
    """Everything that is wrong with a profile's text."""
    try:
        parse_profiles(text.encode() if isinstance(text, str) else text, filename)
    except ProfileInvalid as invalid:
        return invalid.problems
    return ()


def the_problem(text: str | bytes) -> tuple[str, int, int, str]:
    """The only thing that is wrong: summary, line, column and the text that is underlined."""
    (problem,) = problems(text)
    place = problem.range
    assert place is not None
    return problem.summary, place.line, place.column, place.source[place.column - 1 : place.end_column - 1]


def the_advice(text: str | bytes) -> str:
    (problem,) = problems(text)
    return problem.detail
