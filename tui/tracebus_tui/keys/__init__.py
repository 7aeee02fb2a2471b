"""What the keys do: find, count, replay, take along, and the screens they open."""
