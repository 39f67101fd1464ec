-- The generations of a slice. ARGV: home; and nothing to look at them, "begin" and the number of the next one, or
-- "flip" and the number that is to be read. Returns the one that is read and the one that is prepared, or false.
local g, what, number = ARGV[1] .. 'g', ARGV[2], ARGV[3]
local kept = redis.call('HMGET', g, 'live', 'next')
local live, next = kept[1], kept[2]
if what == 'begin' then
  if not live then
    local time = redis.call('TIME')
    live = string.format('%.0f', math.floor(time[1] * 1000 + time[2] / 1000))
    redis.call('HSET', g, 'live', live)
  end
  redis.call('HSET', g, 'next', number)
  next = number
elseif what == 'flip' and next == number then
  redis.call('HSET', g, 'live', next)
  redis.call('HDEL', g, 'next')
  live, next = next, false
end
return { live, next }
