local others = {}
for _, fence in ipairs(fences_of(redis.pcall('GET', KEYS[1]))) do
  if fence ~= ARGV[1] then table.insert(others, fence) end
end
if #others == 0 then
  redis.call('DEL', KEYS[1])
  return 1
end
-- If there is no memory for it, this fence falls with the others.
return write(redis.pcall('SET', KEYS[1], 'f' .. table.concat(others), 'KEEPTTL'))
