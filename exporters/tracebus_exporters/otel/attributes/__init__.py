"""A run as attributes: operation and name, request, usage, content, agents, single vendors."""
