-- Each attempt has a ticket of its own: one that arrives late, behind a change, must not bring back a ticket that a reader holds.
local found = redis.pcall('GET', KEYS[1])
if type(found) == 'string' and found ~= ARGV[3] then return '' end
local written = write(redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]))
if written == 1 then return ARGV[1] end
return written == 0 and 'full' or written
