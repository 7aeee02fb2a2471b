"""The one script that writes, run by the server in one piece."""

from __future__ import annotations

__all__ = ["APPEND", "HEARTBEAT", "LOST_AFTER", "QUIET"]

HEARTBEAT = 5.0
"""Seconds between two signs of life of a process that writes."""

LOST_AFTER = 15.0
"""Seconds without one after which its open runs are shown as lost."""

QUIET = 2
"""Seconds without events after which a run announces itself in the index again.

So does one whose root has ended. A reader need only watch the streams of open runs that had events
lately.
"""

APPEND = f"""
-- KEYS: seq, index, producer, alive, then for each entry its run's stream and its `about` hash.
-- ARGV: producer, batch number, keep in ms, most entries of a run, most entries of the index,
--       then for each entry: root, span, data, index data, 1 if the root run ends in it.
-- Returns the position of the last event. A batch that was stored before is not stored again.
redis.call('SET', KEYS[4], 1, 'PX', {int(LOST_AFTER * 1000)})
if tonumber(redis.call('GET', KEYS[3]) or '0') >= tonumber(ARGV[2]) then
    return tonumber(redis.call('GET', KEYS[1]) or '0')
end
local now = tonumber(redis.call('TIME')[1])
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
for place = 6, #ARGV, 5 do
    local root, span, data, index = ARGV[place], tonumber(ARGV[place + 1]), ARGV[place + 2], ARGV[place + 3]
    local key = 5 + (place - 6) / 5 * 2
    last = redis.call('INCRBY', KEYS[1], span)
    -- Not tostring: Lua writes large numbers as 1e+14.
    local id = string.format('%.0f-0', last)
    local quiet = true
    if root ~= '' then
        local before = redis.call('HMGET', KEYS[key + 1], 't', 'ended')
        quiet = not before[1] or before[2] or now - tonumber(before[1]) > {QUIET}
        redis.call('XADD', KEYS[key], 'MAXLEN', '~', ARGV[4], id, 'd', data)
        redis.call('HINCRBY', KEYS[key + 1], 'n', span)
        redis.call('HSET', KEYS[key + 1], 't', now, 'last', string.format('%.0f', last))
        if ARGV[place + 4] == '1' then
            redis.call('HSET', KEYS[key + 1], 'ended', 1)
        end
        redis.call('PEXPIRE', KEYS[key], ARGV[3])
        redis.call('PEXPIRE', KEYS[key + 1], ARGV[3])
    end
    if quiet or index ~= '' then
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], id,
            'r', root, 'p', ARGV[1], 'n', span, 'd', index)
    end
end
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
return last
"""
