"""Child processes that can be killed, for calls that may never return."""

DRIVER_TIMEOUT = 30.0
"""Seconds that the driver has for an answer about one GPU, where nobody says otherwise."""
