-- How far each node has merged what it signalled, by this server's clock. Fields of KEYS[1] are nodes, each with
-- when it said so last and through when. ARGV: the node, how far it is behind ("" where it says nothing, "leaves"
-- where it leaves), and since how long ago not everything is swept ("" where that is not known).
-- Returns the time, how far the last of the others is behind, and what was under this node before ("" for nothing).
local key, node, behind, unswept = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Who died had a moment to record more after it spoke last.
local moment = 2000

local before = redis.call('HGET', key, node)
if behind == 'leaves' then
  redis.call('HDEL', key, node)
elseif behind ~= '' then
  redis.call('HSET', key, node, string.format('%d,%d', now, now - behind))
end

local last = 0
local all = redis.call('HGETALL', key)
for i = 1, #all, 2 do
  if all[i] ~= node then
    local said, through = string.match(all[i + 1], '^(%d+),(-?%d+)$')
    if unswept ~= '' and said + moment < now - unswept then
      redis.call('HDEL', key, all[i])
    else
      last = math.max(last, now - through)
    end
  end
end
return { now, last, before or '' }
