"""Single fields of a capture as readings: nvidia-smi's words and numbers with their units."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final, TypeVar

from esnode.model.readings import UNSUPPORTED, Missing, MissingReason, Reading
from esnode.sensors.capture_xml import Element

T = TypeVar("T")

_NUMBER: Final = re.compile(r"([+-]?[0-9]{1,15}(?:\.[0-9]{1,9})?) ?(.*)", re.DOTALL)
_SWITCH: Final[Mapping[str, bool]] = {
    "enabled": True,
    "disabled": False,
    "active": True,
    "not active": False,
    "yes": True,
    "no": False,
}


def _because(reason: MissingReason, detail: str = "") -> Missing:
    return Missing(missing=reason, detail=detail)


# What nvidia-smi writes in the place of a value, in lower case and without its brackets.
_ABSENT: Final[Mapping[str, Missing]] = {
    "n/a": UNSUPPORTED,
    "not supported": UNSUPPORTED,
    "requested functionality has been deprecated": _because(
        MissingReason.UNSUPPORTED, "this driver no longer has it: deprecated"
    ),
    "function not found": _because(MissingReason.UNSUPPORTED, "this driver does not have it"),
    "insufficient permissions": _because(MissingReason.NOT_PERMITTED),
    "gpu is lost": _because(MissingReason.GPU_LOST),
    "gpu requires reset": _because(MissingReason.GPU_LOST, "it needs a reset"),
    "gpu requires restart": _because(MissingReason.GPU_LOST, "it needs a reset"),
    "reset required": _because(MissingReason.GPU_LOST, "it needs a reset"),
    "timeout": _because(MissingReason.UNREACHABLE),
    "err!": _because(MissingReason.NOT_READ, "nvidia-smi had an error"),
    "unknown error": _because(MissingReason.NOT_READ, "nvidia-smi had an unknown error"),
}


def text_at(gpu: Element, *paths: str) -> Reading[str]:
    """The text at the first of the paths that has one, else why none has."""
    return _at(gpu, paths, lambda element: element.text or puzzling(element))


def number_at(gpu: Element, unit: str, *paths: str) -> Reading[float]:
    """The number in `unit` at the first of the paths that has one, else why none has."""
    return _at(gpu, paths, lambda element: number_in(element, unit))


def switch_at(gpu: Element, *paths: str) -> Reading[bool]:
    """`Enabled`, `Active` or `Yes` is True, their opposites False."""
    return _at(gpu, paths, _switch_in)


def _switch_in(element: Element) -> Reading[bool]:
    known = _SWITCH.get(element.text.lower())
    return puzzling(element) if known is None else known


def number_in(element: Element, unit: str) -> Reading[float]:
    """The element's number. One with another unit, or none, is not read: units are never guessed."""
    number = _number_in(element.text, unit)
    return number if number is not None else absence(element) or puzzling(element)


def absence(element: Element) -> Missing | None:
    """Why the element has no value, when its text is one of nvidia-smi's words for that."""
    return _ABSENT.get(element.text.strip("[]").lower())


def puzzling(element: Element) -> Missing:
    """For a text that nobody foresaw: one odd field must not cost the whole capture."""
    return _because(MissingReason.NOT_READ, f'the capture says "{element.text[:40]}" on line {element.line}')


def not_there(path: str) -> Missing:
    """For an element that this generation of nvidia-smi did not write."""
    return _because(MissingReason.NOT_READ, f"the capture has no {path}")


def numbers_in(texts: Iterable[str], unit: str) -> set[float]:
    """The numbers among many texts; what is none of this unit is left out."""
    found = (_number_in(text, unit) for text in dict.fromkeys(texts))
    return {number for number in found if number is not None}


@lru_cache(maxsize=8192)
def _number_in(text: str, unit: str) -> float | None:
    found = _NUMBER.fullmatch(text.strip())
    return float(found[1]) if found and found[2] == unit else None


def _at(gpu: Element, paths: tuple[str, ...], parse: Callable[[Element], Reading[T]]) -> Reading[T]:
    """Paths go from the newest generation of nvidia-smi to the oldest."""
    missing = None
    for path in paths:
        element = _element_at(gpu, path)
        if element is None:
            continue
        reading = absence(element) or parse(element)
        if not isinstance(reading, Missing):
            return reading
        missing = missing or reading
    return missing or not_there(paths[0])


def _element_at(gpu: Element, path: str) -> Element | None:
    """The element at the path, or the one above it that stands there as a mere "N/A"."""
    found = gpu.find(path)
    if found:
        return found
    parents = path.split("/")[:-1]
    above = ["/".join(parents[: length + 1]) for length in range(len(parents))]
    whole = (element for part in above if (element := gpu.find(part)) and not element.children and absence(element))
    return next(whole, None)
