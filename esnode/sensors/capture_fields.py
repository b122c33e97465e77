"""Single fields of a capture as readings: nvidia-smi's words and numbers with their units."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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
    return _at(gpu, paths, lambda element: _SWITCH.get(element.text.lower(), puzzling(element)))


def number_in(element: Element, unit: str) -> Reading[float]:
    """The element's number. One with another unit, or none, is not read: units are never guessed."""
    found = _NUMBER.fullmatch(element.text)
    return float(found[1]) if found and found[2] == unit else absence(element) or puzzling(element)


def absence(element: Element) -> Missing | None:
    """Why the element has no value, when its text is one of nvidia-smi's words for that."""
    return _ABSENT.get(element.text.strip("[]").lower())


def puzzling(element: Element) -> Missing:
    """For a text that nobody foresaw: one odd field must not cost the whole capture."""
    return _because(MissingReason.NOT_READ, f'the capture says "{element.text[:40]}" on line {element.line}')


def not_there(path: str) -> Missing:
    """For an element that this generation of nvidia-smi did not write."""
    return _because(MissingReason.NOT_READ, f"the capture has no {path}")


def _at(gpu: Element, paths: tuple[str, ...], parse: Callable[[Element], Reading[T]]) -> Reading[T]:
    """Paths go from the newest generation of nvidia-smi to the oldest."""
    elements = [element for path in paths if (element := _element_at(gpu, path))]
    readings = [absence(element) or parse(element) for element in elements]
    missing = next(iter(readings), not_there(paths[0]))
    return next((reading for reading in readings if not isinstance(reading, Missing)), missing)


def _element_at(gpu: Element, path: str) -> Element | None:
    """The element at the path, or the one above it that stands there as a mere "N/A"."""
    parents = path.split("/")[:-1]
    above = ["/".join(parents[: length + 1]) for length in range(len(parents))]
    whole = (element for part in above if (element := gpu.find(part)) and not element.children and absence(element))
    return gpu.find(path) or next(whole, None)
