"""Ways out of the bus: one file or folder per backend, each importing its backend itself."""
