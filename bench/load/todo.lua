-- SPDX-License-Identifier: Apache-2.0
-- wrk's part of the todo benchmark: of twenty requests twelve read one todo,
-- three read the list, three change one, one adds one, and one removes what was
-- added a while ago. Todos 1 to KEPT stay.
-- Usage: wrk -t1 -cCONNECTIONS ... -s todo.lua URL -- KEPT LAST CONNECTIONS
--   LAST  the id given last: todos that are added get the next ones
require("report")
local behind -- additions; more than there are connections: what is removed has been added by then
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
  if added <= behind then return make.get() end
  return wrk.format("DELETE", "/todos/" .. last + added - behind)
end

function init(args)
  kept, last, behind = tonumber(args[1]), tonumber(args[2]), tonumber(args[3]) + 8
  for name, value in pairs(wrk.headers) do json[name] = value end
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
