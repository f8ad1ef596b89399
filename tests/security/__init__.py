"""What an attacker would try, and what must come of it. `docs/explanation/security.md` says which test stands against what."""
