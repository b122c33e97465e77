"""Where things are."""

import os
from pathlib import Path
from typing import Final

PROJECT = Path(__file__).resolve().parent.parent
CAPTURES = PROJECT.parent / "shared" / "captures"
EXAMPLES = PROJECT / "examples"
GOLDEN = PROJECT / "tests" / "golden"
SPECIFICATION_PROFILE = EXAMPLES / "profiles" / "llama3-training-h100.es"

# Read once, at import: tests run without the ESNODE_ variables of whoever started them.
_USUAL: Final = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "esnode-tests"
TEST_CACHE: Final = Path(os.environ.get("ESNODE_TEST_CACHE") or _USUAL)
"""Where the scripts of .ci keep what they built or installed for tests."""
