"""Tests of what is generated from the contract."""
