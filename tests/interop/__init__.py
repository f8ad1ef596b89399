"""Unmodified clients of others against the server: what a standard promises is what they can use."""
