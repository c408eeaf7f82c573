// SPDX-License-Identifier: Apache-2.0
// The todo service of examples/todo in Node. Usage: node todo.js PORT
'use strict';
const http = require('http');

const todos = new Map();
let last = 0;

function answer(res, status, value, headers) {
  const body = JSON.stringify(value);
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers });
  res.end(body);
}

const refuse = (res, status, what) => answer(res, status, { error: what });

function withBody(req, res, then) {
  const parts = [];
  req.on('data', (part) => parts.push(part));
  req.on('end', () => {
    let value;
    try {
      value = JSON.parse(Buffer.concat(parts).toString());
    } catch {
      return refuse(res, 400, 'no JSON');
    }
    if (value === null || typeof value !== 'object') return refuse(res, 400, 'no object');
    then(value);
  });
}

function list(res, query) {
  const limit = Number(new URLSearchParams(query).get('limit') ?? 20);
  if (!Number.isInteger(limit)) return refuse(res, 400, 'limit is no number');
  const out = [];
  for (const todo of todos.values()) {
    if (out.length >= limit) break;
    out.push(todo);
  }
  answer(res, 200, out);
}

const create = (req, res) => withBody(req, res, (value) => {
  if (typeof value.title !== 'string') return refuse(res, 400, 'title is missing');
  if (value.title === '') return refuse(res, 422, 'a todo needs a title');
  const todo = { id: ++last, title: value.title, done: false };
  todos.set(todo.id, todo);
  answer(res, 201, todo, { Location: `/todos/${todo.id}` });
});

const change = (req, res, todo) => withBody(req, res, (value) => {
  if (value.title !== undefined && typeof value.title !== 'string') return refuse(res, 400, 'title is no text');
  if (value.done !== undefined && typeof value.done !== 'boolean') return refuse(res, 400, 'done is no boolean');
  if (value.title !== undefined) todo.title = value.title;
  if (value.done !== undefined) todo.done = value.done;
  answer(res, 200, todo);
});

function one(req, res, id) {
  const todo = todos.get(id);
  if (!todo) return refuse(res, 404, 'no such todo');
  if (req.method === 'GET') return answer(res, 200, todo);
  if (req.method === 'PATCH') return change(req, res, todo);
  if (req.method === 'DELETE') {
    todos.delete(id);
    res.writeHead(204);
    return res.end();
  }
  refuse(res, 405, 'method');
}

const server = http.createServer((req, res) => {
  const [path, query] = req.url.split('?', 2);
  if (path === '/todos') {
    if (req.method === 'GET') return list(res, query);
    if (req.method === 'POST') return create(req, res);
    return refuse(res, 405, 'method');
  }
  const found = /^\/todos\/(\d+)$/.exec(path);
  if (!found) return refuse(res, 404, 'no such page');
  one(req, res, Number(found[1]));
});
server.keepAliveTimeout = 3600e3;
server.requestTimeout = server.headersTimeout = server.timeout = server.maxRequestsPerSocket = 0;
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
