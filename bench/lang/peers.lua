-- SPDX-License-Identifier: Apache-2.0
-- The programs of this folder in Lua 5.1 and later.
-- Usage: peers.lua NAME RUNS; prints CPU milliseconds of each run, then what came out.
local B = {}

function B.fib()
  local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
  return fib(32)
end

function B.nbody()
  local sqrt = math.sqrt
  local PI, DAYS = 3.141592653589793, 365.24
  local function body(x, y, z, vx, vy, vz, mass)
    return { x = x, y = y, z = z, vx = vx * DAYS, vy = vy * DAYS, vz = vz * DAYS, mass = mass * (4 * PI * PI) }
  end
  local bodies = {
    body(0, 0, 0, 0, 0, 0, 1),
    body(4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
      1.66007664274403694e-03, 7.69901118419740425e-03, -6.90460016972063023e-05, 9.54791938424326609e-04),
    body(8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
      -2.76742510726411051e-03, 4.99852801234917238e-03, 2.30417297573763929e-05, 2.85885980666130812e-04),
    body(1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
      2.96460137564761618e-03, 2.37847173959480950e-03, -2.96589568540237556e-05, 4.36624404335156298e-05),
    body(1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
      2.68067772490389322e-03, 1.62824170038242295e-03, -9.51592254519715870e-05, 5.15138902046611451e-05) }
  local function advance(dt)
    local count = #bodies
    for i = 1, count do
      local a = bodies[i]
      local ax, ay, az, mass, vx, vy, vz = a.x, a.y, a.z, a.mass, a.vx, a.vy, a.vz
      for j = i + 1, count do
        local b = bodies[j]
        local dx, dy, dz = ax - b.x, ay - b.y, az - b.z
        local d2 = dx * dx + dy * dy + dz * dz
        local mag = dt / (d2 * sqrt(d2))
        local to_a, to_b = b.mass * mag, mass * mag
        vx = vx - dx * to_a; vy = vy - dy * to_a; vz = vz - dz * to_a
        b.vx = b.vx + dx * to_b; b.vy = b.vy + dy * to_b; b.vz = b.vz + dz * to_b
      end
      a.vx = vx; a.vy = vy; a.vz = vz
      a.x = ax + dt * vx; a.y = ay + dt * vy; a.z = az + dt * vz
    end
  end
  for _ = 1, 200000 do advance(0.01) end
  return string.format("%.17g", bodies[1].x)
end

