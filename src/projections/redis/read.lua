-- Reads pages of several accounts, all of one instant.
--
-- ARGV goes on with accounts: home, account, how many arguments follow for it; how many drawers, their names; and
-- queries: the number of a drawer, and then "a" for all; "r", rank and key below which to begin ("" and "" for the
-- greatest), limit; "l", label. Returns for each account false when it is not complete, else its generation and token,
-- and for each query keys and bytes in turn, the floor under the empty key.

-- Entries by their keys, added to the page; false when one is gone.
local function fetch(drawer, keys, page, take)
  for from = 1, #keys, 1000 do
    local to = math.min(from + 999, #keys)
    local found = call('HMGET', key_of(drawer, 'h'), unpack(keys, from, to))
    for i = from, to do
      local bytes = found[i - from + 1]
      if not bytes then return false end
      if not take or take(bytes) then
        page[#page + 1] = keys[i]
        page[#page + 1] = bytes
      end
    end
  end
  return true
end

-- How many of the greatest keys of a rank are not below this one.
local function ties(drawer, rank, key)
  local count = 0
  for _, tie in ipairs(call('ZRANGE', key_of(drawer, 'r'), rank, rank, 'BYSCORE', 'REV')) do
    if comes_after(key, 1, tie, 1) then break end
    count = count + 1
  end
  return count
end

local function ranked(drawer, page, rank, key, limit)
  if not has(drawer, 'r') then return true end
  local top, skip = '+inf', 0
  if rank ~= '' then top, skip = rank, ties(drawer, rank, key) end
  local taken = 0
  local function take(bytes)
    if is_expired(bytes, version_end(bytes)) then return false end
    taken = taken + 1
    return true
  end
  while taken < limit do
    local wanted = math.min(limit - taken, 1000)
    local keys = call('ZRANGE', key_of(drawer, 'r'), top, '-inf', 'BYSCORE', 'REV', 'LIMIT', skip, wanted)
    if not fetch(drawer, keys, page, take) then return false end
    if #keys < wanted then break end
    skip = skip + wanted
  end
  return #page > 0 or call('EXISTS', key_of(drawer, 'r')) == 1
end

local function labelled(drawer, page, label)
  if not has(drawer, 'l') then return true end
  local list = call('HGET', key_of(drawer, 'l'), label)
  if not list then return call('EXISTS', key_of(drawer, 'l')) == 1 end
  return fetch(drawer, keys_in(list), page)
end

-- The drawers that an account's arguments name, and where its queries begin.
local function drawers_of(set, i)
  local drawers, fields, count = {}, {}, tonumber(argv[i])
  if count == 0 then return drawers, i + 1 end
  for n = 1, count do
    drawers[n] = drawer_of(set, argv[i + n])
    fields[n] = set.token .. '\0' .. argv[i + n]
  end
  for n, kinds in ipairs(call('HMGET', card_of(set), unpack(fields))) do
    drawers[n].kinds = kinds or ''
  end
  return drawers, i + count + 1
end

-- A page and where the next query begins; false when something is gone that should be there.
local function answer(set, drawer, i)
  local kind, page = argv[i], {}
  if kind == 'a' then
    page = has(drawer, 'h') and call('HGETALL', key_of(drawer, 'h')) or page
    return (#page > 0 or not has(drawer, 'h')) and page, i + 1
  end
  local is_whole, to
  if kind == 'r' then
    is_whole, to = ranked(drawer, page, argv[i + 1], argv[i + 2], tonumber(argv[i + 3])), i + 4
  else
    is_whole, to = labelled(drawer, page, argv[i + 1]), i + 2
  end
  -- Where nothing was found nothing was missed, unless all is gone.
  if #page == 0 and is_gone(drawer, 'h') then return false, to end
  local floor = set.is_worn and has(drawer, 'h') and call('HGET', key_of(drawer, 'h'), '')
  if floor then
    page[#page + 1] = ''
    page[#page + 1] = floor
  end
  return is_whole and page, to
end

-- The pages of an account whose arguments go from here to there, or false.
local function pages_of(set, i, to)
  local drawers, pages
  drawers, i = drawers_of(set, i)
  pages = { set.generation, set.token }
  while i <= to do
    local page
    page, i = answer(set, drawers[tonumber(argv[i])], i + 1)
    if not page then
      lose(set)
      return false
    end
    pages[#pages + 1] = page
  end
  return pages
end

local accounts, generations, i = {}, {}, 4
while argv[i] do
  accounts[#accounts + 1] = i
  generations[#generations + 1] = argv[i] .. 'g'
  i = i + 3 + argv[i + 2]
end
local answers = {}
for n, kept in ipairs(call('MGET', unpack(generations))) do
  local from = accounts[n]
  local set = open(argv[from], argv[from + 1], generations_in(kept))
  answers[n] = set and pages_of(set, from + 3, from + 2 + argv[from + 2])
end
return answers
