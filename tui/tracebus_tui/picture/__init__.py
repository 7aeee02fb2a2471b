"""The picture: when a frame is due, what is drawn in it, its margins and colours."""
