local index, tokens, id = KEYS[1], ARGV[1], ARGV[2]

for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local token = tokens .. string.sub(member, -43)
  local value = redis.call('GET', token)
  -- Only one of them is the right one, so the others are not parsed. In JSON, the id has no fixed place.
  if value and (string.byte(value) ~= 1 or string.sub(value, 33, 48) == id) then
    local row = read(value)
    if row and row.id == id then
      redis.call('DEL', token)
      redis.call('ZREM', index, member)
      refresh_index_ttl(index)
      return 1
    end
  end
end
return 0
