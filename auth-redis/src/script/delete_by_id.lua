local index, tokens, id_field = KEYS[1], ARGV[1], ARGV[2]

for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local token = tokens .. string.sub(member, 21)
  local value = redis.call('GET', token)
  if value and string.find(value, id_field, 1, true) then
    redis.call('DEL', token)
    redis.call('ZREM', index, member)
    refresh_index_ttl(index)
    return 1
  end
end
return 0
