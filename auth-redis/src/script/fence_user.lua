local fences = fences_of(redis.pcall('GET', KEYS[1]))
-- Nobody writes to one user at so many places. What is left of so many are writers that went away.
while #fences >= 64 do table.remove(fences, 1) end
local others = table.concat(fences)
if not string.find(others, ARGV[1], 1, true) then others = others .. ARGV[1] end
-- Not deleted first: while the slot moves to another node, the key must stay here.
if redis.pcall('SET', KEYS[1], 'f' .. others, 'PX', ARGV[2]).err then
  -- Memory is full. Behind a deletion, nothing is refused for want of it.
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[1], 'f' .. others, 'PX', ARGV[2])
end
return 1
