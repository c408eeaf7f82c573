// SPDX-License-Identifier: Apache-2.0
// The programs of this folder in JavaScript.
// Usage: node peers.js NAME RUNS; prints CPU milliseconds of each run, then what came out.
'use strict';
const B = {};

B.fib = () => {
  function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
  return fib(32);
};

B.nbody = () => {
  const DAYS = 365.24;
  const body = (x, y, z, vx, vy, vz, mass) =>
    ({ x, y, z, vx: vx * DAYS, vy: vy * DAYS, vz: vz * DAYS, mass: mass * (4 * Math.PI * Math.PI) });
  const bodies = [
    body(0, 0, 0, 0, 0, 0, 1),
    body(4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
      1.66007664274403694e-03, 7.69901118419740425e-03, -6.90460016972063023e-05, 9.54791938424326609e-04),
    body(8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
      -2.76742510726411051e-03, 4.99852801234917238e-03, 2.30417297573763929e-05, 2.85885980666130812e-04),
    body(1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
      2.96460137564761618e-03, 2.37847173959480950e-03, -2.96589568540237556e-05, 4.36624404335156298e-05),
    body(1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
      2.68067772490389322e-03, 1.62824170038242295e-03, -9.51592254519715870e-05, 5.15138902046611451e-05)];
  function advance(dt) {
    for (let i = 0; i < bodies.length; i++) {
      const a = bodies[i], ax = a.x, ay = a.y, az = a.z, mass = a.mass;
      let vx = a.vx, vy = a.vy, vz = a.vz;
      for (let j = i + 1; j < bodies.length; j++) {
        const b = bodies[j], dx = ax - b.x, dy = ay - b.y, dz = az - b.z;
        const d2 = dx * dx + dy * dy + dz * dz, mag = dt / (d2 * Math.sqrt(d2));
        const toA = b.mass * mag, toB = mass * mag;
        vx -= dx * toA; vy -= dy * toA; vz -= dz * toA;
        b.vx += dx * toB; b.vy += dy * toB; b.vz += dz * toB;
      }
      a.vx = vx; a.vy = vy; a.vz = vz;
      a.x = ax + dt * vx; a.y = ay + dt * vy; a.z = az + dt * vz;
    }
  }
  for (let i = 0; i < 200000; i++) advance(0.01);
  return bodies[0].x;
};

B.list = () => {
  let sum = 0;
  for (let k = 0; k < 100; k++) {
    const t = [];
    for (let i = 0; i < 100000; i++) t.push(i);
    for (const n of t) sum += n;
  }
  return sum;
};

B.strcat = () => {
  const t = [];
  for (let i = 1; i <= 1000000; i++) t.push(`item${i % 1000};`);
  return t.join('').length;
};

B.mapint = () => {
  const t = new Map();
  let sum = 0;
  for (let i = 1; i <= 1000000; i++) t.set(i * 2654435761 % 4294967296, i);
  for (let i = 1; i <= 1000000; i++) sum += t.get(i * 2654435761 % 4294967296);
  return sum;
};

B.mapstr = () => {
  const t = new Map();
  let sum = 0;
  for (let i = 1; i <= 1000000; i++) t.set(`k${i % 100000}`, i);
  for (let i = 1; i <= 1000000; i++) sum += t.get(`k${i % 100000}`);
  return sum;
};

const users = () => {
  const out = [];
  for (let i = 1; i <= 100; i++)
    out.push({ id: i, name: `user "${i}"`, tags: ['a', 'b', 'c'], active: i % 2 === 0, score: i * 3 });
  return out;
};

B.encode = () => {
  const data = users();
  let len = 0;
  for (let i = 0; i < 300; i++) len += JSON.stringify(data).length;
  return len;
};

B.decode = () => {
  const s = JSON.stringify(users());
  let sum = 0;
  for (let i = 0; i < 300; i++)
    for (const u of JSON.parse(s)) sum += u.id + u.score + u.name.length + u.tags.length + (u.active ? 1 : 0);
  return sum;
};

B.switch = () => {
  function* count(turns) { for (let i = 0; i < turns; i++) yield; return turns; }
  const a = count(2500000), b = count(2500000);
  for (;;) {
    const x = a.next(), y = b.next();
    if (x.done && y.done) return (x.value + y.value) * 2; // each turn is two switches
  }
};

B.spawn = () => {
  function* one(n) { return n; }
  let sum = 0;
  for (let i = 0; i < 1000000; i++) sum += one(i).next().value;
  return sum;
};

B.processes = () => {
  function* job(n) { const more = yield; return n + more; }
  let sum = 0;
  for (let k = 0; k < 4; k++) {
    const jobs = [];
    for (let i = 0; i < 25000; i++) {
      const j = job(i);
      j.next();
      jobs.push(j);
    }
    for (const j of jobs) sum += j.next(1).value;
  }
  return sum;
};

const [name, runs] = [process.argv[2], Number(process.argv[3])];
let result;
for (let run = 0; run < runs; run++) {
  const before = process.cpuUsage();
  result = B[name]();
  const used = process.cpuUsage(before);
  process.stdout.write(`${((used.user + used.system) / 1000).toFixed(2)} `);
}
process.stdout.write(`= ${result}\n`);
