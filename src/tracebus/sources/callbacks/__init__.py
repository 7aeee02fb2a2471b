"""What LangChain calls: the handler, the recorder behind it, and whose run a callback speaks of."""
