"""Small pictures of numbers, drawn as SVG inside the page: where a value is between its limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from esnode.records import dataclass

_WIDTH = 320.0
_LEFT, _RIGHT = 6.0, 314.0
_TRACK_TOP, _TRACK_HEIGHT = 10.0, 8.0
_LABEL_LINE = 36.0
_APART = 62.0
"""Labels that are closer than this would overlap: the later one is left out, its tick stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark below the track. `style` is a class of the page's style sheet."""

    at: float
    label: str
    style: str = "tick"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One track from `low` to `high`, filled up to `value`; with `before` it shows where the value came from.

    `said` is the whole picture in words, for those who cannot see it. `style` is a class of the style sheet.
    """

    low: float
    high: float
    value: float
    ticks: Sequence[Tick]
    said: str
    style: str = "fill"
    before: float | None = None


def scale_svg(scale: Scale) -> str:
    """The picture."""
    at = _place(scale, scale.value)
    parts = [_bar("track", _LEFT, _RIGHT)]
    if scale.before is not None:
        parts.append(_bar("moved", *sorted((_place(scale, scale.before), at))))
    parts += [_bar(scale.style, _LEFT, at), *_ticks(scale)]
    if scale.before is not None:
        parts.append(_dot("was", _place(scale, scale.before)))
    parts.append(_dot(f"is {scale.style}", at))
    return (
        f'<svg class="scale" viewBox="0 0 {_WIDTH:g} 40" role="img" aria-label="{escape(scale.said)}">'
        f"{''.join(parts)}</svg>"
    )


def _place(scale: Scale, value: float) -> float:
    share = (value - scale.low) / (scale.high - scale.low) if scale.high > scale.low else 0.0
    return _LEFT + min(1.0, max(0.0, share)) * (_RIGHT - _LEFT)


def _ticks(scale: Scale) -> Iterable[str]:
    taken: list[float] = []
    for tick in scale.ticks:
        x = _place(scale, tick.at)
        bottom = _TRACK_TOP + _TRACK_HEIGHT + 5
        yield f'<line class="{tick.style}" x1="{x:.1f}" x2="{x:.1f}" y1="{_TRACK_TOP - 4:g}" y2="{bottom:g}"/>'
        anchor = "start" if x < _LEFT + 24 else "end" if x > _RIGHT - 24 else "middle"
        if all(abs(x - other) >= _APART for other in taken):
            taken.append(x)
            place = f'x="{x:.1f}" y="{_LABEL_LINE:g}" text-anchor="{anchor}"'
            yield f'<text class="{tick.style}" {place}>{escape(tick.label)}</text>'


def _bar(style: str, start: float, end: float) -> str:
    return (
        f'<rect class="{style}" x="{start:.1f}" y="{_TRACK_TOP:g}" width="{max(0.0, end - start):.1f}" '
        f'height="{_TRACK_HEIGHT:g}" rx="4"/>'
    )


def _dot(style: str, x: float) -> str:
    return f'<circle class="{style}" cx="{x:.1f}" cy="{_TRACK_TOP + _TRACK_HEIGHT / 2:g}" r="5.5"/>'
