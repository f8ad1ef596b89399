"""The model of the protocol: its server in plain Python on a database in memory, speaking the same bytes as the real one."""
