-- SPDX-License-Identifier: Apache-2.0
-- The programs of this folder in Lua; prints CPU milliseconds of each of five runs.
local B = {}
function B.fib()
  local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
  return fib(32)
end
function B.nbody()
  local sqrt = math.sqrt
  local PI = 3.141592653589793; local SM = 4 * PI * PI; local D = 365.24
  local bodies = {
    { x = 0, y = 0, z = 0, vx = 0, vy = 0, vz = 0, m = SM },
    { x = 4.84143144246472090e+00, y = -1.16032004402742839e+00, z = -1.03622044471123109e-01,
      vx = 1.66007664274403694e-03 * D, vy = 7.69901118419740425e-03 * D, vz = -6.90460016972063023e-05 * D,
      m = 9.54791938424326609e-04 * SM },
    { x = 8.34336671824457987e+00, y = 4.12479856412430479e+00, z = -4.03523417114321381e-01,
      vx = -2.76742510726411051e-03 * D, vy = 4.99852801234917238e-03 * D, vz = 2.30417297573763929e-05 * D,
      m = 2.85885980666130812e-04 * SM },
    { x = 1.28943695621391310e+01, y = -1.51111514016986312e+01, z = -2.23307578892655734e-01,
      vx = 2.96460137564761618e-03 * D, vy = 2.37847173959480950e-03 * D, vz = -2.96589568540237556e-05 * D,
      m = 4.36624404335156298e-05 * SM },
    { x = 1.53796971148509165e+01, y = -2.59193146099879641e+01, z = 1.79258772950371181e-01,
      vx = 2.68067772490389322e-03 * D, vy = 1.62824170038242295e-03 * D, vz = -9.51592254519715870e-05 * D,
      m = 5.15138902046611451e-05 * SM } }
  for _ = 1, 200000 do
    for i = 1, 5 do
      local a = bodies[i]
      local ax, ay, az, am, vx, vy, vz = a.x, a.y, a.z, a.m, a.vx, a.vy, a.vz
      for j = i + 1, 5 do
        local b = bodies[j]
        local dx, dy, dz = ax - b.x, ay - b.y, az - b.z
        local d2 = dx * dx + dy * dy + dz * dz
        local mag = 0.01 / (d2 * sqrt(d2))
        local bm = b.m * mag
        vx = vx - dx * bm; vy = vy - dy * bm; vz = vz - dz * bm
        bm = am * mag
        b.vx = b.vx + dx * bm; b.vy = b.vy + dy * bm; b.vz = b.vz + dz * bm
      end
      a.vx = vx; a.vy = vy; a.vz = vz
      a.x = ax + 0.01 * vx; a.y = ay + 0.01 * vy; a.z = az + 0.01 * vz
    end
  end
  return bodies[1].x
end
function B.mapint()
  local t, s = {}, 0
  for i = 1, 1000000 do t[(i * 2654435761) % 4294967296] = i end
  for i = 1, 1000000 do s = s + t[(i * 2654435761) % 4294967296] end
  return s
end
function B.mapstr()
  local t, s = {}, 0
  for i = 1, 1000000 do t["k" .. (i % 100000)] = i end
  for i = 1, 1000000 do s = s + t["k" .. (i % 100000)] end
  return s
end
function B.strcat()
  local t = {}
  for i = 1, 1000000 do t[i] = "item" .. (i % 1000) .. ";" end
  return #table.concat(t)
end
function B.list()
  local s = 0
  for _ = 1, 100 do
    local t = {}
    for i = 1, 100000 do t[#t + 1] = i - 1 end
    for i = 1, 100000 do s = s + t[i] end
  end
  return s
end
B["switch"] = function()
  local wrap, yield = coroutine.wrap, coroutine.yield
  local co = wrap(function() local i = 0; while true do yield(i); i = i + 1 end end)
  local s = 0
  for _ = 1, 5000000 do s = s + co() end
  return s
end
function B.spawn()
  local wrap = coroutine.wrap
  local s = 0
  for i = 1, 5000000 do s = s + wrap(function(x) return x end)(i) end
  return s
end
for _ = 1, 5 do
  local t = os.clock()
  local r = B[arg[1]]()
  io.write(string.format("%.2f ", (os.clock() - t) * 1000))
  if _ == 5 then io.write(string.format("= %.10g\n", r)) end
end
