"""Tables and SQL of places. Never decides anything: the pure half of geo does."""
