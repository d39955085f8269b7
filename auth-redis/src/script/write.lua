-- Writes a value, whose key expires with it.
local function put(key, value)
  local expires_at = string.sub(value, 8, 13)
  if expires_at == NEVER then
    redis.call('SET', key, value)
  else
    redis.call('SET', key, value, 'PXAT', number(expires_at, 1, 6))
  end
end

-- Enters a value into its user's index, until it expires.
local function enlist(index, digest, value)
  local expires_at = string.sub(value, 8, 13)
  redis.call('ZADD', index, expires_at == NEVER and '+inf' or number(expires_at, 1, 6), digest)
  refresh_index_ttl(index)
end

-- Removes the members of an index that have expired.
local function drop_expired(index)
  local time = redis.call('TIME')
  redis.call('ZREMRANGEBYSCORE', index, '-inf', time[1] * 1000 + math.floor(time[2] / 1000))
end

-- True if the value has not expired at the instant `at`.
local function is_live(value, at)
  return number(at, 1, 6) < number(value, 8, 6)
end

