"""Tests of field jobs: rules on their own, handlers through the one door on a real database."""
