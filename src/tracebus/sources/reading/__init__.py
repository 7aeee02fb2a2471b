"""What LangChain's objects say: messages, chunks, token usage, the model, the kind of a run."""
