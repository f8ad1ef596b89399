"""Points, districts, coordinate systems and travel time. Never knows what a job is."""
