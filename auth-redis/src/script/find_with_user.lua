local value = redis.call('GET', KEYS[1])
if not value then return false end
local row = read(value)
local user = row and redis.pcall('GET', ARGV[1] .. user_id(row.user_id))
return { value, type(user) == 'string' and user or '' }
