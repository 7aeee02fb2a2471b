"""Starts the terminal UI for a log, a bus or a replay, or prints lines where there is no screen."""
