"""Tests of planning; `python -m tests.geo.planning` plays many random days."""
