"""What esnode costs and achieves, measured: `make bench` runs each and writes its table into docs/performance.md.

Not part of the tests: they take minutes, and their figures belong to a machine.
"""
