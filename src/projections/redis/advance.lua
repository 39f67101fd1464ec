-- Moves a position of a slice forward, or back to where it may be from one that `position.lua` passes over.
-- KEYS: the slice's positions; ARGV: which, to, and by how much clocks may differ.
local kept = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))
local time = redis.call('TIME')
if not kept or kept < tonumber(ARGV[2]) or kept > time[1] * 1000 + ARGV[3] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
