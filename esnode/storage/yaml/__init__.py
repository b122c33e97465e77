"""YAML text to plain values, each with its place in the file, and errors that a person can mend."""
