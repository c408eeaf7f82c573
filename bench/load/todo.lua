-- SPDX-License-Identifier: Apache-2.0
-- wrk's part of the todo benchmark: of twenty requests twelve read one todo,
-- three read the list, three change one, one adds one, and one removes what was
-- added a while ago. Todos 1 to KEPT stay.
-- Usage: wrk -t1 ... -s todo.lua URL -- KEPT LAST
--   LAST  the id given last: todos that are added get the next ones
-- Prints requests, microseconds, and answers that were errors.
local BEHIND = 72 -- more than there are connections: what is removed has been added by then
local random, format = math.random, string.format
local json = { ["Content-Type"] = "application/json" }
local kept, last, added, turn = 20, 20, 0, 0

local plan = {}
for i = 1, 20 do plan[i] = "get" end
for i, what in pairs({ [2] = "list", [9] = "list", [16] = "list", [4] = "change", [11] = "change", [18] = "change",
                       [6] = "add", [13] = "remove" }) do
  plan[i] = what
end

-- Made once: wrk must be faster than what it measures.
local gets, changes, list = {}, {}, nil

local make = {}
function make.get() return gets[random(kept)] end
function make.list() return list end
function make.change() return changes[random(2 * kept)] end
function make.add()
  added = added + 1
  return wrk.format("POST", "/todos", json, format('{"title":"write \\"%d\\" letters"}', added))
end
function make.remove()
  if added <= BEHIND then return make.get() end
  return wrk.format("DELETE", "/todos/" .. last + added - BEHIND)
end

function init(args)
  kept, last = tonumber(args[1]), tonumber(args[2])
  list = wrk.format("GET", "/todos")
  for i = 1, kept do
    gets[i] = wrk.format("GET", "/todos/" .. i)
    changes[2 * i - 1] = wrk.format("PATCH", "/todos/" .. i, json, '{"done":true}')
    changes[2 * i] = wrk.format("PATCH", "/todos/" .. i, json, '{"done":false}')
  end
end

function request()
  turn = turn % 20 + 1
  return make[plan[turn]]()
end

function done(summary)
  local e = summary.errors
  io.write(format("\n%d %d %d\n", summary.requests, summary.duration,
                  e.connect + e.read + e.write + e.timeout + e.status))
end
