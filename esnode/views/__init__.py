"""Values to text and JSON lines. Decides nothing, and is the only place that prints."""
