local session, index = KEYS[1], KEYS[2]
local value, digest, replaces, repeated = unpack(ARGV)

local taken = redis.call('GET', session)
if taken then
  local other, mark = read(taken), read(value).mark
  if not other then return 'taken' end
  -- A second attempt may find the session that the first one created.
  if repeated == '1' and other.mark == mark then return 'created' end
  -- So may the same replacement, made again.
  if replaces == '1' and string.sub(other.mark, 1, 4) == string.sub(mark, 1, 4) then return 'found' end
  return 'taken'
end

-- The first write: if memory is full, the server refuses it, and nothing has changed.
put(session, value)
if index then
  drop_expired(index)
  enlist(index, digest, value)
end
return 'created'
