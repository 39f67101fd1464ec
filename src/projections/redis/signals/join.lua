-- Makes the group of a stream, and the stream, unless they are there.
--
-- KEYS: the stream. ARGV: the group.
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
return 1
