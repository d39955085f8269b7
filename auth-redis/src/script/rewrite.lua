local token, index = KEYS[1], KEYS[2]
local old, value, member, digest = unpack(ARGV)

if redis.call('GET', token) == old then
  put(token, value)
  redis.call('ZREM', index, member)
  enlist(index, digest, value)
end
