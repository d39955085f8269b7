local index, tokens = KEYS[1], ARGV[1]

local count = 0
for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  count = count + redis.call('DEL', tokens .. string.sub(member, -43))
end
redis.call('DEL', index)
return count
