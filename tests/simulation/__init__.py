"""The simulation: a seeded world in which the reference client meets a backend, and an auditor that checks I1 to I16."""
