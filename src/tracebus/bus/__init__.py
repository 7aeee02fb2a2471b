"""The in-process log of events and its readers."""
