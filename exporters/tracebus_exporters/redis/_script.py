"""The one script that writes, run by the server in one piece."""

from __future__ import annotations

__all__ = ["AFRESH", "APPEND", "HEARTBEAT", "LOST_AFTER", "PART_LAG", "QUIET"]

HEARTBEAT = 5.0
"""Seconds between two signs of life of a process that writes."""

LOST_AFTER = 15.0
"""Seconds without one after which its open runs are shown as lost."""

QUIET = 2
"""Seconds without events after which a run announces itself in the index again.

So does one whose root has ended. A reader need only watch the streams of open runs that had events
lately.
"""

PART_LAG = 20_000
"""Positions an event's parts may be older than the event; what is used longer is stamped anew."""

AFRESH = -1
"""What the script returns where the server has lost parts a batch relies on: send all of them."""

APPEND = f"""
-- KEYS: seq, index, producer, alive, then for each entry its run's stream, its `about` hash, its parts and
--       the positions of these.
-- ARGV: producer, batch number, keep in ms, most entries of a run, most entries of the index,
--       then for each entry: root, span, data, index data, 1 if the root run ends in it, places of parts,
--       batches with parts we stored for the run before, 1 if it relies on these, the least position it
--       relies on, the number of parts, and for each its id and its data.
-- Returns the position of the last event, or {AFRESH}. A batch that was stored before is not stored again.
redis.call('SET', KEYS[4], 1, 'PX', {int(LOST_AFTER * 1000)})
if tonumber(redis.call('GET', KEYS[3]) or '0') >= tonumber(ARGV[2]) then
    return tonumber(redis.call('GET', KEYS[1]) or '0')
end
local now = tonumber(redis.call('TIME')[1])
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
local mine = 'producer:' .. ARGV[1]

local place, key, ahead = 6, 5, last
while place <= #ARGV do
    ahead = ahead + tonumber(ARGV[place + 1])
    if ARGV[place + 7] == '1' then
        local found = redis.call('HGET', KEYS[key + 2], mine)
        if found ~= ARGV[place + 6] or tonumber(ARGV[place + 8]) <= ahead - {PART_LAG} then
            return {AFRESH}
        end
    end
    place, key = place + 10 + 2 * tonumber(ARGV[place + 9]), key + 4
end

place, key = 6, 5
while place <= #ARGV do
    local root, span, data, index = ARGV[place], tonumber(ARGV[place + 1]), ARGV[place + 2], ARGV[place + 3]
    local places, parts = ARGV[place + 5], tonumber(ARGV[place + 9])
    last = redis.call('INCRBY', KEYS[1], span)
    -- Not tostring: Lua writes large numbers as 1e+14.
    local position = string.format('%.0f', last)
    local id = position .. '-0'
    local quiet = true
    if root ~= '' then
        local before = redis.call('HMGET', KEYS[key + 1], 't', 'ended')
        quiet = not before[1] or before[2] or now - tonumber(before[1]) > {QUIET}
        if places ~= '' then
            for at = place + 10, place + 8 + 2 * parts, 2 do
                redis.call('HSET', KEYS[key + 2], ARGV[at], ARGV[at + 1])
                redis.call('ZADD', KEYS[key + 3], position, ARGV[at])
            end
            redis.call('HSET', KEYS[key + 2], mine, tonumber(ARGV[place + 6]) + 1)
            redis.call('XADD', KEYS[key], 'MAXLEN', '~', ARGV[4], id,
                'd', '{{NEWER}}', 'e', data, 'p', places)
        else
            redis.call('XADD', KEYS[key], 'MAXLEN', '~', ARGV[4], id, 'd', data)
        end
        redis.call('HINCRBY', KEYS[key + 1], 'n', span)
        redis.call('HSET', KEYS[key + 1], 't', now, 'last', position)
        if ARGV[place + 4] == '1' then
            redis.call('HSET', KEYS[key + 1], 'ended', 1)
        end
        for held = key, key + 3 do
            redis.call('PEXPIRE', KEYS[held], ARGV[3])
        end
        if redis.call('XLEN', KEYS[key]) >= tonumber(ARGV[4]) then
            local oldest = redis.call('XRANGE', KEYS[key], '-', '+', 'COUNT', 1)[1][1]
            local floor = tonumber(string.match(oldest, '^%d+')) - {PART_LAG}
            local gone = redis.call('ZRANGEBYSCORE', KEYS[key + 3], '-inf', floor, 'LIMIT', 0, 1000)
            if #gone > 0 then
                redis.call('HDEL', KEYS[key + 2], unpack(gone))
                redis.call('ZREM', KEYS[key + 3], unpack(gone))
            end
        end
    end
    if quiet or index ~= '' then
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], id,
            'r', root, 'p', ARGV[1], 'n', span, 'd', index)
    end
    place, key = place + 10 + 2 * parts, key + 4
end
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
return last
"""
