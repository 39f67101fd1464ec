-- Drops what an account still has of generations that are neither read nor prepared. ARGV goes on with: home,
-- account.
local home, account = argv[4], argv[5]
local generations = call('HMGET', home .. 'g', 'live', 'next')
drop_old(home, account, generations[1], generations[2])
