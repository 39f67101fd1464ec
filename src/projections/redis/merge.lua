-- Merges entries of many accounts.
--
-- ARGV goes on with, for each account: home, account, token ("" for every set that is alive, else that of the fill
-- that merges), parts (how many the fill merged before), count of entries, and for each entry: drawer, key, rank
-- ("" for none), bytes. Returns how many sets took what was theirs.

-- The drawer has this key from now on.
local function begin(drawer, kind)
  drawer.kinds = drawer.kinds .. kind
  call('HSET', drawer.card, drawer.field, drawer.kinds)
  call('PEXPIREAT', drawer[kind], drawer.expire_at)
end

-- Takes out a member; with the last of them the key is gone, and rightly so. One that was not there tells of a
-- loss, which is left to be found.
local function take_out(drawer, kind, command, member)
  if call(command, drawer[kind], member) == 0 or call('EXISTS', drawer[kind]) == 1 then return end
  has(drawer, kind)
  drawer.kinds = string.gsub(drawer.kinds, kind, '')
  if drawer.kinds == '' then
    call('HDEL', drawer.card, drawer.field)
  else
    call('HSET', drawer.card, drawer.field, drawer.kinds)
  end
end

local function remove(drawer, key, old)
  take_out(drawer, 'h', 'HDEL', key)
  if is_ranked(old) then take_out(drawer, 'r', 'ZREM', key) end
  local label = label_of(old, key)
  if label then take_out(drawer, 'l', 'ZREM', label) end
end

-- Raises the floor to the lowest rank, and takes out whatever is not above it.
local function drop_lowest(drawer)
  local floor = call('ZRANGE', drawer.r, 0, 0, 'WITHSCORES')[2]
  call('HSET', drawer.h, '', floor)
  for _, key in ipairs(call('ZRANGE', drawer.r, '-inf', floor, 'BYSCORE')) do
    local old = call('HGET', drawer.h, key)
    if old then remove(drawer, key, old) end
  end
end

local function drop_expired(drawer)
  local all = call('HGETALL', drawer.h)
  for i = 1, #all, 2 do
    if all[i] ~= '' and is_expired(all[i + 1]) then remove(drawer, all[i], all[i + 1]) end
  end
end

-- False when the ranks that there were are gone.
local function rank_in(drawer, key, rank, was_ranked)
  if call('ZADD', drawer.r, rank, key) == 0 then return true end
  if was_ranked then return false end
  local count = call('ZCARD', drawer.r)
  if not has(drawer, 'r') then begin(drawer, 'r') elseif count == 1 then return false end
  if count > cap then drop_lowest(drawer) end
  return true
end

-- False when the labels that there were are gone.
local function label_in(drawer, label, before)
  if label then
    local is_added = call('ZADD', drawer.l, 0, label) == 1
    if not has(drawer, 'l') then begin(drawer, 'l')
    elseif is_added and call('ZCARD', drawer.l) == 1 then return false end
    if before then call('ZREM', drawer.l, before) end
  elseif before then
    take_out(drawer, 'l', 'ZREM', before)
  end
  return true
end

-- False when something of the drawer is gone that should be there.
local function merge(drawer, key, rank, new)
  local found = call('HMGET', drawer.h, '', key)
  local floor, old = found[1], found[2]
  if old == new then return true end
  if old and is_expired(old) then
    remove(drawer, key, old)
    old = false
  end
  if old and not is_newer(new, old) then return true end
  if floor and rank ~= '' and tonumber(rank) <= tonumber(floor) then
    if old then remove(drawer, key, old) end
    return true
  end
  if not old and not floor and is_gone(drawer, 'h') then return false end
  call('HSET', drawer.h, key, new)
  if not old and not has(drawer, 'h') then begin(drawer, 'h') end
  local before, label = old and label_of(old, key), label_of(new, key)
  if before ~= label and not label_in(drawer, label, before) then return false end
  if rank ~= '' then
    if not rank_in(drawer, key, rank, old and is_ranked(old)) then return false end
  elseif old and is_ranked(old) then
    take_out(drawer, 'r', 'ZREM', key)
  end
  if not old and byte(new, version_end(new) + 1) % 2 == 1 and call('HLEN', drawer.h) % 16 == 0 then
    drop_expired(drawer)
  end
  return true
end

local function sets_of(home, account, live, next)
  local said = call('HMGET', home .. 'a' .. account, 'u', live, next or live)
  local used = tonumber(said[1] or 0)
  if now - used >= idle then return {} end
  used = use(home, account, used, live, next)
  local sets = {}
  if said[2] then sets[1] = set_of(home, account, live, said[2], used) end
  if next and said[3] then sets[#sets + 1] = set_of(home, account, next, said[3], used) end
  return sets
end

-- Whether a set is the one of this fill, with all that it merged before; one more part is merged then.
local function is_of_fill(set, token, parts)
  if set.is_complete or set.token ~= token then return false end
  local since, merged = string.match(set.said, '^f%d+,(%d*),(%d+)$')
  if merged ~= parts then return false end
  set.said = 'f' .. token .. ',' .. since .. ',' .. (parts + 1)
  call('HSET', set.home .. 'a' .. set.account, set.generation, set.said)
  return true
end

local function merge_all(set, from, to)
  for i = from, to, 4 do
    if not merge(drawer_of(set, argv[i]), argv[i + 1], argv[i + 2], argv[i + 3]) then
      lose(set)
      return 0
    end
  end
  return 1
end

local taken, known, i = 0, {}, 4
while argv[i] do
  local home, account, token, parts = argv[i], argv[i + 1], argv[i + 2], argv[i + 3]
  local first = i + 5
  i = first + 4 * tonumber(argv[i + 4])
  local generations = known[home]
  if not generations then
    generations = call('HMGET', home .. 'g', 'live', 'next')
    known[home] = generations
  end
  if generations[1] then
    for _, set in ipairs(sets_of(home, account, generations[1], generations[2])) do
      if token == '' or is_of_fill(set, token, parts) then
        taken = taken + merge_all(set, first, i - 1)
      end
    end
  end
end
return taken
