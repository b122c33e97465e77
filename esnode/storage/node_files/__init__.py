"""The node file: what people say of one machine."""
