"""Tests of imports: files as other people send them, on the real database."""
