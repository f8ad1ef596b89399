"""Generators of what is derived from the contract: each writes files and checks them for drift. Never imported at run time."""
