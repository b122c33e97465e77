"""Child processes that can be killed, for calls that may never return."""
