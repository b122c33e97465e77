"""Processes of this host. The only home of psutil; nothing is imported here."""
