"""Where spans, metrics and events go: the application's providers, a backend, or nowhere."""
