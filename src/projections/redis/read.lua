-- Reads pages of one account, of one instant.
--
-- ARGV goes on with queries: drawer, and then "a" for all; "r", rank and key below which to begin ("" and "" for
-- the greatest), limit; "l", first and last label as ZRANGE takes them. Returns false when the account is not
-- complete, else for each query keys and bytes in turn, the floor under the empty key.

-- Entries by their keys, added to the page; false when one is gone.
local function fetch(drawer, keys, page, take)
  for from = 1, #keys, 1000 do
    local some = { unpack(keys, from, math.min(from + 999, #keys)) }
    local found = call('HMGET', key_of(drawer, 'h'), unpack(some))
    for i, key in ipairs(some) do
      if not found[i] then return false end
      if take(found[i]) then
        page[#page + 1] = key
        page[#page + 1] = found[i]
      end
    end
  end
  return true
end

local function any() return true end

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

local function labelled(drawer, page, first, last)
  local keys = {}
  for i, label in ipairs(call('ZRANGE', key_of(drawer, 'l'), first, last, 'BYLEX')) do
    local length = byte(label, -2) * 256 + byte(label, -1)
    keys[i] = sub(label, -2 - length, -3)
  end
  return fetch(drawer, keys, page, any) and (#page > 0 or not is_gone(drawer, 'l'))
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
  local to = kind == 'r' and i + 5 or i + 4
  if not has(drawer, 'h') then return page, to end
  local floor = set.is_worn and call('HGET', key_of(drawer, 'h'), '')
  local is_whole
  if kind == 'r' then
    is_whole = ranked(drawer, page, argv[i + 2], argv[i + 3], tonumber(argv[i + 4]))
  else
    is_whole = labelled(drawer, page, argv[i + 2], argv[i + 3])
  end
  -- Where nothing was found nothing was missed, unless all is gone.
  if #page == 0 and is_gone(drawer, 'h') then return false, to end
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
