local token, index = KEYS[1], KEYS[2]
local value, digest, cap, tokens, replaced, repeated = unpack(ARGV)
local inserted = read(value)

local taken = redis.call('GET', token)
if taken then
  local other = read(taken)
  -- A second attempt may find the token that the first one inserted.
  return repeated == '1' and other and other.id == inserted.id and 1 or 0
end

-- What a cap compares. It is read of every log-in of the user, so without the rest of `parse`.
local function parse_rank(value)
  if string.byte(value) ~= 1 then return parse(value) end
  local at = 50 + 14 * string.byte(value, 49)
  local _user_id, behind = text(value, at + 1 + 14 * string.byte(value, at))
  return {
    backend = text(value, behind), expires_at = number(value, 8, 6),
    created_at = number(value, 20, 6), delay = number(value, 26, 3),
  }
end

-- By the clock of whoever inserts, which may be ahead of the server's. `NEVER` is later than anything.
local function is_live(row)
  return type(row.expires_at) ~= 'number' or inserted.created_at < row.expires_at
end

-- What has expired is older than anything that has not.
local function is_older(one, other)
  if one.is_live ~= other.is_live then return other.is_live end
  if one.created_at ~= other.created_at then return one.created_at < other.created_at end
  return one.delay < other.delay
end

local keep = tonumber(cap) - 1
local doomed, dropped = {}, {}
if keep >= 0 and redis.call('ZCARD', index) > keep then
  local others = {}
  for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local named = string.sub(member, -43)
    local stored = redis.call('GET', tokens .. named)
    if not stored then
      -- The server evicted it, or it has expired.
      dropped[#dropped + 1] = member
    elseif named ~= replaced then
      local is_readable, other = pcall(parse_rank, stored)
      -- An unreadable one counts as the oldest.
      if not is_readable then other = { backend = '', expires_at = 0, created_at = 0, delay = 0 } end
      if other.backend == inserted.backend or other.backend == '' then
        other.member, other.is_live = member, is_live(other)
        others[#others + 1] = other
      end
    end
  end
  local surplus = #others - keep
  if surplus == 1 then
    local oldest = others[1]
    for _, other in ipairs(others) do
      if is_older(other, oldest) then oldest = other end
    end
    doomed[1] = oldest.member
  elseif surplus > 1 then
    table.sort(others, is_older)
    for place = 1, surplus do doomed[place] = others[place].member end
  end
end

-- The first write: if memory is full, the server refuses it, and nothing has changed.
put(token, value)

drop_expired(index)
for _, member in ipairs(dropped) do redis.call('ZREM', index, member) end
for _, member in ipairs(doomed) do
  redis.call('DEL', tokens .. string.sub(member, -43))
  redis.call('ZREM', index, member)
end
enlist(index, digest, value)
return 1
