"""LangChain's callbacks: the handler, the recorder behind it, and which run a callback means."""
