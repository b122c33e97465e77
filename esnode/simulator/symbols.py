"""The table of C symbols: what each is and does.

Which driver has which symbol is told by `exports`. A symbol that a driver exports and the simulator does not
have answers NOT_SUPPORTED, as a library does where the hardware lacks something.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar

from esnode.simulator.codes import Code, Refusal

FunctionType = TypeVar("FunctionType", bound=Callable[..., Any])


class Kind(Enum):
    """Who a call is about and what it may do."""

    ANYTIME = "works before nvmlInit"
    SYSTEM = "the library or the machine"
    GETTER = "one GPU, named by its handle"
    SETTER = "the same, and it changes something"


class Call(NamedTuple):
    symbol: str
    kind: Kind
    function: Callable[..., Any]
    deprecated_from: int = 10_000
    answers_when_lost: bool = False


CALLS: Final[dict[str, Call]] = {}


def call(
    *symbols: str,
    kind: Kind = Kind.GETTER,
    deprecated_from: int = 10_000,
    answers_when_lost: bool = False,
) -> Callable[[FunctionType], FunctionType]:
    """Register a function as what these symbols do.

    A getter or setter is called with the library, the SimulatedGpu and the arguments after the handle, the others
    with the library and all arguments. From `deprecated_from` on drivers answer DEPRECATED. A setter checks its
    arguments and returns the change to the GPU's registers.
    """

    def register(function: FunctionType) -> FunctionType:
        for symbol in symbols:
            CALLS[symbol] = Call(
                symbol=symbol,
                kind=kind,
                function=function,
                deprecated_from=deprecated_from,
                answers_when_lost=answers_when_lost,
            )
        return function

    return register


def unsupported(symbol: str) -> Call:
    """The call of an exported symbol that no simulated board supports."""
    is_of_gpu = symbol.startswith("nvmlDevice") and not symbol.startswith("nvmlDeviceGetHandleBy")
    return Call(symbol=symbol, kind=Kind.GETTER if is_of_gpu else Kind.SYSTEM, function=_refuse)


def _refuse(*_arguments: Any) -> None:
    raise Refusal(Code.NOT_SUPPORTED)


def known_symbols() -> frozenset[str]:
    """Every symbol that the simulator has, whatever the driver."""
    from importlib import import_module

    import_module("esnode.simulator.calls")  # which fills the table
    return frozenset(CALLS)
