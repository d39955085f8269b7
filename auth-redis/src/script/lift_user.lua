local fences, others = fences_of(redis.pcall('GET', KEYS[1])), {}
for at = 1, #fences, 16 do
  local fence = string.sub(fences, at, at + 15)
  if fence ~= ARGV[1] then table.insert(others, fence) end
end
local lifted = 1
if #others == 0 then
  redis.call('DEL', KEYS[1])
else
  -- If there is no memory for it, this fence stands as long as the others.
  lifted = write(redis.pcall('SET', KEYS[1], 'f' .. table.concat(others), 'KEEPTTL'))
end
local least = redis.pcall('GET', KEYS[2])
if ARGV[2] ~= '' and (type(least) ~= 'string' or least < ARGV[2]) then
  -- If there is no memory for it, nobody is cached either.
  redis.pcall('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
end
return lifted
