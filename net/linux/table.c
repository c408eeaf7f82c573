/* SPDX-License-Identifier: Apache-2.0 */
#include "net/linux/table.h"

#include <sys/mman.h>

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

int net_table_init(struct net_table *t, uint32_t conns_max)
{
    vk_assert(conns_max > 0 && conns_max < NET_CONNS_CAP);
    memset(t, 0, sizeof(*t));
    t->conns_len = conns_max + 1;
    t->ops_len = 2 * conns_max + OPS_EXTRA;
    t->conns_fresh = t->ops_fresh = 1;
    t->index_bits = bits_for(t->conns_len);
    uint32_t heads_bits = t->index_bits < HEADS_BITS_MAX ? t->index_bits : HEADS_BITS_MAX;
    t->hash_shift = 64 - heads_bits;

    size_t ops_bytes = VK_ALIGN_UP((size_t)t->ops_len * sizeof(struct net_op), 4096u);
    size_t conns_bytes = VK_ALIGN_UP((size_t)t->conns_len * sizeof(struct net_io_conn), 4096u);
    t->map_bytes = ops_bytes + conns_bytes + (sizeof(uint32_t) << heads_bits);
    t->map =
        mmap(NULL, t->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (t->map == MAP_FAILED) {
        memset(t, 0, sizeof(*t));
        return -VK_ENOMEM;
    }
    uint8_t *base = t->map;
    t->ops = (struct net_op *)(void *)base;
    t->conns = (struct net_io_conn *)(void *)(base + ops_bytes);
    t->heads = (uint32_t *)(void *)(base + ops_bytes + conns_bytes);
    return 0;
}

void net_table_fini(struct net_table *t)
{
    if (t->map != NULL)
        (void)munmap(t->map, t->map_bytes); /* fails only for a range that is no mapping */
    memset(t, 0, sizeof(*t));
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
