"""Profiles: their grammar, and the way from a file to a Profile or to every error in it."""
