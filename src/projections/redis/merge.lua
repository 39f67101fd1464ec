-- Merges entries of many accounts.
--
-- ARGV goes on with, for each account: home, account, token ("" for every set that is alive, else that of the fill
-- that merges), parts (how many the fill merged before), count of entries, and for each entry: drawer, key, rank
-- ("" for none), bytes. Returns how many sets took what was theirs.

local function value_from(bytes, from)
  local flags = byte(bytes, from + 1)
  local value = from + 4 + label_length(bytes, from)
  if flags % 2 >= 1 then value = value + 6 end
  if flags % 4 >= 2 then value = value + 8 end
  return value
end

-- Versions end there; they differ in their bytes, or the values decide.
local function is_newer(new, from, old, old_from)
  local is_after, at_byte = comes_after(new, 1, old, 1)
  if at_byte <= from then return is_after end
  return (comes_after(new, value_from(new, from), old, value_from(old, old_from)))
end

local function is_ranked(bytes, from)
  return byte(bytes, from + 1) % 4 >= 2
end

-- False without a label.
local function label_of(bytes, from)
  return byte(bytes, from + 1) % 8 >= 4 and sub(bytes, from + 4, from + 3 + label_length(bytes, from))
end

-- As a label has a key.
local function listed(key)
  return string.char(math.floor(#key / 256), #key % 256) .. key
end

local function say_kinds(drawer)
  local set = drawer.set
  local field = set.token .. '\0' .. drawer.name
  if drawer.kinds == '' then
    call('HDEL', card_of(set), field)
  else
    call('HSET', card_of(set), field, drawer.kinds)
  end
end

-- The drawer has this key from now on.
local function begin(drawer, kind)
  drawer.kinds = drawer.kinds .. kind
  say_kinds(drawer)
  call('PEXPIREAT', key_of(drawer, kind), drawer.set.used + idle + margin)
end

-- Takes out a member; with the last of them the key is gone, and rightly so. One that was not there tells of a
-- loss, which is left to be found.
local function take_out(drawer, kind, command, member)
  local key = key_of(drawer, kind)
  if call(command, key, member) == 0 or call('EXISTS', key) == 1 then return end
  has(drawer, kind)
  drawer.kinds = string.gsub(drawer.kinds, kind, '')
  say_kinds(drawer)
end

-- Takes a key out of its label, and with the last of them the label.
local function label_out(drawer, label, key)
  local rest = {}
  for _, other in ipairs(keys_in(call('HGET', key_of(drawer, 'l'), label) or '')) do
    if other ~= key then rest[#rest + 1] = listed(other) end
  end
  if #rest > 0 then
    call('HSET', key_of(drawer, 'l'), label, table.concat(rest))
  else
    take_out(drawer, 'l', 'HDEL', label)
  end
end

local function remove(drawer, key, old, from)
  take_out(drawer, 'h', 'HDEL', key)
  if is_ranked(old, from) then take_out(drawer, 'r', 'ZREM', key) end
  local label = label_of(old, from)
  if label then label_out(drawer, label, key) end
end

-- Raises the floor to the lowest rank, and takes out whatever is not above it.
local function drop_lowest(drawer)
  local h, r = key_of(drawer, 'h'), key_of(drawer, 'r')
  local floor = call('ZRANGE', r, 0, 0, 'WITHSCORES')[2]
  call('HSET', h, '', floor)
  if not drawer.set.is_worn then
    drawer.set.is_worn = true
    call('HSET', card_of(drawer.set), 'w', 1)
  end
  for _, key in ipairs(call('ZRANGE', r, '-inf', floor, 'BYSCORE')) do
    local old = call('HGET', h, key)
    if old then remove(drawer, key, old, version_end(old)) end
  end
end

local function drop_expired(drawer)
  local all = call('HGETALL', key_of(drawer, 'h'))
  for i = 1, #all, 2 do
    local key, bytes = all[i], all[i + 1]
    local from = key ~= '' and version_end(bytes)
    if from and is_expired(bytes, from) then remove(drawer, key, bytes, from) end
  end
end

-- False when the ranks that there were are gone.
local function rank_in(drawer, key, rank, was_ranked)
  local r = key_of(drawer, 'r')
  if call('ZADD', r, rank, key) == 0 then return true end
  if was_ranked then return false end
  local count = call('ZCARD', r)
  if not has(drawer, 'r') then begin(drawer, 'r') elseif count == 1 then return false end
  if count > cap then drop_lowest(drawer) end
  return true
end

-- False when the labels that there were are gone.
local function label_in(drawer, label, key, before)
  if label then
    local l = key_of(drawer, 'l')
    local is_added = call('HSET', l, label, (call('HGET', l, label) or '') .. listed(key)) == 1
    if not has(drawer, 'l') then begin(drawer, 'l')
    elseif is_added and call('HLEN', l) == 1 then return false end
  end
  if before then label_out(drawer, before, key) end
  return true
end

-- Whether the bytes from the flags to the end of the label are the same, as they mostly are.
local function stands_as(new, from, old, old_from)
  local standing = sub(new, from + 1, from + 3 + label_length(new, from))
  return sub(old, old_from + 1, old_from + #standing) == standing
end

-- Takes in what is newer, where nothing was or over what was; false when something is gone that should be there.
-- Mostly a session goes on: its entry stands as before, and only its rank moves.
local function put(drawer, key, rank, new, from, old, old_from)
  call('HSET', key_of(drawer, 'h'), key, new)
  if old and stands_as(new, from, old, old_from) then
    return rank == '' or call('ZADD', key_of(drawer, 'r'), rank, key) == 0
  end
  if not old and not has(drawer, 'h') then begin(drawer, 'h') end
  local before, label = old and label_of(old, old_from), label_of(new, from)
  if before ~= label and not label_in(drawer, label, key, before) then return false end
  if rank ~= '' then
    if not rank_in(drawer, key, rank, old and is_ranked(old, old_from)) then return false end
  elseif old and is_ranked(old, old_from) then
    take_out(drawer, 'r', 'ZREM', key)
  end
  -- Now and then, when one more came.
  if not old and byte(new, from + 1) % 2 == 1 and call('HLEN', key_of(drawer, 'h')) % 16 == 0 then
    drop_expired(drawer)
  end
  return true
end

-- False when something of the drawer is gone that should be there.
local function merge(drawer, key, rank, new)
  local old = call('HGET', key_of(drawer, 'h'), key)
  if old == new then return true end
  local from, old_from = version_end(new), old and version_end(old)
  if old and not is_newer(new, from, old, old_from) then
    if not is_expired(old, old_from) then return true end
    remove(drawer, key, old, old_from)
    old = false
  end
  if not old and is_gone(drawer, 'h') then return false end
  if rank ~= '' and drawer.set.is_worn then
    local floor = call('HGET', key_of(drawer, 'h'), '')
    if floor and tonumber(rank) <= tonumber(floor) then
      if old then remove(drawer, key, old, old_from) end
      return true
    end
  end
  return put(drawer, key, rank, new, from, old, old_from)
end

local function sets_of(home, account, live, next)
  local card, said = home .. 'a' .. account, nil
  if next then
    said = call('HMGET', card, 'u', 'w', live, next)
  else
    said = call('HMGET', card, 'u', 'w', live)
  end
  local used = tonumber(said[1] or 0)
  if now - used >= idle then return {} end
  used = use(home, account, used, live, next)
  local sets = {}
  if said[3] then sets[1] = set_of(home, account, live, said[3], used, said[2]) end
  if next and said[4] then sets[#sets + 1] = set_of(home, account, next, said[4], used, said[2]) end
  return sets
end

-- Whether a set is the one of this fill, with all that it merged before; one more part is merged then.
local function is_of_fill(set, token, parts)
  if set.is_complete or set.token ~= token then return false end
  local since, merged = string.match(set.said, '^f%d+,(%d*),(%d+)$')
  if merged ~= parts then return false end
  set.said = 'f' .. token .. ',' .. since .. ',' .. (parts + 1)
  call('HSET', card_of(set), set.generation, set.said)
  return true
end

local function merge_all(set, from, to)
  local drawers = {}
  for i = from, to, 4 do
    local name = argv[i]
    local drawer = drawers[name]
    if not drawer then
      drawer = drawer_of(set, name)
      drawers[name] = drawer
    end
    if not merge(drawer, argv[i + 1], argv[i + 2], argv[i + 3]) then
      lose(set)
      return 0
    end
  end
  return 1
end

-- The generations of every home, asked for at once.
local function known_homes()
  local homes, keys, known, i = {}, {}, {}, 4
  while argv[i] do
    local home = argv[i]
    if not known[home] then
      known[home] = true
      homes[#homes + 1] = home
      keys[#keys + 1] = home .. 'g'
    end
    i = i + 5 + 4 * argv[i + 4]
  end
  for n, kept in ipairs(call('MGET', unpack(keys))) do
    known[homes[n]] = { generations_in(kept) }
  end
  return known
end

local taken, known, i = 0, known_homes(), 4
while argv[i] do
  local home, account, token, parts = argv[i], argv[i + 1], argv[i + 2], argv[i + 3]
  local first = i + 5
  i = first + 4 * argv[i + 4]
  local generations = known[home]
  if generations[1] then
    for _, set in ipairs(sets_of(home, account, generations[1], generations[2])) do
      if token == '' or is_of_fill(set, token, parts) then
        taken = taken + merge_all(set, first, i - 1)
      end
    end
  end
end
return taken
