"""Tests on real data that is not part of the project: skipped, loudly, where it is absent."""
