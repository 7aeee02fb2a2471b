"""Messages, tools, documents and values in the conventions' form: clean, short enough, encoded once."""
