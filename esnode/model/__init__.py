"""Values only: frozen dataclasses without I/O, clock or third-party import."""
