/* SPDX-License-Identifier: Apache-2.0 */
#include "net/io_table.h"

enum {
    HEADS_BITS_MAX = 13, /* 32 KiB: spread tags touch every page of it */
    OPS_EXTRA = 1024,    /* beyond a receive and a send for each connection */
};

static uint32_t bits_for(uint32_t count)
{
    uint32_t bits = 1;
    while (1u << bits < count)
        bits++;
    return bits;
}

static uint32_t ops_for(uint32_t conns_max)
{
    return 2 * conns_max + OPS_EXTRA;
}

static size_t ops_bytes(uint32_t conns_max)
{
    return VK_ALIGN_UP((size_t)ops_for(conns_max) * sizeof(struct net_op), 4096u);
}

static size_t conns_bytes(uint32_t conns_max)
{
    return VK_ALIGN_UP(((size_t)conns_max + 1) * sizeof(struct net_io_conn), 4096u);
}

static uint32_t heads_bits(uint32_t conns_max)
{
    uint32_t bits = bits_for(conns_max + 1);
    return bits < HEADS_BITS_MAX ? bits : HEADS_BITS_MAX;
}

VK_SELDOM size_t net_table_bytes(uint32_t conns_max)
{
    return ops_bytes(conns_max) + conns_bytes(conns_max) + (sizeof(uint32_t) << heads_bits(conns_max));
}

VK_SELDOM void net_table_init(struct net_table *t, uint32_t conns_max, void *memory)
{
    uint8_t *base = memory;
    vk_assert(conns_max > 0 && conns_max < NET_CONNS_CAP);
    memset(t, 0, sizeof(*t));
    t->conns_len = conns_max + 1;
    t->ops_len = ops_for(conns_max);
    t->conns_fresh = t->ops_fresh = 1;
    t->index_bits = bits_for(t->conns_len);
    t->hash_shift = 64 - heads_bits(conns_max);
    t->ops = (struct net_op *)(void *)base;
    t->conns = (struct net_io_conn *)(void *)(base + ops_bytes(conns_max));
    t->heads = (uint32_t *)(void *)(base + ops_bytes(conns_max) + conns_bytes(conns_max));
}

uint32_t net_io_conn_new(struct net_table *t, int fd, uint32_t flags)
{
    uint32_t index = t->conns_free;
    if (index != 0)
        t->conns_free = t->conns[index].in;
    else if (t->conns_fresh < t->conns_len)
        index = t->conns_fresh++;
    else
        return 0;
    struct net_io_conn *conn = &t->conns[index];
    uint32_t gen_max = (1u << (31 - t->index_bits)) - 1;
    gen_max = gen_max < UINT16_MAX ? gen_max : UINT16_MAX;
    uint16_t gen = (uint16_t)(conn->gen < gen_max ? conn->gen + 1 : 1);
    *conn = (struct net_io_conn){.fd = fd, .gen = gen, .flags = (uint16_t)(flags | NET_IO_CONN_LIVE)};
    t->conns_live++;
    return index;
}

void net_io_conn_free(struct net_table *t, uint32_t index)
{
    struct net_io_conn *conn = &t->conns[index];
    vk_assert(conn->out == 0 && conn->in == 0);
    conn->flags = 0;
    conn->fd = -1;
    conn->in = t->conns_free;
    t->conns_free = index;
    t->conns_live--;
}

static uint32_t find_outgoing(const struct net_table *t, uint64_t tag)
{
    for (uint32_t i = 1; i < t->conns_fresh; i++) {
        uint32_t last = t->conns[i].flags & NET_IO_CONN_LIVE ? t->conns[i].out : 0;
        uint32_t index = last;
        while (index != 0) {
            if (t->ops[index].tag == tag)
                return index;
            index = t->ops[index].next;
            if (index == last)
                break;
        }
    }
    return 0;
}

