"""Tests of Onsite: they run against a real PostgreSQL, on this machine only."""
