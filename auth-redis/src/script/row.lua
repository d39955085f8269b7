-- How a row is read: see `record.rs`.

local NEVER = string.rep('\255', 6)

-- The number in `size` bytes from `at` on.
local function number(bytes, at, size)
  local result = 0
  for place = at, at + size - 1 do result = result * 256 + string.byte(bytes, place) end
  return result
end

-- The optional generation at `at`, and the place behind it.
local function generation(value, at)
  local behind = at + 1 + 14 * string.byte(value, at)
  return string.sub(value, at, behind - 1), behind
end

-- The text at `at` behind its length, and the place behind it.
local function text(value, at)
  local length, scale, byte = 0, 1, nil
  repeat
    byte = string.byte(value, at)
    length, scale, at = length + byte % 128 * scale, scale * 128, at + 1
  until byte < 128
  return string.sub(value, at, at + length - 1), at + length
end

-- The id of a user, unpacked.
local function user_id(packed)
  if string.byte(packed) ~= 255 then return packed end
  local hex = string.gsub(string.sub(packed, 2), '.', function(byte)
    return string.format('%02x', string.byte(byte))
  end)
  local groups = { string.sub(hex, 1, 8), string.sub(hex, 9, 12), string.sub(hex, 13, 16), string.sub(hex, 17, 20) }
  return table.concat(groups, '-') .. '-' .. string.sub(hex, 21)
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

-- What scripts need of a row; nothing if the value cannot be read.
local function read(value)
  local is_readable, row = pcall(parse, value)
  return is_readable and row or nil
end
