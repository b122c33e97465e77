"""The only home of pynvml. Nothing is imported here: what needs the driver says so by its import."""
