"""The Textual application that watches runs live."""
