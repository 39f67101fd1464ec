-- The profiles that have a drawer of a view. ARGV goes on with: home, account, view. Returns false when the account
-- is not complete.
local home, account = argv[4], argv[5]
local set = open(home, account, generations_of(home))
if not set then return false end
local begins, profiles = set.token .. '\0' .. argv[6] .. '\0', {}
for _, field in ipairs(call('HKEYS', home .. 'a' .. account)) do
  if sub(field, 1, #begins) == begins and #field > #begins then
    local profile = sub(field, #begins + 1)
    if is_gone(drawer_of(set, argv[6] .. '\0' .. profile), 'h') then
      lose(set)
      return false
    end
    profiles[#profiles + 1] = profile
  end
end
return profiles
