"""What reads the world: GPUs through the driver or from a capture, and facts of the node."""
