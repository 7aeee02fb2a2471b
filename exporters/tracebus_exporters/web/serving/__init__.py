"""The routes: the app behind `tracebus serve`, and a chain streamed from your own endpoint."""
