"""The span of an open run, its ids, and the contract of what sends spans."""
