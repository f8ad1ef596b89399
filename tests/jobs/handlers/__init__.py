"""Tests of handlers, each through `sync.execute`."""
