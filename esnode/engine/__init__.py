"""Decides. Pure functions of values; hardware, files and time only as the Protocols of `ports`."""
