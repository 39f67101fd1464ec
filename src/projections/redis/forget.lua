-- Drops an account whole. ARGV goes on with: home, account. Returns how many entries were read of it.
local home, account = argv[4], argv[5]
local card = home .. 'a' .. account
local live, entries = generations_of(home), 0
local all = redis.pcall('HGETALL', card)
for i = 1, #all, 2 do
  local field = all[i]
  if is_generation(field) then
    local dropped = drop(home, account, field, all[i + 1])
    if field == live then entries = dropped end
  end
end
call('UNLINK', card)
return entries
