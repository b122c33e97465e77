"""esnode: Terraform for GPU settings. Profile, reviewable plan, apply, state, drift."""

__version__ = "0.1.0"
