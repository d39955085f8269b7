local indexes, digest = unpack(ARGV)

local value = redis.call('GET', KEYS[1])
if not value then return 0 end
redis.call('DEL', KEYS[1])

-- Delete the token even if its value is unreadable.
local row = read(value)
if row then
  local index = indexes .. user_id(row.user_id)
  redis.call('ZREM', index, row.order .. digest)
  refresh_index_ttl(index)
end
return 1
