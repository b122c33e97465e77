"""Where things are."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CAPTURES = PROJECT.parent / "shared" / "captures"
EXAMPLES = PROJECT / "examples"
GOLDEN = PROJECT / "tests" / "golden"
SPECIFICATION_PROFILE = EXAMPLES / "profiles" / "llama3-training-h100.es"
