-- What every script of the views begins with.
--
-- Keys of a slice begin with its home, such as "vl04d2:{17}":
--   home g           its generations: the one that is read, and after a comma the one that a rebuild prepares
--   home a ACCOUNT   the account's card:
--       u                        when the account was last used
--       w                        there if any drawer has a floor
--       a generation             its set: "fTOKEN,SINCE,PARTS" while it is filled, "cTOKEN" once it is complete
--       TOKEN \0 VIEW \0 PROFILE which keys a drawer of the set has: letters of h, r, l
--   home h|r|l ACCOUNT \0 TOKEN \0 VIEW \0 PROFILE
--       a drawer: entries by key, with its floor under the empty key; keys by rank; keys by label, each as two bytes
--       of its length and itself
-- A drawer bears the token of its fill, so that nothing of an older fill is ever seen again. The card says which
-- keys there must be: where one is gone, the set is dropped and filled again.
--
-- All keys of an account are dropped by Redis at the same moment, and the card somewhat later, so that whoever
-- forgets an account finds all of it. It counts as gone before that.
--
-- An entry's bytes: version (two numbers, each its length and its big-endian bytes), flags (1 expires, 2 ranked,
-- 4 labelled), label (two bytes of length, and itself), six bytes of expiry, eight of rank, value. Compared byte by
-- byte, since Lua's own < goes by the server's locale and its numbers end at 2^53; a number with fewer bytes is the
-- smaller one.
--
-- ARGV begins with: the node's clock, how long an account lives unused (both ms), how many ranked entries a
-- drawer keeps.
local call, byte, sub, find = redis.call, string.byte, string.sub, string.find
local argv = ARGV
local at, idle, cap = tonumber(argv[1]), tonumber(argv[2]), tonumber(argv[3])
local margin = math.floor(math.min(idle / 8, 3600000))
local time = call('TIME')
local micros = time[1] * 1000000 + time[2]
local now = math.floor(micros / 1000)
local COMPLETE = byte('c')

-- Where the version ends.
local function version_end(bytes)
  local second = byte(bytes, 1) + 2
  return second + byte(bytes, second)
end

local function label_length(bytes, from)
  return byte(bytes, from + 2) * 256 + byte(bytes, from + 3)
end

-- The keys of a label.
local function keys_in(list)
  local keys, from = {}, 1
  while from < #list do
    local to = from + 1 + byte(list, from) * 256 + byte(list, from + 1)
    keys[#keys + 1] = sub(list, from + 2, to)
    from = to + 1
  end
  return keys
end

-- Of bytes whose version ends there.
local function is_expired(bytes, from)
  if byte(bytes, from + 1) % 2 == 0 then return false end
  local expiry = from + 4 + label_length(bytes, from)
  local a, b, c, d, e, f = byte(bytes, expiry, expiry + 5)
  return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f <= at
end

-- Whether one text comes after the other by their bytes, from these places on, and where they differ; false where
-- they do not.
local function comes_after(one, i, other, j)
  while true do
    local a, b, c, d = byte(one, i, i + 3)
    local e, f, g, h = byte(other, j, j + 3)
    if a ~= e then return (a or -1) > (e or -1), i end
    if b ~= f then return (b or -1) > (f or -1), i + 1 end
    if c ~= g then return (c or -1) > (g or -1), i + 2 end
    if d ~= h then return (d or -1) > (h or -1), i + 3 end
    if not d then return false, i + 4 end
    i, j = i + 4, j + 4
  end
end

-- The generation that is read, and the one that is prepared, or false.
local function generations_in(kept)
  local comma = kept and find(kept, ',', 1, true)
  if comma then return sub(kept, 1, comma - 1), sub(kept, comma + 1) end
  return kept, false
end

local function generations_of(home)
  return generations_in(call('GET', home .. 'g'))
end

-- Whether a field of a card is a generation.
local function is_generation(field)
  return not find(field, '%D')
end

-- Drops the set that a card says it has; returns how many entries it had.
local function drop(home, account, generation, said)
  local card = home .. 'a' .. account
  local mine, entries = (string.match(said, '^%a(%d+)') or '') .. '\0', 0
  for _, field in ipairs(call('HKEYS', card)) do
    if sub(field, 1, #mine) == mine then
      local drawer = account .. '\0' .. field
      local h = home .. 'h' .. drawer
      local count = redis.pcall('HLEN', h)
      -- What is of another type is dropped all the same.
      if type(count) == 'number' then entries = entries + count - call('HEXISTS', h, '') end
      call('UNLINK', h, home .. 'r' .. drawer, home .. 'l' .. drawer)
      call('HDEL', card, field)
    end
  end
  call('HDEL', card, generation)
  return entries
end

-- Drops the sets that are neither read nor prepared any more.
local function drop_old(home, account, live, next)
  local all = call('HGETALL', home .. 'a' .. account)
  for i = 1, #all, 2 do
    local field = all[i]
    if is_generation(field) and field ~= live and field ~= next then
      drop(home, account, field, all[i + 1])
    end
  end
end

-- Lets all keys of an account live on; now and then, since that takes a call for each.
local function use(home, account, used, live, next)
  if now - used < idle / 32 then return used end
  local card = home .. 'a' .. account
  drop_old(home, account, live, next)
  -- A full store takes no write; the account is gone the sooner then.
  redis.pcall('HSET', card, 'u', now)
  for _, field in ipairs(call('HKEYS', card)) do
    if find(field, '\0', 1, true) then
      for _, kind in ipairs({ 'h', 'r', 'l' }) do
        call('PEXPIREAT', home .. kind .. account .. '\0' .. field, now + idle + margin)
      end
    end
  end
  call('PEXPIREAT', card, now + idle + 2 * margin)
  return now
end

-- A set that may be read or merged into.
local function set_of(home, account, generation, said, used, is_worn)
  local is_complete = byte(said, 1) == COMPLETE
  return {
    home = home, account = account, generation = generation, said = said, used = used, is_worn = is_worn,
    is_complete = is_complete, token = is_complete and sub(said, 2) or string.match(said, '^f(%d+)'),
  }
end

-- A drawer of a set; what is false is not known yet.
local function drawer_of(set, name)
  return { set = set, name = name, kinds = false, h = false, r = false, l = false }
end

local function lose(set)
  drop(set.home, set.account, set.generation, set.said)
end

local function key_of(drawer, kind)
  local key = drawer[kind]
  if not key then
    local set = drawer.set
    key = set.home .. kind .. set.account .. '\0' .. set.token .. '\0' .. drawer.name
    drawer[kind] = key
  end
  return key
end

local function card_of(set)
  return set.home .. 'a' .. set.account
end

-- Whether the card says that a drawer has this key.
local function has(drawer, kind)
  if not drawer.kinds then
    local set = drawer.set
    drawer.kinds = call('HGET', card_of(set), set.token .. '\0' .. drawer.name) or ''
  end
  return find(drawer.kinds, kind, 1, true)
end

local function is_gone(drawer, kind)
  return has(drawer, kind) and call('EXISTS', key_of(drawer, kind)) == 0
end
