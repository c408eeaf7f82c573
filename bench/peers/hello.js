// SPDX-License-Identifier: Apache-2.0
// The same service with Node's http. A connection may be idle for an hour; all other limits are Node's own.
'use strict';
const big = Buffer.alloc(1 << 20, 'b');

function send(response, type, body) {
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function upload(request, response) {
  let count = 0;
  request.on('data', (piece) => { count += piece.length; });
  request.on('end', () => send(response, 'text/plain', String(count)));
}

const server = require('http').createServer((request, response) => {
  switch (request.url) {
    case '/': return send(response, 'text/plain', 'Hello, World!');
    case '/json': return send(response, 'application/json', JSON.stringify({ message: 'Hello, World!' }));
    case '/big': return send(response, 'application/octet-stream', big);
    case '/up': return upload(request, response);
    case '/wait': return setTimeout(send, 1, response, 'text/plain', 'waited');
    default: response.writeHead(404).end();
  }
});
server.keepAliveTimeout = 3600e3;
server.listen({ port: +process.argv[2], host: '127.0.0.1', backlog: 4096 });
