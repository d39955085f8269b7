-- What stands at the key of a cached user: `f` and the fences around it, `t` and the ticket of a reader, or the user, sealed.

-- Nobody writes to one user at so many places. What is left of so many are writers that went away.
local MOST = 64

-- The fences in `value`, 16 bytes each, the oldest first. None are in what is longer: somebody else wrote that.
local function fences_of(value)
  local is_ours = type(value) == 'string' and #value % 16 == 1 and #value <= 1 + MOST * 16 and string.sub(value, 1, 1) == 'f'
  return is_ours and string.sub(value, 2) or ''
end

-- 1 after a write, 0 if memory is full, else the error.
local function write(reply)
  if not reply.err then return 1 end
  return string.find(reply.err, 'OOM', 1, true) and 0 or reply
end

