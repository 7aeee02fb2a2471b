"""Server-sent events: their bytes and their response."""
