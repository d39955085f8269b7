if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local least = redis.pcall('GET', KEYS[2])
if type(least) == 'string' and ARGV[4] < least then
  redis.call('DEL', KEYS[1])
  return 0
end
return write(redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]))
