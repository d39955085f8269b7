-- How a log-in is read: see `record.rs`.

-- The optional generation at `at`, and the place behind it.
local function generation(value, at)
  local behind = at + 1 + 14 * string.byte(value, at)
  return string.sub(value, at, behind - 1), behind
end

local function parse(value)
  if string.byte(value) == 1 then
    local row = { order = '', id = string.sub(value, 33, 48) }
    row.created_at, row.delay = number(value, 20, 6), number(value, 26, 3)
    local at
    row.access, at = generation(value, 49)
    row.refresh, at = generation(value, at)
    row.rest = string.sub(value, at)
    row.user_id, at = text(value, at)
    row.backend = text(value, at)
    return row
  end
  -- In JSON, by an earlier version.
  local row = cjson.decode(value)
  row.id = string.gsub(string.gsub(row.id, '%-', ''), '%x%x', function(hex)
    return string.char(tonumber(hex, 16))
  end)
  row.delay = tonumber(string.sub(row.order, 13), 16)
  row.backend = ''
  -- Fails if one of them is missing, or of another type.
  local _ = row.user_id .. row.order, row.created_at + row.delay
  return row
end

