"""What a stream says of runs: `astream_events` of every version, and what graphs stream."""
