"""The steps, each a file of its own."""
