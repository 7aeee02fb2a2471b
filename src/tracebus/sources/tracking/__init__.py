"""The open runs: who is whose parent, how each ends, and that each ends exactly once."""
