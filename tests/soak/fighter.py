"""Another program that has its own idea of some power limits: `python fighter.py SEED PAUSE GPU...`, until it is ended.

It writes through pynvml, as such programs do, again and again a limit that nobody else on the machine ever wants.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time

import pynvml

LIMITS = (611, 623, 637, 641)
"""Watts."""


def main(seed: str, pause: float, indexes: list[int]) -> None:
    chance = random.Random(seed)
    limit = chance.choice(LIMITS)
    while True:
        with contextlib.suppress(pynvml.NVMLError):
            handle = pynvml.nvmlDeviceGetHandleByIndex(chance.choice(indexes))
            pynvml.nvmlDeviceSetPowerManagementLimit(handle, 1000 * limit)
        time.sleep(chance.uniform(0.2, 1.8) * pause)


if __name__ == "__main__":
    pynvml.nvmlInit()
    main(sys.argv[1], float(sys.argv[2]), [int(word) for word in sys.argv[3:]])
