-- A position of a slice; none where it lies ahead of this server's clock: whoever moved it there had a wrong one.
-- KEYS: the slice's positions; ARGV: which, and by how much clocks may differ.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
local time = redis.call('TIME')
if kept and tonumber(kept) > time[1] * 1000 + ARGV[2] then
  return false
end
return kept
