local key, successor = KEYS[1], KEYS[2]
local indexes, digest, revision, by, call = unpack(ARGV)

local value = redis.call('GET', key)
if not value then
  local known = redis.call('GET', successor)
  if known == by .. call then return 'done' end
  if known and string.sub(known, 1, 32) == by then return 'before' end
  return 'gone'
end
local session = read(value)
if session and revision ~= '' and session.revision ~= revision then return 'conflict' end
redis.call('DEL', key)
-- Behind the first write nothing is refused for want of memory. Whoever makes the call again comes within seconds.
redis.call('SET', successor, by .. call, 'PX', 60000)
forget(indexes, digest, session)
return 'done'
