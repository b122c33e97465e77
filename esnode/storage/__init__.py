"""Bytes to values and back: profiles, plans, states, locks."""
