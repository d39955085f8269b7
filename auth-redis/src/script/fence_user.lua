local fences = fences_of(redis.pcall('GET', KEYS[1]))
-- Nobody writes to one user at so many places. What is left of so many are writers that went away.
while #fences >= 64 do table.remove(fences, 1) end
local others = table.concat(fences)
if not string.find(others, ARGV[1], 1, true) then others = others .. ARGV[1] end
-- Behind the first write, nothing is refused for want of memory.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], 'f' .. others, 'PX', ARGV[2])
return 1
