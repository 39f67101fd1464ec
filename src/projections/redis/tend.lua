-- Drops what an account still has of generations that are neither read nor prepared. ARGV goes on with: home,
-- account.
local home, account = argv[4], argv[5]
local live, next = generations_of(home)
drop_old(home, account, live, next)
