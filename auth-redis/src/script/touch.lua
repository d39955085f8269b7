local token = KEYS[1]
local indexes, digest, at, expires_at = unpack(ARGV)

local value = redis.call('GET', token)
if not value then return false end

local row = read(value)
if not row or row.order ~= '' or not is_live(value, at) then return { value, 0 } end

local touched = string.sub(value, 1, 1) .. at .. expires_at .. string.sub(value, 14)
put(token, touched)
if string.sub(value, 8, 13) ~= expires_at then
  enlist(indexes .. user_id(row.user_id), digest, touched)
end
return { touched, 1 }
