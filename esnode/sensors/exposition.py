"""A metrics page in Prometheus' text format. The only home of prometheus_client's parser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from esnode.errors import BadValue
from esnode.records import dataclass

_SHOWN: Final = 60
MOST_SERIES: Final = 1000
"""Series of one counter on one page. An engine has one for each model and worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a page. `name` is as written, `key` the same for the same series on every page."""

    name: str
    key: str
    value: float


def read_series(text: str, names: Sequence[str]) -> list[Series]:
    """The series of a page that have one of these names, with `_total` or without, in the order of the page.

    Other lines are not looked at, so nothing on them can be wrong. Raises BadValue for a line in question that is
    not in the text format, and for more than MOST_SERIES of them.
    """
    # Loaded here: 55 ms that only a run with a serving endpoint has to pay.
    from prometheus_client.parser import text_string_to_metric_families

    lines = _lines_of(text, names)
    if len(lines) > MOST_SERIES:
        raise BadValue(f"the page has {len(lines):,} series of {names[0]}, more than {MOST_SERIES:,}")
    found = []
    for line in lines:
        try:
            samples = [sample for family in text_string_to_metric_families(line) for sample in family.samples]
            found += [
                Series(name=sample.name, key=_key(sample.name, sample.labels), value=float(sample.value))
                for sample in samples
            ]
        except (ValueError, OverflowError, IndexError, KeyError):
            raise BadValue(f'the line "{line[:_SHOWN]}" is not in the Prometheus text format') from None
    return found


def _lines_of(text: str, names: Sequence[str]) -> list[str]:
    """Lines of samples only: what TYPE lines say is known of these names, and would rename some of them."""
    roots = "|".join(sorted({re.escape(name.removesuffix("_total")) for name in names}, key=len, reverse=True))
    return re.findall(rf"^[ \t]*((?:{roots})(?:_total)?(?:[ \t]*\{{|[ \t]).*?)[ \t\r]*$", text, re.MULTILINE)


def _key(name: str, labels: dict[str, str]) -> str:
    inside = ",".join(f'{label}="{_escaped(value)}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inside}}}" if inside else name


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
