"""The control loop: the same refresh, plan and apply as on the command line, again and again."""
