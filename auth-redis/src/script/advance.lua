local token = KEYS[1]
local indexes, digest, at, kind, from, to, keep_until = unpack(ARGV)

local value = redis.call('GET', token)
if not value then return false end

local row = read(value)
if not row or row.order ~= '' or not is_live(value, at) then return { value, 0 } end
-- The first generation is not stored.
local present = row[kind] == '\0' and string.rep('\0', 8) or string.sub(row[kind], 2, 9)
if present ~= from then return { value, 0 } end
row[kind] = '\1' .. to .. at

local expires_at, limit = string.sub(value, 8, 13), string.sub(value, 14, 19)
if keep_until ~= '' then
  expires_at = number(keep_until, 1, 6) < number(limit, 1, 6) and keep_until or limit
end
local advanced = string.sub(value, 1, 1) .. at .. expires_at .. string.sub(value, 14, 48)
  .. row.access .. row.refresh .. row.rest
put(token, advanced)
if string.sub(value, 8, 13) ~= expires_at then
  enlist(indexes .. user_id(row.user_id), digest, advanced)
end
return { advanced, 1 }
