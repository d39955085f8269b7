-- Writes the value of a token, whose key expires with it.
local function put(token, value)
  local expires_at = string.sub(value, 8, 13)
  if expires_at == NEVER then
    redis.call('SET', token, value)
  else
    redis.call('SET', token, value, 'PXAT', number(expires_at, 1, 6))
  end
end

-- Enters a token into its user's index, until it expires.
local function enlist(index, digest, value)
  local expires_at = string.sub(value, 8, 13)
  redis.call('ZADD', index, expires_at == NEVER and '+inf' or number(expires_at, 1, 6), digest)
  refresh_index_ttl(index)
end

-- True if the token has not expired at the instant `at`.
local function is_live(value, at)
  return number(at, 1, 6) < number(value, 8, 6)
end
