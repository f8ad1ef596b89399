"""Tables and SQL of field jobs. Never decides: rules do."""
