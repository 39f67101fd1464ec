-- How far each node has merged what it signalled, by this server's clock. Fields of KEYS[1] are nodes, each with
-- when it said so last and through when, "none" where it signals nothing. ARGV: the node; through when (or "none",
-- "" where it only asks, "leaves" where it leaves); and where nodes that died are to be forgotten ("" where not), since
-- how long ago not everything is swept, and how long ago a node may still have recorded that was cut off from here.
-- A node that was told to sweep says how long ago from where on it began to: ARGV[5] and ARGV[6]. Whoever died before
-- that and had nothing older on its way is forgotten too.
-- Returns the time, how far the last of the others is behind, what was under this node before ("" for nothing), and
-- the last such sweep, as the instants from which it reached and at which it began ("" for none).
local key, node, merged, unswept, cut_off = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Who died had a moment to record more after it spoke last, and who is cut off says so in the log within it.
local moment = 6000
-- Who signals nothing has nothing on its way.
local idle = 900000

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
if ARGV[6] then
  redis.call('HSET', key, sweep, string.format('%d,%d', now - ARGV[5], now - ARGV[6]))
end
local from, begun = string.match(redis.call('HGET', key, sweep) or '', '^(%d+),(%d+)$')
from, begun = tonumber(from), tonumber(begun)

-- By when a node that is gone had recorded its last fact, and whether all of it is swept.
local function is_swept(said, through)
  if unswept == '' then return false end
  local ended = math.max(said + moment, now - cut_off)
  return ended < now - unswept or begun and through >= from and ended < begun
end

local last = 0
local all = redis.call('HGETALL', key)
for i = 1, #all, 2 do
  if all[i] ~= node and all[i] ~= sweep then
    local said, through = string.match(all[i + 1], '^(%d+),(.+)$')
    said, through = tonumber(said), tonumber(through)
    if through and is_swept(said, through) or not through and said < now - idle then
      redis.call('HDEL', key, all[i])
    elseif through then
      last = math.max(last, now - through)
    end
  end
end
return { now, last, before or '', redis.call('HGET', key, sweep) or '' }
