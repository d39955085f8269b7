-- The parts of a value that scripts use; nothing if it cannot be read.
local function read(value)
  local is_readable, row = pcall(parse, value)
  return is_readable and row or nil
end
