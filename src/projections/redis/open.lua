-- What scripts that read go on with: the set of an account that may be read, or false.
local function open(home, account, live, next)
  if not live then return false end
  local said = call('HMGET', home .. 'a' .. account, 'u', 'w', live)
  local used = tonumber(said[1] or 0)
  if now - used >= idle or not said[3] or byte(said[3], 1) ~= COMPLETE then return false end
  return set_of(home, account, live, said[3], use(home, account, used, live, next), said[2])
end
