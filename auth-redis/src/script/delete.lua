local indexes, digest = unpack(ARGV)

local value = redis.call('GET', KEYS[1])
if not value then return 0 end
redis.call('DEL', KEYS[1])

-- A value that somebody spoiled is deleted all the same.
local readable, token = pcall(cjson.decode, value)
if readable and type(token) == 'table' and type(token.user_id) == 'string' and type(token.order) == 'string' then
  local index = indexes .. token.user_id
  redis.call('ZREM', index, token.order .. digest)
  settle(index)
end
return 1
