local key = KEYS[1]
local indexes, digest, revision = unpack(ARGV)

local value = redis.call('GET', key)
if not value then return 'gone' end
local session = read(value)
if session and revision ~= '' and session.revision ~= revision then return 'conflict' end
redis.call('DEL', key)
forget(indexes, digest, session)
return 'done'
