-- Puts entries into a stream, which keeps about so many.
--
-- KEYS: the stream. ARGV: how many it keeps, and the bytes of each entry. Returns the id of the last.
local id = false
for i = 2, #ARGV do
  id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 's', ARGV[i])
end
return id
