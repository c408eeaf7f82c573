-- SPDX-License-Identifier: Apache-2.0
-- wrk: one line that a program can read at the end of a run (bench/wrk.py). Times in microseconds.
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT requests=%d us=%d connect=%d read=%d write=%d status=%d timeout=%d p50=%d p99=%d p9999=%d\n",
    summary.requests, summary.duration, e.connect, e.read, e.write, e.status, e.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.99)))
end
