-- How a session is read: see `record/session.rs`.

local function parse(value)
  if string.byte(value) ~= 115 then error('another form') end
  local session = { revision = string.sub(value, 26, 33), mark = string.sub(value, 34, 41) }
  local _data, at = text(value, 46)
  session.subject = string.sub(value, at)
  local has_user = string.byte(value, at)
  -- Also fails if the value ends before it.
  if has_user > 1 then error('another form') end
  if has_user == 1 then session.user_id = user_id((text(value, at + 1))) end
  return session
end

-- Removes a deleted session from its user's index, unless its value was unreadable.
local function forget(indexes, digest, session)
  if session and session.user_id then
    local index = indexes .. session.user_id
    redis.call('ZREM', index, digest)
    refresh_index_ttl(index)
  end
end
