// SPDX-License-Identifier: Apache-2.0
// Goal: our parser and Node's llhttp (strict, no leniency) accept the same
// heads and read them alike, but for the differences explained below. Method:
// the samples of the unit tests, and mutations of those we accept, drawn from
// a fixed seed, go through both. A difference without an explanation fails;
// so does an explanation that explains nothing.
'use strict';
const { spawnSync } = require('child_process');
process.noDeprecation = true;
const { HTTPParser } = process.binding('http_parser');

const heads = process.argv[2];
const MUTATIONS_PER_HEAD = 10;

// Where we refuse and llhttp accepts. `when` sees our status and the head as Latin-1 text.
const line = (name, value) => new RegExp(`\\r\\n${name}:[ \\t]*${value}[ \\t]*\\r\\n`, 'i');
const target = text => text.split('\r\n')[0].split(' ')[1] ?? '';
const count = (text, name) => (text.match(new RegExp(`\\r\\n${name}:`, 'gi')) ?? []).length;
const WE_REFUSE = [
  ['417: expectations other than 100-continue are the business of the server above llhttp',
    (text, status) => status === 417],
  ['501: codings before chunked are passed on by llhttp, and decoded by nobody here',
    (text, status) => status === 501],
  ['a 1.1 head needs a Host (RFC 9112, 3.2): Node checks it above llhttp',
    text => /^[^\r]* HTTP\/1\.1\r\n/.test(text) && count(text, 'host') === 0],
  ['more than one Host (RFC 9112, 3.2): Node joins them above llhttp', text => count(text, 'host') > 1],
  ['an invalid Host (RFC 9112, 3.2) is nothing llhttp looks into',
    text => !line('host', "([a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})*(:\\d{0,5})?").test(text) &&
      !line('host', '\\[(?=[^\\]]*:[^\\]]*:)[0-9a-f:.]{2,45}\\](:\\d{0,5})?').test(text)],
  ['a port beyond 65535 in Host', text => line('host', '[^\\r]*:(6553[6-9]|655[4-9]\\d|65[6-9]\\d\\d|6[6-9]\\d{3}|[7-9]\\d{4})').test(text)],
  ['a body whose chunked coding is not last has no known end (RFC 9112, 6.3): llhttp reads it to the end of ' +
    'input when it is another coding',
    text => count(text, 'transfer-encoding') === 1 && count(text, 'content-length') === 0 &&
      !line('transfer-encoding', '([^\\r]*,)?[ \\t]*chunked').test(text)],
  ['empty elements in the list of codings, or a list on several lines: refused, as nobody sends them honestly',
    text => /\r\ntransfer-encoding:([^\r]*,)?[ \t]*,/i.test(text) ||
      (count(text, 'transfer-encoding') > 1 && count(text, 'content-length') === 0)],
  ['a request line without a version is HTTP/0.9, which nobody means any more',
    text => !/^[^\r]* HTTP\/\d\.\d\r\n/.test(text) && count(text, 'transfer-encoding') === 0],
  ['505: versions besides 1.x are known to llhttp, not spoken here', (text, status) => status === 505],
  ['exactly one space stands before the version (RFC 9112, 3): llhttp takes more',
    text => /^[^\r ]+ [^\r ]+ {2,}HTTP\/1/.test(text)],
  ['a length above 2^63 - 1 fits llhttp\'s 64 bits', text => line('content-length', '\\d{19,20}').test(text)],
  ['target characters that neither RFC 3986 nor browsers have', text => /["<>#\\{}^`]|[^!-~]/.test(target(text))],
  ['a path with a malformed percent-encoding', text => /^[^?]*%(?![0-9a-f]{2})/i.test(target(text))],
  ['absolute-form with another scheme than http, without a host, with user information or a bad port',
    text => /^[a-z]+:/i.test(target(text))],
  ['a target that has none of the four forms (RFC 9112, 3.2), or that of another method',
    text => !/^\/|^https?:\/\//i.test(target(text)) || /^CONNECT /.test(text)],
];

// Where we accept and llhttp refuses.
const WE_ACCEPT = [
  ['a method llhttp does not know: we answer 501 in the router, as any token is valid (RFC 9110, 9.1)',
    text => !/^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|M-SEARCH) /.test(text)],
  ['HTTP/1.2 to 1.9 are to be treated as 1.1 (RFC 9110, 2.5)', text => /^[^\r]* HTTP\/1\.[2-9]\r\n/.test(text)],
  ['white space around a value may be HTAB (RFC 9110, 5.5): llhttp takes one after "chunked" for part of it',
    text => /\r\ntransfer-encoding:[ \t]*chunked *\t[ \t]*\r\n/i.test(text)],
];

function llhttp(bytes) {
  const parser = new HTTPParser();
  const seen = { complete: false, fields: [] };
  const pairs = list => {
    for (let i = 0; i < list.length; i += 2) seen.fields.push([list[i], list[i + 1]]);
  };
  parser.initialize(HTTPParser.REQUEST, {}, 65536, HTTPParser.kLenientNone);
  parser[HTTPParser.kOnHeaders | 0] = (fields, url) => { pairs(fields); seen.url = url; };
  parser[HTTPParser.kOnHeadersComplete | 0] = (major, minor, fields, method, url, status, message, upgrade, keep) => {
    pairs(fields ?? []);
    Object.assign(seen, { complete: true, minor, keep, url: seen.url || url });
    return 0;
  };
  const result = parser.execute(bytes);
  parser.close();
  const failed = result instanceof Error;
  return { ...seen, accepted: seen.complete && !failed, why: failed ? result.code : 'incomplete' };
}

function ours(all) {
  const input = all.map(bytes => bytes.toString('hex')).join('\n') + '\n';
  const run = spawnSync(heads, [], { input, maxBuffer: 1 << 28 });
  const lines = run.stdout.toString().trimEnd().split('\n');
  if (run.status !== 0 || lines.length !== all.length) throw new Error(`${heads} failed`);
  const unhex = text => Buffer.from(text, 'hex').toString('latin1');
  return lines.map(text => {
    const [status, minor, keep, url, ...fields] = text.split(' ');
    if (status !== '0') return { accepted: false, status: +status };
    const pairs = fields.map(field => field.split(':').map(unhex));
    return { accepted: true, status: 0, minor: +minor, keep: keep === '1', url: unhex(url), fields: pairs };
  });
}

// xorshift32: the same mutations in every run.
let state = 2463534242;
function random(bound) {
  state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
  return (state >>> 0) % bound;
}

const BYTES = ['\0', '\t', '\n', '\r', ' ', ' ', ',', ':', ':', ';', '"', '/', '0', '1', 'a', 'A', '\x7f', '\x80',
  '\r\n', '\r\n ', '\n\n', ' :', '\r\nContent-Length: 1', '\r\nTransfer-Encoding: chunked', '\r\nHost: b'];
function mutate(text) {
  const at = random(text.length);
  const piece = BYTES[random(BYTES.length)];
  switch (random(4)) {
    case 0: return text.slice(0, at) + piece + text.slice(at);
    case 1: return text.slice(0, at) + piece + text.slice(at + 1);
    case 2: return text.slice(0, at) + text.slice(at + 1);
    default: return text.slice(0, at) + text[at] + text.slice(at);
  }
}

// Both sides look at one head, so what follows the first empty line is cut off.
function cut(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  return end < 0 ? bytes : bytes.subarray(0, end + 4);
}

function cases() {
  const run = spawnSync(heads, ['samples'], { maxBuffer: 1 << 26 });
  const table = run.stdout.toString().trim().split('\n').map(text => Buffer.from(text, 'hex'));
  const good = table.filter((bytes, i) => ours(table)[i].accepted);
  const mutated = good.flatMap(bytes => Array.from({ length: MUTATIONS_PER_HEAD },
    () => Buffer.from(mutate(bytes.toString('latin1')), 'latin1')));
  const unique = new Map([...table, ...mutated].map(bytes => [cut(bytes).toString('latin1'), cut(bytes)]));
  return [...unique.values()];
}

// What of a head that both accept they read otherwise; null: nothing.
function differsInReading(a, b) {
  if (a.minor !== Math.min(b.minor, 1)) return 'minor';
  if (a.url !== b.url) return 'target';
  if (JSON.stringify(a.fields) !== JSON.stringify(b.fields)) return 'fields';
  if (a.keep !== b.keep) return 'persistence';
  return null;
}

function main() {
  const all = cases();
  const mine = ours(all);
  const used = new Map();
  let accepted = 0, refused = 0, failures = 0;
  all.forEach((bytes, i) => {
    const text = bytes.toString('latin1');
    const theirs = llhttp(bytes);
    let rules = null, what = null;
    if (mine[i].accepted && theirs.accepted) {
      what = differsInReading(mine[i], theirs);
      rules = []; // there is no good reason for that
      accepted += what === null;
    } else if (mine[i].accepted !== theirs.accepted) {
      what = mine[i].accepted ? `llhttp refuses: ${theirs.why}` : `we refuse: ${mine[i].status}`;
      rules = mine[i].accepted ? WE_ACCEPT : WE_REFUSE;
    } else {
      refused++;
    }
    if (what === null) return;
    const rule = rules.find(([, when]) => when(text, mine[i].status));
    if (rule) {
      used.set(rule[0], (used.get(rule[0]) ?? 0) + 1);
      return;
    }
    failures++;
    console.log(`not explained (${what}): ${JSON.stringify(text)}`);
  });
  for (const [why] of [...WE_REFUSE, ...WE_ACCEPT]) {
    if (!used.has(why)) { failures++; console.log(`explains nothing: ${why}`); }
  }
  console.log(`${all.length} heads: ${accepted} accepted alike, ${refused} refused by both, differences explained:`);
  for (const [why, times] of used) console.log(`  ${times} ${why}`);
  process.exit(failures ? 1 : 0);
}

main();
