-- Does nothing if it is carried out after the instant of its last argument, which is one of this server's clock in microseconds:
-- its caller has given up. The time goes in front of the answer, and a script that was late has no answer: see `clock.rs`.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if now > tonumber(ARGV[#ARGV]) then return { now } end

