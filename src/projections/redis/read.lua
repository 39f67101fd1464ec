-- Reads pages of one account, of one instant.
--
-- ARGV goes on with queries: drawer, and then "a" for all; "r", rank and key below which to begin ("" and "" for
-- the greatest), limit; "l", label. Returns false when the account is not complete, else for each query keys and
-- bytes in turn, the floor under the empty key.

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
  return #page > 0 or not is_gone(drawer, 'r')
end

local function labelled(drawer, page, label)
  local list = call('HGET', key_of(drawer, 'l'), label)
  if not list then return not is_gone(drawer, 'l') end
  return fetch(drawer, keys_in(list), page)
end

-- A page and where the next query begins; false when something is gone that should be there.
local function answer(set, drawers, i)
  local name, kind, page = argv[i], argv[i + 1], {}
  local drawer = drawers[name] or drawer_of(set, name)
  drawers[name] = drawer
  if kind == 'a' then
    page = has(drawer, 'h') and call('HGETALL', key_of(drawer, 'h')) or page
    return (#page > 0 or not has(drawer, 'h')) and page, i + 2
  end
  local is_whole, to
  if kind == 'r' then
    is_whole, to = ranked(drawer, page, argv[i + 2], argv[i + 3], tonumber(argv[i + 4])), i + 5
  else
    is_whole, to = labelled(drawer, page, argv[i + 2]), i + 3
  end
  -- Where nothing was found nothing was missed, unless all is gone.
  if #page == 0 and is_gone(drawer, 'h') then return false, to end
  local floor = set.is_worn and call('HGET', key_of(drawer, 'h'), '')
  if floor then
    page[#page + 1] = ''
    page[#page + 1] = floor
  end
  return is_whole and page, to
end

local set = open()
if not set then return false end
local pages, drawers, i = {}, {}, 6
while argv[i] do
  local page
  page, i = answer(set, drawers, i)
  if not page then
    lose(set)
    return false
  end
  pages[#pages + 1] = page
end
return pages
