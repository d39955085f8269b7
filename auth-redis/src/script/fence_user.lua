local fences = fences_of(redis.pcall('GET', KEYS[1]))
if not string.find(fences, ARGV[1], 1, true) then fences = string.sub(fences, -16 * (MOST - 1)) .. ARGV[1] end
-- Not deleted first: while the slot moves to another node, the key must stay here.
if redis.pcall('SET', KEYS[1], 'f' .. fences, 'PX', ARGV[2]).err then
  -- Memory is full. Behind a deletion, nothing is refused for want of it.
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[1], 'f' .. fences, 'PX', ARGV[2])
end
return 1
