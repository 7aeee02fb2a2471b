"""Reads runs out of streams: `astream_events` of every version, and what graphs stream."""
