"""Turns events into spans, metrics and events of the Logs API."""
