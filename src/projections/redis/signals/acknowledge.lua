-- Takes entries out of a stream that are merged, and counts them: what left it otherwise is lost.
--
-- KEYS: the stream. ARGV: where is counted, the group, and the id of each entry. Returns how many there were.
local stream = KEYS[1]
redis.call('XACK', stream, ARGV[2], unpack(ARGV, 3))
local count = redis.call('XDEL', stream, unpack(ARGV, 3))
-- A full store takes no write; a loss is suspected then, which costs a sweep.
if count > 0 then redis.pcall('HINCRBY', ARGV[1], 'merged', count) end
return count
