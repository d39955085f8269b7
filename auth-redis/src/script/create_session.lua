local session, index = KEYS[1], KEYS[2]
local value, digest, repeated = unpack(ARGV)

local taken = redis.call('GET', session)
if taken then
  -- A second attempt may find the session that the first one created.
  local other = read(taken)
  return repeated == '1' and other and other.mark == read(value).mark and 1 or 0
end

-- The first write: if memory is full, the server refuses it, and nothing has changed.
put(session, value)
if index then
  drop_expired(index)
  enlist(index, digest, value)
end
return 1
