-- Takes a lease, renews it, or with "0" gives it up. ARGV: holder, milliseconds. Returns whether it is the
-- holder's to take or to give.
local kept = redis.call('GET', KEYS[1])
if kept and kept ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
