local user, expiry = unpack(ARGV)

local taken = redis.call('GET', KEYS[1])
if taken and taken ~= user then return 0 end
if expiry == '' then
  redis.call('SET', KEYS[1], user)
else
  redis.call('SET', KEYS[1], user, 'PXAT', expiry)
end
return 1