uint32_t net_op_find(const struct net_table *t, uint64_t tag)
{
    uint32_t index = t->heads[net_tag_hash(t, tag)];
    while (index != 0 && t->ops[index].tag != tag)
        index = t->ops[index].hash_next;
    return index != 0 ? index : find_outgoing(t, tag);
}

void net_out_remove(struct net_table *t, struct net_io_conn *conn, uint32_t index)
{
    uint32_t before = conn->out;
    while (t->ops[before].next != index)
        before = t->ops[before].next;
    if (before == index) {
        conn->out = 0;
        return;
    }
    t->ops[before].next = t->ops[index].next;
    if (conn->out == index)
        conn->out = before;
}

void net_done_push(struct net_table *t, uint32_t index, int32_t res)
{
    struct net_op *op = &t->ops[index];
    op->res = res;
    op->next = 0;
    op->state = NET_OP_DONE;
    if (t->done_first == 0)
        t->done_first = index;
    else
        t->ops[t->done_last].next = index;
    t->done_last = index;
}

uint32_t net_done_take(struct net_table *t, struct proc_io_event *events, uint32_t max)
{
    uint32_t count = 0;
    while (t->done_first != 0 && count < max) {
        uint32_t index = t->done_first;
        struct net_op *op = &t->ops[index];
        t->done_first = op->next;
        bool closes = op->code == PROC_IO_CLOSE;
        uint32_t conn = op->conn;
        net_op_finish(t, index, op->res, &events[count++]);
        if (closes && conn != 0)
            net_io_conn_free(t, conn);
    }
    return count;
}

void net_close_add(struct net_table *t, uint32_t conn_index, uint32_t op)
{
    struct net_io_conn *conn = &t->conns[conn_index];
    if (conn->close == 0) {
        conn->close = op;
        return;
    }
    struct net_op *first = &t->ops[conn->close];
    t->ops[op].conn = 0;
    if (first->state == NET_OP_DONE) {
        net_done_push(t, op, 0);
        return;
    }
    t->ops[op].next = first->next;
    first->next = op;
}

void net_close_done(struct net_table *t, uint32_t conn_index)
{
    uint32_t first = t->conns[conn_index].close;
    uint32_t index = t->ops[first].next;
    while (index != 0) {
        uint32_t next = t->ops[index].next;
        net_done_push(t, index, 0);
        index = next;
    }
    net_done_push(t, first, 0);
}

VK_SELDOM int net_table_check(const struct net_table *t, const struct proc_io_req *req, uint32_t *ret_conn)
{
    uint32_t index = net_io_conn_index(t, req->conn);
    if (index == 0)
        return -VK_EBADH;
    const struct net_io_conn *conn = &t->conns[index];
    bool hurries = req->code == PROC_IO_CLOSE && (req->flags & PROC_IO_ABORT);
    if (conn->close != 0 && !hurries)
        return -VK_EBADH;
    bool listens = conn->flags & NET_IO_CONN_LISTENS;
    int start = NET_IO_START_IN;
    bool fits = false;
    switch (req->code) {
    case PROC_IO_ACCEPT:
        fits = listens && conn->in == 0;
        break;
    case PROC_IO_RECV:
        fits = !listens && conn->in == 0;
        break;
    case PROC_IO_RECV_INTO:
        fits = !listens && conn->in == 0 && req->len > 0 && req->buf != NULL;
        break;
    case PROC_IO_SEND:
        start = NET_IO_START_OUT;
        fits = !listens && req->len > 0 && req->len <= INT32_MAX && req->buf != NULL;
        break;
    case PROC_IO_SHUTDOWN:
        start = NET_IO_START_OUT;
        fits = !listens;
        break;
    case PROC_IO_CONNECT:
        start = NET_IO_START_OUT;
        fits = !listens && conn->out == 0 && (conn->flags & NET_IO_CONN_OPENED);
        break;
    case PROC_IO_CLOSE:
        start = NET_IO_START_CLOSE;
        fits = true;
        break;
    default:
        break;
    }
    *ret_conn = index;
    return fits ? start : -VK_EINVAL;
}
