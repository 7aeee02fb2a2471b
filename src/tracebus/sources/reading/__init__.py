"""Reads LangChain's objects: messages, chunks, token usage, the model, the kind of a run."""
