"""The command line: parse, call, hand to a view. One file per command."""
