-- Ends a fill. ARGV goes on with: home, account, token, parts, "1" when the account is complete now. Returns
-- whether it is.
local home, account, token, parts = argv[4], argv[5], argv[6], argv[7]
local card = home .. 'a' .. account
local live, next = generations_of(home)
local all, others = call('HGETALL', card), 0
local ended = 0
for i = 1, #all, 2 do
  local field, said = all[i], all[i + 1]
  if is_generation(field) then
    local of, merged = string.match(said, '^f(%d+),%d*,(%d+)$')
    if of ~= token then
      others = others + 1
    elseif argv[8] == '1' and merged == parts and (field == live or field == next) then
      call('HSET', card, field, 'c' .. token)
      ended = 1
    else
      -- Given up, or of a generation of before; or a store that went back to an older state forgot a part.
      drop(home, account, field, said)
    end
  end
end
if ended + others == 0 then call('UNLINK', card) end
return ended
