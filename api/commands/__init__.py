"""One module for each noun of the `onsite` command line; each has `register(app)`. Heavy imports stay inside commands."""
