local token, index = KEYS[1], KEYS[2]
local value, digest, cap, tokens, repeated = unpack(ARGV)
local inserted = read(value)

local taken = redis.call('GET', token)
if taken then
  local other = read(taken)
  -- A second attempt may find the token that the first one inserted.
  return repeated == '1' and other and other.id == inserted.id and 1 or 0
end

local keep = tonumber(cap) - 1
local doomed, dropped = {}, {}
if keep >= 0 and redis.call('ZCARD', index) > keep then
  local others = {}
  for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local stored = redis.call('GET', tokens .. string.sub(member, -43))
    if stored then
      -- An unreadable one counts as the oldest.
      local other = read(stored) or { backend = '', created_at = 0, delay = 0 }
      if other.backend == inserted.backend or other.backend == '' then
        other.member = member
        others[#others + 1] = other
      end
    else
      -- The server evicted it, or it has expired.
      dropped[#dropped + 1] = member
    end
  end
  table.sort(others, function(one, other)
    if one.created_at ~= other.created_at then return one.created_at < other.created_at end
    return one.delay < other.delay
  end)
  for oldest = 1, #others - keep do doomed[oldest] = others[oldest].member end
end

-- The first write: if memory is full, the server refuses it, and nothing has changed.
put(token, value)

drop_expired(index)
for _, member in ipairs(dropped) do redis.call('ZREM', index, member) end
for _, member in ipairs(doomed) do
  redis.call('DEL', tokens .. string.sub(member, -43))
  redis.call('ZREM', index, member)
end
enlist(index, digest, value)
return 1
