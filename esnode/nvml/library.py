"""The one door to pynvml: every call of the driver goes through `invoke`."""

from __future__ import annotations

from typing import Any, Final

import pynvml

from esnode.nvml.failures import Code, failure

# NVML's "not available" in an unsigned answer (NVML_VALUE_NOT_AVAILABLE, -1).
_NOT_AVAILABLE: Final = frozenset({0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF})

# Raised by the unversioned process getters on a driver that lacks them; not an NVMLError.
_TOO_OLD: Final[type[Exception] | tuple[()]] = getattr(pynvml, "NVMLLibraryMismatchError", ())


def invoke(wrapper: str, *arguments: object, about: str = "") -> Any:
    """What pynvml's function of that name returns. `about` names the object for error messages.

    Raises esnode's driver errors and nothing else of pynvml's. A function that this pynvml does not
    have is the same to the caller as one that the driver does not have: NotSupported.
    """
    function = getattr(pynvml, wrapper, None)
    if function is None:
        raise failure(Code.FUNCTION_NOT_FOUND, call=wrapper, about=about)
    try:
        return function(*arguments)
    except pynvml.NVMLError as problem:
        code = int(problem.value)
    except _TOO_OLD:
        code = Code.ARGUMENT_VERSION_MISMATCH
    except UnicodeDecodeError:
        code = Code.UNKNOWN
    # Raised here, outside of the handlers: pynvml's error must not hang on as a context that cannot be printed.
    raise failure(code, call=wrapper, about=about)


def code_of(symbol: str, *arguments: object) -> int:
    """The code that the C function of that name gives, for what pynvml's own function asks in a roundabout way."""
    try:
        return int(pynvml._nvmlGetFunctionPointer(symbol)(*arguments))
    except pynvml.NVMLError as problem:  # there is no such function, or no library
        return int(problem.value)


def invoke_for_number(wrapper: str, *arguments: object, about: str = "") -> int:
    """The same for a function that returns one number; "not available" is NotSupported."""
    value = int(invoke(wrapper, *arguments, about=about))
    if value in _NOT_AVAILABLE:
        raise failure(Code.NOT_SUPPORTED, call=wrapper, about=about)
    return value


def invoke_for_text(wrapper: str, *arguments: object, about: str = "") -> str:
    """The same for a function that returns a text."""
    value = invoke(wrapper, *arguments, about=about)
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
