"""The names of the semantic conventions, as tables: one for each generation."""
