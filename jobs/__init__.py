"""Field jobs: their rules, handlers and storage. Never knows who called or over which wire."""
