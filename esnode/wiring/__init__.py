"""Puts the rooms together for a run: the machine, its surroundings, planning, applying. What commands call."""
