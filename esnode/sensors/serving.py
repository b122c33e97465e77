"""Generated tokens, as one serving endpoint counts them or as a PromQL query says them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from esnode import secrets, web
from esnode.errors import BadValue, EndpointFailed, SecretUnavailable
from esnode.model.node_file import PrometheusServer, Serving
from esnode.model.readings import Missing, MissingReason, Reading
from esnode.model.serving import Tokens
from esnode.sensors.engines import ENGINES, counters_of, is_named
from esnode.sensors.exposition import Series, read_series
from esnode.sensors.prometheus import NO_SERVER, Answered, ask

_ACCEPT: Final = "text/plain;version=0.0.4;q=1,*/*;q=0.1"


def read_tokens(
    serving: Serving, prometheus: PrometheusServer | None, *, timeout: float = web.TIMEOUT
) -> Reading[Tokens]:
    """What the endpoint says now: its counters of generated tokens by series, or for a query tokens per second.

    Missing, with the reason in words, for an endpoint that is down, a page without the counter, a value that is no
    number. URLs are shown without user, password and query. Nothing is raised.
    """
    if serving.query:
        return _of_query(serving.query, prometheus, timeout)
    names = counters_of(serving.engine)
    if not names:
        known = ", ".join(ENGINES)
        return _missing(f'the engine "{serving.engine}" is not known; known are {known}, and auto')
    try:
        url = secrets.resolve(serving.url)
        shown = url.reference if secrets.is_reference(serving.url) else None
        reply = web.fetch(url.reveal(), headers={"Accept": _ACCEPT}, timeout=timeout, shown=shown)
    except (EndpointFailed, SecretUnavailable) as failure:
        return _missing(failure.summary)
    try:
        return _counters(reply.body.decode("utf-8", "replace"), names, serving.engine)
    except BadValue as wrong:
        return _missing(wrong.summary)


def _counters(page: str, names: Sequence[str], engine: str) -> Reading[Tokens]:
    found = read_series(page, names)
    if not found:
        return _missing(_nothing_found(page, names, engine))
    by_name = {name: [one for one in found if one.name.removesuffix("_total") == name] for name in _bare(names)}
    present = [name for name, series in by_name.items() if series]
    if len(present) > 1 and not is_named(engine):
        both = " and ".join(present)
        return _missing(f"the page has {both}: write `engine:` to say which of its engines counts")
    return _finite(by_name[present[0]])


def _bare(names: Sequence[str]) -> list[str]:
    return [name.removesuffix("_total") for name in names]


def _finite(found: Sequence[Series]) -> Reading[Tokens]:
    broken = next((series for series in found if not math.isfinite(series.value) or series.value < 0), None)
    if broken:
        return _missing(f"{broken.key} is {broken.value}")
    counters = {series.key: series.value for series in found}
    if len(counters) < len(found):
        return _missing(f"a series of {found[0].name} stands on the page twice")
    return Tokens(counters=counters)


def _nothing_found(page: str, names: Sequence[str], engine: str) -> str:
    """In words, what the page is instead of the page that was expected."""
    beginning = page.lstrip("\ufeff \t\r\n")[:1]
    if beginning == "<":
        return "it answered with a web page, not with metrics: give the path of its metrics page"
    if beginning and beginning in '[{"':
        return "it answered with JSON, not with a metrics page (trtllm-serve has one at /prometheus/metrics)"
    if not beginning:
        return "its metrics page is empty"
    if is_named(engine):
        return f"its metrics page has no {' or '.join(names)}"
    return "its metrics page has no counter of generated tokens of any engine that esnode knows"


def _of_query(query: str, prometheus: PrometheusServer | None, timeout: float) -> Reading[Tokens]:
    if prometheus is None:
        return NO_SERVER
    answer = ask(prometheus, query, timeout=timeout)
    if isinstance(answer, Missing):
        return answer
    return _one_rate(answer)


def _one_rate(answer: Sequence[Answered]) -> Reading[Tokens]:
    if len(answer) != 1:
        return _missing(f"the query has {len(answer)} series and must have one: tokens per second, such as sum(rate())")
    value = answer[0].value
    if not math.isfinite(value) or value < 0:
        return _missing(f"the query's value is {value}")
    return Tokens(rate=value)


def _missing(why: str) -> Missing:
    return Missing(missing=MissingReason.NOT_READ, detail=why)
