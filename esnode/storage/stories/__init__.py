"""Unit tests for profiles, as people write them: `kind: ProfileTest`."""
