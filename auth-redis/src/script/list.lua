local index, tokens = KEYS[1], ARGV[1]

local found = {}
for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local digest = string.sub(member, -43)
  local value = redis.call('GET', tokens .. digest)
  if value then
    found[#found + 1] = digest
    found[#found + 1] = value
  end
end
return found
