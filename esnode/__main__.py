"""`python -m esnode` is the console script `esnode`."""

from esnode.cli.start import run

run()
