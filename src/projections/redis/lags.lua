-- How far each node has merged what it signalled, by this server's clock. Fields of KEYS[1] are nodes, each with
-- when it said so last and through when, "none" where it signals nothing. ARGV: the node; through when (or "none",
-- "" where it only asks, "leaves" where it leaves); when it last heard that it had spoken: a server that knows of an
-- earlier time has gone back, and says so until the node has heard it; and where nodes that died are to be forgotten (""
-- where not), since how long ago not everything is swept, and how long ago a node may still have recorded that was cut
-- off from here. A node that was told to sweep says how long ago from where on it began to: ARGV[6] and ARGV[7]. Whoever
-- died before that and had nothing older on its way is forgotten too.
-- Returns the time, how far the last of the others is behind, what was under this node before ("" for nothing), and
-- the last such sweep, as the instants from which it reached and at which it began ("" for none).
local key, node, merged, spoken, unswept, cut_off = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Who died had a moment to record more after it spoke last, and who is cut off says so in the log within it.
local moment = 6000
-- Who signals nothing has nothing on its way.
local idle = 900000

local before = redis.call('HGET', key, node)
local has_gone_back = before and tonumber(string.match(before, '^%d+')) < tonumber(spoken)
if merged == 'leaves' then
  redis.call('HDEL', key, node)
elseif merged ~= '' and not has_gone_back then
  local through = merged == 'none' and merged or string.format('%d', math.min(merged, now))
  redis.call('HSET', key, node, string.format('%d,%s', now, through))
end

-- No node is called so.
local sweep = '~swept'
if ARGV[7] then
  redis.call('HSET', key, sweep, string.format('%d,%d', now - ARGV[6], now - ARGV[7]))
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
