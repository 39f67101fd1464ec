-- How far each node has merged what it signalled, by this server's clock. Fields of KEYS[1] are nodes, each with
-- when it said so last and through when, "none" where it signals nothing. ARGV: the node, through when (or "none",
-- "" where it only asks, "leaves" where it leaves), and since how long ago not everything is swept, where nodes are to
-- be forgotten that died before that ("" where not).
-- A node that was told to sweep says how long ago from where on it began to: ARGV[4] and ARGV[5]. Whoever died before
-- that and had nothing older on its way is forgotten like those.
-- Returns the time, how far the last of the others is behind, what was under this node before ("" for nothing), and
-- the last such sweep, as the instants from which it reached and at which it began ("" for none).
local key, node, merged, unswept = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Who died had a moment to record more after it spoke last.
local moment = 2000

local before = redis.call('HGET', key, node)
if merged == 'leaves' then
  redis.call('HDEL', key, node)
elseif merged == 'none' then
  redis.call('HSET', key, node, string.format('%d,none', now))
elseif merged ~= '' then
  redis.call('HSET', key, node, string.format('%d,%d', now, math.min(merged, now)))
end

-- No node is called so.
local sweep = '~swept'
if ARGV[4] then
  redis.call('HSET', key, sweep, string.format('%d,%d', now - ARGV[4], now - ARGV[5]))
end
local from, begun = string.match(redis.call('HGET', key, sweep) or '', '^(%d+),(%d+)$')
from, begun = tonumber(from), tonumber(begun)

local last = 0
local all = redis.call('HGETALL', key)
for i = 1, #all, 2 do
  if all[i] ~= node and all[i] ~= sweep then
    local said, through = string.match(all[i + 1], '^(%d+),(.+)$')
    local ended = said + moment
    through = tonumber(through) or now
    local is_swept = begun and through >= from and ended < begun
    if unswept ~= '' and (is_swept or ended < now - unswept) then
      redis.call('HDEL', key, all[i])
    else
      last = math.max(last, now - through)
    end
  end
end
return { now, last, before or '', redis.call('HGET', key, sweep) or '' }
