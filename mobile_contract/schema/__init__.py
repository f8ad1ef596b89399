"""The documents, commands and messages of the contract, by noun."""
