"""NVML's answers (nvmlReturn_t of nvml.h, CUDA 13) and the words of nvmlErrorString for them."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Code(IntEnum):
    SUCCESS = 0
    UNINITIALIZED = 1
    INVALID_ARGUMENT = 2
    NOT_SUPPORTED = 3
    NO_PERMISSION = 4
    NOT_FOUND = 6
    INSUFFICIENT_SIZE = 7
    TIMEOUT = 10
    GPU_IS_LOST = 15
    IN_USE = 19
    ARGUMENT_VERSION_MISMATCH = 25
    DEPRECATED = 26
    UNKNOWN = 999


WORDS: Final = {
    0: b"Success",
    1: b"Uninitialized",
    2: b"Invalid Argument",
    3: b"Not Supported",
    4: b"Insufficient Permissions",
    5: b"Already Initialized",
    6: b"Not Found",
    7: b"Insufficient Size",
    8: b"Insufficient External Power",
    9: b"Driver Not Loaded",
    10: b"Timeout",
    11: b"Interrupt Request Issue",
    12: b"NVML Shared Library Not Found",
    13: b"Function Not Found",
    14: b"Corrupted infoROM",
    15: b"GPU is lost",
    16: b"GPU requires restart",
    17: b"The operating system has blocked the request.",
    18: b"RM has detected an NVML/RM version mismatch.",
    19: b"In use by another client",
    20: b"Insufficient Memory",
    21: b"No data",
    22: b"The requested vgpu operation is not available because ECC is enabled",
    23: b"Ran out of critical resources, other than memory",
    24: b"The requested frequency is not supported",
    25: b"The provided version is invalid/unsupported",
    26: b"The requested functionality has been deprecated",
    27: b"The system is not ready for the request",
    28: b"No GPUs were found",
    29: b"The resource is not in the correct state to perform the requested operation",
    30: b"The requested reset type is not supported",
}


def words(code: int) -> bytes:
    """What nvmlErrorString says."""
    return WORDS.get(code, b"Unknown Error")


class Refusal(Exception):
    """A call that ends with another code than SUCCESS."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code
