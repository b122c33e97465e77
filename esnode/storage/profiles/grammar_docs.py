"""The tables of `docs/profile-reference.md`: targets, settings and actions as the code has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from esnode.model.metrics import METRICS, PROMETHEUS_PREFIX
from esnode.model.settings import SETTINGS, Kind
from esnode.storage.profiles.grammar import ACCEPTED_COMPUTE_MODES, ACTIONS

REFERENCE = "docs/profile-reference.md"

_ACCEPTS: Mapping[Kind, str] = {
    Kind.WATTS: '`300` or `"80%"`',
    Kind.CLOCK_RANGE: "`1980` or `{min: 345, max: 1980}`",
    Kind.SWITCH: "`true` or `false`",
    Kind.CHOICE: ", ".join(f"`{mode}`" for mode in ACCEPTED_COMPUTE_MODES),
}


def with_tables(text: str, tables: Mapping[str, Callable[[], str]] | None = None) -> str:
    """A document, by default the reference, with every table between `<!-- table: NAME -->` and `<!-- end -->` made
    anew."""
    known = _TABLES if tables is None else tables

    def replace(found: re.Match[str]) -> str:
        return f"<!-- table: {found.group(1)} -->\n{known[found.group(1)]()}\n<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->.*?<!-- end -->", replace, text, flags=re.DOTALL)


def _targets() -> str:
    rows = [
        (f"`{row.name}`", f"`{row.unit}`" if row.unit else "none", row.description, _note(row.loop_only, row.source))
        for row in METRICS.values()
    ]
    rows.append((f"`{PROMETHEUS_PREFIX}<query>`", "none", "The value of a PromQL query.", "a Prometheus server"))
    return table(("target", "unit", "meaning", "source"), rows)


def _note(later: str, source: str) -> str:
    return f"{source} ({later})" if later else source


def _settings() -> str:
    rows = [
        (f"`{row.name}`", _ACCEPTS[row.kind], row.description, "yes" if row.readable else "no")
        for row in SETTINGS.values()
    ]
    return table(("setting", "value", "meaning", "can be read back"), rows)


def _actions() -> str:
    rows = [
        (
            f"`{name}`",
            action.description,
            "; ".join(f"`{key}`: {rule['description']}" for key, rule in action.parameters.items()),
            ", ".join(f"`{key}`" for key in action.required) or "none",
        )
        for name, action in ACTIONS.items()
    ]
    return table(("type", "does", "parameters", "required"), rows)


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_TABLES: Mapping[str, Callable[[], str]] = {"targets": _targets, "settings": _settings, "actions": _actions}
