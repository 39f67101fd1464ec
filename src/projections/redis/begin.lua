-- Begins to fill an account. ARGV goes on with: home, account, "live" or "next", how long a fill may take (ms).
-- Returns its token, or false when it is complete, or someone else is at it; one of the next generation is taken over
-- at once, since whoever was at it is gone.
local home, account, target, fill_ms_max = argv[4], argv[5], argv[6], tonumber(argv[7])
local card = home .. 'a' .. account
local live, next = generations_of(home)
if target == 'next' and not next then return false end
if not live then
  -- Named by the time: never one that was there before.
  live = string.format('%.0f', now)
  call('SET', home .. 'g', live)
end
local used = tonumber(call('HGET', card, 'u') or 0)
if now - used >= idle then
  drop_old(home, account)
  call('UNLINK', card)
else
  drop_old(home, account, live, next)
end
local said = call('HMGET', card, live, next or live)
local generation, there = live, said[1]
if target == 'next' then generation, there = next, said[2] end
if there then
  local since = string.match(there, '^f%d+,(%d*),%d+$')
  if not since or target == 'live' and at - tonumber(since) < fill_ms_max then return false end
  drop(home, account, generation, there)
end
local token = string.format('%.0f', micros)
call('HSET', card, generation, 'f' .. token .. ',' .. argv[1] .. ',0')
if call('HSETNX', card, 'u', now) == 1 then call('PEXPIREAT', card, now + idle + 2 * margin) end
return token
