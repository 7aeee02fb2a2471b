"""tracebus."""
