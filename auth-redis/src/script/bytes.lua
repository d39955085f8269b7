-- The forms that log-ins and sessions share: see `record.rs`.

local NEVER = string.rep('\255', 6)

-- The number in `size` bytes from `at` on.
local function number(bytes, at, size)
  local result = 0
  for place = at, at + size - 1 do result = result * 256 + string.byte(bytes, place) end
  return result
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

