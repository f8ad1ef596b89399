"""Generators of everything that is derived from the contract. Each writes files and can check them for drift; none is imported at run time."""
