-- The generations of a slice. KEYS: where they stand; ARGV: nothing to look at them, "begin" and the number of the next one, or
-- "flip" and the number that is to be read. Returns the one that is read and the one that is prepared, or false.
local g, what, number = KEYS[1], ARGV[1], ARGV[2]
local kept = redis.call('GET', g) or ''
local live, next = string.match(kept, '^%d+'), string.match(kept, ',(%d+)$')
if what == 'begin' then
  if not live then
    local time = redis.call('TIME')
    live = string.format('%.0f', math.floor(time[1] * 1000 + time[2] / 1000))
  end
  next = number
  redis.call('SET', g, live .. ',' .. next)
elseif what == 'flip' and next == number then
  live, next = next, nil
  redis.call('SET', g, live)
end
return { live or false, next or false }
