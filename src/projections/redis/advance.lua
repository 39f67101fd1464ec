-- Moves a position of a slice forward. ARGV: home, which, to.
local kept = redis.call('HGET', ARGV[1] .. 'p', ARGV[2])
if not kept or tonumber(kept) < tonumber(ARGV[3]) then
  redis.call('HSET', ARGV[1] .. 'p', ARGV[2], ARGV[3])
end
