"""What a user touches: `observe`, `observing`, `install`, `astream`, and one observed call."""
