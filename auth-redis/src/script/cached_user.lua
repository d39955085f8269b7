-- What stands at the key of a cached user: `f` and the fences around it, `t` and the ticket of a reader, or the user, sealed.

-- The fences in `value`, 16 bytes each, the oldest first.
local function fences_of(value)
  local fences = {}
  if type(value) == 'string' and string.sub(value, 1, 1) == 'f' and #value % 16 == 1 then
    for at = 2, #value, 16 do table.insert(fences, string.sub(value, at, at + 15)) end
  end
  return fences
end

-- 1 after a write, 0 if memory is full, else the error.
local function write(reply)
  if not reply.err then return 1 end
  return string.find(reply.err, 'OOM', 1, true) and 0 or reply
end

