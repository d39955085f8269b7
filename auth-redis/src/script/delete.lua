local indexes, digest = unpack(ARGV)

local value = redis.call('GET', KEYS[1])
if not value then return 0 end
redis.call('DEL', KEYS[1])

-- Delete the token even if its value is unreadable.
local readable, token = pcall(cjson.decode, value)
if readable and type(token) == 'table' and type(token.user_id) == 'string' and type(token.order) == 'string' then
  local index = indexes .. token.user_id
  redis.call('ZREM', index, token.order .. digest)
  refresh_index_ttl(index)
end
return 1
