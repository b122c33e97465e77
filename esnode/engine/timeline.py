"""What happened around a moment of a story, in few lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from esnode.model.story_run import Deed, Look, Row, Stood, StoryRun

_AROUND = 3
"""Rows before and after the one that matters."""


def status_rows(run: StoryRun, key: tuple[str, str, int], at: float) -> tuple[Row, ...]:
    """How one policy stood on one GPU around a moment, and what was done to that GPU meanwhile."""

    def status(look: Look) -> tuple[str, str]:
        found = find(look, key)
        return (found.status, found.reason) if found else ("-", "")

    return _around(_rows(run.looks, status, lambda deed: deed.gpu in (None, key[2])), at)


def deed_rows(run: StoryRun, concerns: Callable[[Deed], bool], at: float | None) -> tuple[Row, ...]:
    """What was done, around a moment or, without one, from the beginning."""
    rows = [row for row in _rows(run.looks, lambda _: ("", ""), concerns) if row.deeds]
    return _around(rows, at) if at is not None else tuple(rows[: 2 * _AROUND + 1])


def find(look: Look, key: tuple[str, str, int]) -> Stood | None:
    """How the policy stood; None where nobody judged it. No profile means any."""
    return next(
        (
            one
            for one in look.stood
            if one.policy == key[1] and one.gpu == key[2] and (not key[0] or one.profile == key[0])
        ),
        None,
    )


def _rows(
    looks: Sequence[Look], status: Callable[[Look], tuple[str, str]], concerns: Callable[[Deed], bool]
) -> list[Row]:
    """Looks with the same status and without deeds are one row; its reason is that of its last look."""
    rows: list[Row] = []
    for look in looks:
        word, reason = status(look)
        done = tuple(deed for deed in look.deeds if concerns(deed))
        last = rows[-1] if rows else None
        if last and last.status == word and not last.deeds and not done:
            rows[-1] = Row(start=last.start, end=look.at, status=word, reason=reason)
        else:
            rows.append(Row(start=look.at, end=look.at, status=word, reason=reason, deeds=done))
    return rows


def _around(rows: Sequence[Row], at: float) -> tuple[Row, ...]:
    here = max((number for number, row in enumerate(rows) if row.start <= at + 1e-9), default=0)
    first = max(0, here - _AROUND)
    return tuple(
        Row(
            start=row.start,
            end=row.end,
            status=row.status,
            reason=row.reason,
            deeds=row.deeds,
            is_here=number == here and row.start <= at <= row.end + 1e-9,
        )
        for number, row in enumerate(rows[first : here + _AROUND + 1], first)
    )
