"""The protocol in the small, searched through: every order of steps, every crash point, every loss, of a few commands on two phones."""