function B.list()
  local sum = 0
  for _ = 1, 100 do
    local t = {}
    for i = 0, 99999 do t[#t + 1] = i end
    for i = 1, #t do sum = sum + t[i] end
  end
  return sum
end

function B.strcat()
  local t = {}
  for i = 1, 1000000 do t[#t + 1] = "item" .. (i % 1000) .. ";" end
  return #table.concat(t)
end

function B.mapint()
  local t, sum = {}, 0
  for i = 1, 1000000 do t[i * 2654435761 % 4294967296] = i end
  for i = 1, 1000000 do sum = sum + t[i * 2654435761 % 4294967296] end
  return sum
end

function B.mapstr()
  local t, sum = {}, 0
  for i = 1, 1000000 do t["k" .. i % 100000] = i end
  for i = 1, 1000000 do sum = sum + t["k" .. i % 100000] end
  return sum
end

-- ---- JSON, in Lua alone ------------------------------------------------------

local concat, find, sub, gsub, byte, char = table.concat, string.find, string.sub, string.gsub, string.byte, string.char
local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
for code = 0, 31 do
  escapes[char(code)] = escapes[char(code)] or string.format("\\u%04x", code)
end

local function quote(s) return '"' .. gsub(s, '[%c"\\]', escapes) .. '"' end

local function put(v, out)
  local t = type(v)
  if t == "number" then out[#out + 1] = tostring(v)
  elseif t == "string" then out[#out + 1] = quote(v)
  elseif t == "boolean" then out[#out + 1] = v and "true" or "false"
  elseif v[1] ~= nil then
    out[#out + 1] = "["
    for i = 1, #v do
      if i > 1 then out[#out + 1] = "," end
      put(v[i], out)
    end
    out[#out + 1] = "]"
  else
    local before = "{"
    for k, x in pairs(v) do
      out[#out + 1] = before; out[#out + 1] = quote(k); out[#out + 1] = ":"
      put(x, out)
      before = ","
    end
    out[#out + 1] = before == "{" and "{}" or "}"
  end
end

local function encode(v) local out = {}; put(v, out); return concat(out) end

local unescapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

local function text(s, at) -- at: behind the quote
  local stop = find(s, '["\\]', at)
  if byte(s, stop) == 34 then return sub(s, at, stop - 1), stop + 1 end
  local parts = {}
  while true do
    parts[#parts + 1] = sub(s, at, stop - 1)
    if byte(s, stop) == 34 then return concat(parts), stop + 1 end
    parts[#parts + 1] = unescapes[sub(s, stop + 1, stop + 1)] or error("escape")
    at = stop + 2
    stop = find(s, '["\\]', at)
  end
end

local value

local function skip(s, at) return find(s, "[^ \t\r\n]", at) end

local function array(s, at)
  local out, n = {}, 0
  at = skip(s, at)
  if byte(s, at) == 93 then return out, at + 1 end
  while true do
    n = n + 1
    out[n], at = value(s, at)
    at = skip(s, at)
    local c = byte(s, at)
    if c == 93 then return out, at + 1 end
    if c ~= 44 then error("array") end
    at = skip(s, at + 1)
  end
end

local function object(s, at)
  local out = {}
  at = skip(s, at)
  if byte(s, at) == 125 then return out, at + 1 end
  while true do
    local key
    if byte(s, at) ~= 34 then error("object") end
    key, at = text(s, at + 1)
    at = skip(s, at)
    if byte(s, at) ~= 58 then error("object") end
    out[key], at = value(s, skip(s, at + 1))
    at = skip(s, at)
    local c = byte(s, at)
    if c == 125 then return out, at + 1 end
    if c ~= 44 then error("object") end
    at = skip(s, at + 1)
  end
end

function value(s, at)
  local c = byte(s, at)
  if c == 34 then return text(s, at + 1) end
  if c == 123 then return object(s, at + 1) end
  if c == 91 then return array(s, at + 1) end
  if c == 116 and sub(s, at, at + 3) == "true" then return true, at + 4 end
  if c == 102 and sub(s, at, at + 4) == "false" then return false, at + 5 end
  local _, stop = find(s, "^-?%d+%.?%d*[eE]?[-+]?%d*", at)
  return tonumber(sub(s, at, stop)) or error("number"), stop + 1
end

local function decode(s) return (value(s, skip(s, 1))) end

local function users()
  local out = {}
  for i = 1, 100 do
    out[i] = { id = i, name = 'user "' .. i .. '"', tags = { "a", "b", "c" }, active = i % 2 == 0, score = i * 3 }
  end
  return out
end

local function encodes(enc)
  local data, len = users(), 0
  for _ = 1, 300 do len = len + #enc(data) end
  return len
end

local function decodes(enc, dec)
  local s, sum = enc(users()), 0
  for _ = 1, 300 do
    for _, u in ipairs(dec(s)) do
      sum = sum + u.id + u.score + #u.name + #u.tags
      if u.active then sum = sum + 1 end
    end
  end
  return sum
end

function B.encode() return encodes(encode) end
function B.decode() return decodes(encode, decode) end
function B.encode_c() return encodes(require("cjson").encode) end
function B.decode_c() return decodes(require("cjson").encode, require("cjson").decode) end

-- ---- coroutines --------------------------------------------------------------

B["switch"] = function()
  local wrap, yield = coroutine.wrap, coroutine.yield
  local function count(turns) return function() for _ = 1, turns do yield() end return turns end end
  local a, b, turns = wrap(count(2500000)), wrap(count(2500000)), 0
  local more_a, more_b
  repeat more_a = a(); more_b = b() until more_b
  turns = more_a + more_b
  return turns * 2 -- each turn is two switches: into the coroutine and out of it
end

function B.spawn()
  local wrap, sum = coroutine.wrap, 0
  for i = 0, 999999 do sum = sum + wrap(function(x) return x end)(i) end
  return sum
end

function B.processes() -- 100,000 coroutines, 25,000 of them alive at once
  local create, resume, yield, sum = coroutine.create, coroutine.resume, coroutine.yield, 0
  for _ = 1, 4 do
    local jobs = {}
    for i = 0, 24999 do
      local job = create(function(n) local more = yield(); return n + more end)
      resume(job, i)
      jobs[i + 1] = job
    end
    for i = 1, #jobs do
      local _, got = resume(jobs[i], 1)
      sum = sum + got
    end
  end
  return sum
end

for run = 1, tonumber(arg[2]) do
  local before = os.clock()
  local result = B[arg[1]]()
  io.write(string.format("%.2f ", (os.clock() - before) * 1000))
  if run == tonumber(arg[2]) then
    io.write("= ", type(result) == "number" and string.format("%.17g", result) or tostring(result), "\n")
  end
end
