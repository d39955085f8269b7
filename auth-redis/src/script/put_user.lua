if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return write(redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]))
