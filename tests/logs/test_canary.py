"""With content off, or everything redacted, Redis holds nothing of the program."""

from __future__ import annotations

from canary import CANARY, exits, log_under


@exits
def test_redis(own_redis_server, capture, seen):
    """What the server was sent and wrote to its own file, byte by byte."""
    log_under(capture, own_redis_server.url())
    own_redis_server.kill()
    written = b"".join(path.read_bytes() for path in own_redis_server.folder.rglob("*") if path.is_file())
    assert b"work" in written
    assert (CANARY.encode() in written) is seen
