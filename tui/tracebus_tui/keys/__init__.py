"""What the keys do: find, count, steer a replay, copy and save, and the screens they open."""
