-- SPDX-License-Identifier: Apache-2.0
-- The todo service of examples/todo in nginx with Lua. The todos live in the
-- worker's own memory, the fastest place there is, which only works because
-- there is one worker.
local cjson = require("cjson")
local match, tonumber = string.match, tonumber

local todos, order, last = {}, {}, 0

local function answer(status, value)
  ngx.status = status
  ngx.header.content_type = "application/json"
  local body = value and cjson.encode(value) or "[]" -- cjson takes an empty table for an object
  ngx.header.content_length = #body
  ngx.print(body)
end

local function refuse(status, what) answer(status, { error = what }) end

local function body_of()
  ngx.req.read_body()
  local good, value = pcall(cjson.decode, ngx.req.get_body_data() or "")
  if good and type(value) == "table" then return value end
end

local function add(title)
  last = last + 1
  local todo = { id = last, title = title, done = false }
  todos[last] = todo
  order[#order + 1] = last
  return todo
end

local function remove(id)
  todos[id] = nil
  for i = 1, #order do
    if order[i] == id then
      table.remove(order, i)
      return
    end
  end
end

local function list()
  local limit, out = tonumber(ngx.var.arg_limit or 20), {}
  if not limit then return refuse(400, "limit is no number") end
  for i = 1, math.min(limit, #order) do out[i] = todos[order[i]] end
  answer(200, #out > 0 and out)
end

local function create()
  local new = body_of()
  if not new or type(new.title) ~= "string" then return refuse(400, "title is missing") end
  if new.title == "" then return refuse(422, "a todo needs a title") end
  local todo = add(new.title)
  ngx.header.location = "/todos/" .. todo.id
  answer(201, todo)
end

local function change(todo)
  local what = body_of()
  if not what then return refuse(400, "no JSON") end
  if what.title ~= nil and type(what.title) ~= "string" then return refuse(400, "title is no text") end
  if what.done ~= nil and type(what.done) ~= "boolean" then return refuse(400, "done is no boolean") end
  if what.title ~= nil then todo.title = what.title end
  if what.done ~= nil then todo.done = what.done end
  answer(200, todo)
end

local function one(method, id)
  local todo = todos[id]
  if not todo then return refuse(404, "no such todo") end
  if method == "GET" then return answer(200, todo) end
  if method == "PATCH" then return change(todo) end
  if method == "DELETE" then
    remove(id)
    ngx.status = 204
    return
  end
  refuse(405, "method")
end

local M = {}

function M.serve()
  local method, path = ngx.req.get_method(), ngx.var.uri
  if path == "/todos" then
    if method == "GET" then return list() end
    if method == "POST" then return create() end
    return refuse(405, "method")
  end
  local id = match(path, "^/todos/(%d+)$")
  if not id then return refuse(404, "no such page") end
  one(method, tonumber(id))
end

return M
