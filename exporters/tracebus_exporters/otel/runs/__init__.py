"""Events in, and out of them spans, metrics and events of the Logs API."""
