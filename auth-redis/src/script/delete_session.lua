local key = KEYS[1]
local indexes, digest, revision = unpack(ARGV)

local value = redis.call('GET', key)
if not value then return 'gone' end
local session = read(value)
if session and revision ~= '' and session.revision ~= revision then return 'conflict' end
redis.call('DEL', key)

-- Delete the session even if its value is unreadable.
if session and session.user_id then
  local index = indexes .. session.user_id
  redis.call('ZREM', index, digest)
  refresh_index_ttl(index)
end
return 'done'
