-- Takes consumers out of a stream's group that owe nothing: the one of this name, or all that are idle for so long.
--
-- KEYS: the stream. ARGV: the group, a name or "", how long in ms.
local stream, group, name, idle = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local all = redis.pcall('XINFO', 'CONSUMERS', stream, group)
if all.err then return 0 end
local dismissed = 0
for _, said in ipairs(all) do
  local one = {}
  for i = 1, #said, 2 do one[said[i]] = said[i + 1] end
  local is_meant = name == one.name or (name == '' and one.idle >= idle)
  if is_meant and one.pending == 0 then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, one.name)
    dismissed = dismissed + 1
  end
end
return dismissed
