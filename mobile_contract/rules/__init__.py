"""Rules that a phone and the server evaluate from the same documents, so that sync cannot fail later. Pure: no clock, no store."""
