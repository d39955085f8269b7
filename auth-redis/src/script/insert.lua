local token, index = KEYS[1], KEYS[2]
local value, member, expiry, cap, tokens, id_field = unpack(ARGV)

local taken = redis.call('GET', token)
if taken then
  if id_field ~= '' and string.find(taken, id_field, 1, true) then return 1 end
  return 0
end

-- The first write: if memory is full, the server refuses it, and nothing has changed.
if expiry == '+inf' then
  redis.call('SET', token, value)
else
  redis.call('SET', token, value, 'PXAT', expiry)
end

local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', index, '-inf', time[1] * 1000 + math.floor(time[2] / 1000))

local keep = tonumber(cap) - 1
if keep >= 0 and redis.call('ZCARD', index) > keep then
  local others = {}
  for _, other in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    -- Tokens that the server evicted do not count.
    if redis.call('EXISTS', tokens .. string.sub(other, 21)) == 1 then
      others[#others + 1] = other
    else
      redis.call('ZREM', index, other)
    end
  end
  table.sort(others)
  for oldest = 1, #others - keep do
    redis.call('DEL', tokens .. string.sub(others[oldest], 21))
    redis.call('ZREM', index, others[oldest])
  end
end

redis.call('ZADD', index, expiry, member)
refresh_index_ttl(index)
return 1
