"""Tests of the dispatch console in a real browser against a real server."""
