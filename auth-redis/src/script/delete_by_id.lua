local index, tokens, id = KEYS[1], ARGV[1], ARGV[2]

for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local token = tokens .. string.sub(member, -43)
  local value = redis.call('GET', token)
  local row = value and read(value)
  if row and row.id == id then
    redis.call('DEL', token)
    redis.call('ZREM', index, member)
    refresh_index_ttl(index)
    return 1
  end
end
return 0
