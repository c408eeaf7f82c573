/* SPDX-License-Identifier: Apache-2.0 */
#include "net/audit.h"

#include "net/conn.h"

static const char *audit_pipe(const struct net_pipe *pipe)
{
    if (pipe->out_len > pipe->out.cap_bytes || pipe->sending_len > pipe->sending.cap_bytes)
        return "a connection sends more than its buffer holds";
    if (pipe->in.buf.cap_bytes && pipe->in.len > pipe->in.buf.cap_bytes)
        return "a connection keeps more input than its buffer holds";
    if (!pipe->in.buf.cap_bytes && pipe->in.len)
        return "a connection keeps input that it has borrowed";
    return NULL;
}

static const char *audit_conn(const struct net_conn *c)
{
    if (c->stage == NET_STAGE_IDLE && c->process)
        return "a connection that serves no request has a process";
    if (c->is_serving)
        return "a connection is being served between two ticks";
    /* What nobody waits for, no timer ends and no process answers stays for ever. */
    if (!c->process && !c->is_crash_due && !c->pipe.is_closed && !vk_timer_is_armed(&c->timer.timer) &&
        !c->later.queued && c->pipe.sending_len == 0)
        return "a connection waits for nothing, and nothing will end it";
    return audit_pipe(&c->pipe);
}

const char *net_server_audit(const struct net_server *server)
{
    uint32_t conns = 0, busy = 0;
    for (uint32_t i = 0; i < server->conns_made; i++) {
        const struct net_conn *c = &server->conns[i];
        if (!c->is_used)
            continue;
        const char *why = audit_conn(c);
        if (why)
            return why;
        conns++;
        busy += c->process != NULL;
    }
    if (conns != server->counters.conns)
        return "connections are open that are not counted";
    if (busy > server->counters.busy)
        return "connections have processes that are not counted";
    if (conns > server->options.conns_max)
        return "more connections are open than may be";
    return NULL;
}
