"""`python -m esnode` is the console script `esnode`."""

import sys

from esnode.cli.main import main

sys.exit(main())
