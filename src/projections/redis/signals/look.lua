-- How streams stand. Of all entries that a stream ever had those are lost that are neither in it nor counted as
-- merged; who finds that more are than before notes how many, and when.
--
-- KEYS: the first stream. ARGV: the group, and for each stream its name and where its entries are counted. Returns
-- the time in ms, and for each stream: when its first entry was put (0 for none), how many there are, how many of
-- them somebody read, how many were found to be lost just now, when that was found last (0 for never).
local call, pcall = redis.call, redis.pcall
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local group, answer = ARGV[1], { now }

local function fields_of(said)
  local fields = {}
  for i = 1, #said, 2 do fields[said[i]] = said[i + 1] end
  return fields
end

local function pending_of(stream)
  local summary = pcall('XPENDING', stream, group)
  return summary.err and 0 or summary[1]
end

-- How many were lost just now.
local function loss(counts, added, length)
  local known = call('HMGET', counts, 'merged', 'lost')
  local lost = added - length - tonumber(known[1] or 0)
  if lost < 0 then
    -- The stream was made anew, and what the old one held is unknown.
    pcall('HSET', counts, 'merged', added - length, 'lost', 0, 'at', now)
    return 1
  end
  local more = lost - tonumber(known[2] or 0)
  if more <= 0 then return 0 end
  pcall('HSET', counts, 'lost', lost, 'at', now)
  return more
end

for i = 2, #ARGV, 2 do
  local stream, counts = ARGV[i], ARGV[i + 1]
  local oldest, length, pending, lost = 0, 0, 0, 0
  if call('EXISTS', stream) == 1 then
    local is = fields_of(call('XINFO', 'STREAM', stream))
    length = is.length
    pending = pending_of(stream)
    local first = is['first-entry']
    if first then oldest = tonumber(string.match(first[1], '^%d+')) end
    if is['entries-added'] then lost = loss(counts, is['entries-added'], length) end
  end
  local at = tonumber(call('HGET', counts, 'at') or 0)
  for _, figure in ipairs({ oldest, length, pending, lost, at }) do answer[#answer + 1] = figure end
end
return answer
