"""The one write path and the exchange with devices. Never knows HTTP, and never decides what the trade allows."""
