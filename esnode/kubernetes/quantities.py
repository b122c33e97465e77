"""Kubernetes' quantities: "8", "2k", "1Ki", "500m", "1e3"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from esnode.errors import BadValue

_QUANTITY: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3})|(n|u|m|k|[MGTPE]|[KMGTPE]i))?")

_FACTORS: Final[Mapping[str, Decimal]] = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal("1e3"),
    "M": Decimal("1e6"),
    "G": Decimal("1e9"),
    "T": Decimal("1e12"),
    "P": Decimal("1e15"),
    "E": Decimal("1e18"),
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}


def parse_quantity(text: str) -> Decimal:
    """A quantity as the API server writes it. Raises BadValue for anything else."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise BadValue(f"{text!r} is not a quantity of Kubernetes", next_step='Such are "8", "2k" and "500m".')
    number, exponent, suffix = match.groups()
    if exponent:
        return Decimal(number).scaleb(int(exponent))
    return Decimal(number) * _FACTORS.get(suffix or "", Decimal(1))


def show_quantity(value: Decimal) -> str:
    """A quantity without suffix and exponent: what people count GPUs in."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
