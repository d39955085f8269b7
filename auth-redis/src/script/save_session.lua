local key = KEYS[1]
local indexes, digest, at, expires_at, revision, data, mark, repeated = unpack(ARGV)

-- The number in eight bytes, plus one.
local function next_number(bytes)
  local place = 8
  while place > 1 and string.byte(bytes, place) == 255 do place = place - 1 end
  local byte = string.char((string.byte(bytes, place) + 1) % 256)
  return string.sub(bytes, 1, place - 1) .. byte .. string.rep('\0', 8 - place)
end

local value = redis.call('GET', key)
if not value then return 'gone' end
local session = read(value)
if not session then return 'unreadable' end

local replaces = data ~= ''
if replaces and repeated == '1' and session.mark == mark then return 'done' end
if not is_live(value, at) then return 'gone' end
if revision ~= '' and session.revision ~= revision then
  -- A revision has one successor, and this one is another call's. If there were more saves, the first attempt may be among them.
  local is_certain = not (replaces and repeated == '1') or session.revision == next_number(revision)
  return is_certain and 'conflict' or 'unknown'
end

local middle = string.sub(value, 26, 41)
local behind = string.sub(value, 46)
if replaces then
  middle = next_number(session.revision) .. mark
  behind = data .. session.subject
end
local saved = string.sub(value, 1, 1) .. at .. expires_at .. string.sub(value, 14, 25) .. middle
  .. string.sub(value, 42, 45) .. behind
put(key, saved)
if session.user_id and string.sub(value, 8, 13) ~= expires_at then
  enlist(indexes .. session.user_id, digest, saved)
end
return 'done'
