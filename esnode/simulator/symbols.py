"""The table of C symbols: what each is, and which driver has it.

A call is registered with the first driver branch that exports it (535 and 550 by their libraries' own
export tables, the others by NVML's change log) and, where one ends it, the branch from which on it
answers DEPRECATED.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

FunctionType = TypeVar("FunctionType", bound=Callable[..., Any])


class Kind(Enum):
    """Who a call is about and what it may do."""

    ANYTIME = "works before nvmlInit"
    SYSTEM = "the library or the machine"
    GETTER = "one GPU, named by its handle"
    SETTER = "the same, and it changes something"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    symbol: str
    kind: Kind
    function: Callable[..., Any]
    since: int = 0
    deprecated_from: int = 10_000
    answers_when_lost: bool = False


CALLS: Final[dict[str, Call]] = {}


def call(
    *symbols: str,
    kind: Kind = Kind.GETTER,
    since: int = 0,
    deprecated_from: int = 10_000,
    answers_when_lost: bool = False,
) -> Callable[[FunctionType], FunctionType]:
    """Register a function as what these symbols do.

    A getter or setter is called with the SimulatedGpu and the arguments after the handle, the others with the
    library and all arguments. A setter checks its arguments and returns the change to the GPU's registers.
    """

    def register(function: FunctionType) -> FunctionType:
        for symbol in symbols:
            CALLS[symbol] = Call(
                symbol=symbol,
                kind=kind,
                function=function,
                since=since,
                deprecated_from=deprecated_from,
                answers_when_lost=answers_when_lost,
            )
        return function

    return register


def known_symbols() -> frozenset[str]:
    """Every symbol that the simulator has, whatever the driver."""
    from esnode.simulator import events, fields, getters, setters, system

    del events, fields, getters, setters, system  # importing them fills the table
    return frozenset(CALLS)
