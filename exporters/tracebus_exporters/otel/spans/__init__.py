"""A span while its run is open: what every other room here speaks of."""
