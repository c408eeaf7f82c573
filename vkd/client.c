/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/client.h"

#include "compiler/arena.h"
#include "compiler/text.h"
#include "net/bind/test.h"
#include "net/chunk.h"
#include "vk/limits.h"

#include <stdlib.h>
#include <string.h>

enum framing {
    FRAMING_UNKNOWN, /* the head is not whole yet */
    FRAMING_NONE,    /* no body */
    FRAMING_LENGTH,
    FRAMING_CHUNKED,
    FRAMING_END, /* the body ends with the connection */
};

/* A request under way, until its answer was delivered. */
struct talk {
    struct vkd_client *client;
    struct proc_req *req;
    uint32_t conn;
    bool has_conn;
    struct vkc_text out; /* the request */
    size_t sent;
    struct vkc_text in; /* what came, without interim replies */
    size_t taken;       /* bytes of `in` that were made use of */
    enum framing framing;
    uint32_t status;
    size_t head_first, head_len; /* the fields, in `in` */
    uint64_t body_len;           /* LENGTH: of the whole */
    struct net_chunk chunk;
    struct vkc_text body;
    struct vkc_text answer; /* what the process gets */
    int res;
};

/* ---- the end of a talk ----------------------------------------------------------- */

static void hang_up(struct talk *t)
{
    if (t->has_conn)
        sim_client_close(t->client->sim, t->conn);
    t->has_conn = false;
}

static void drop(struct talk *t)
{
    hang_up(t);
    t->client->talks--;
    vkc_text_fini(&t->out);
    vkc_text_fini(&t->in);
    vkc_text_fini(&t->body);
    vkc_text_fini(&t->answer);
    free(t);
}

/* May be called from inside of wait, which then shall return. */
static void finish(struct talk *t, int res)
{
    hang_up(t);
    t->res = res;
    t->req->deliver = true;
    proc_req_finish(t->client->kernel, t->req, res);
    t->client->io->ops->wake(t->client->io);
}

/* "GET /path: why" */
static void fail(struct talk *t, const char *why)
{
    const char *end = t->out.len > 0 ? strstr(t->out.bytes, " HTTP/1.1\r\n") : NULL;
    size_t len = end != NULL ? (size_t)(end - t->out.bytes) : 0;
    vkc_text_clear(&t->answer);
    vkc_text_add(&t->answer, t->out.bytes, len < 100 ? len : 100);
    vkc_text_print(&t->answer, "%s: %s", len < 100 ? "" : "...", why);
    finish(t, -VK_ECLOSED);
}

static void succeed(struct talk *t)
{
    const struct net_bind_reply reply = {t->status, (uint32_t)t->head_len};
    vkc_text_add(&t->answer, (const char *)&reply, sizeof reply);
    vkc_text_add(&t->answer, t->in.bytes + t->head_first, t->head_len);
    if (t->body.len > 0)
        vkc_text_add(&t->answer, t->body.bytes, t->body.len);
    finish(t, 0);
}

/* ---- reading a reply ---------------------------------------------------------------- */

static struct vk_span rest_of(const struct talk *t)
{
    return t->in.bytes == NULL ? vk_span("", 0) : vk_span(t->in.bytes + t->taken, t->in.len - t->taken);
}

/* The value of a field of the head; false when it is not there. */
static bool find_field(const struct talk *t, struct vk_span wanted, struct vk_span *ret)
{
    struct vk_span head = vk_span(t->in.bytes + t->head_first, t->head_len);
    while (head.len > 0) {
        size_t end = vk_span_find(head, '\n'), colon = vk_span_find(head, ':');
        if (colon < end && vk_span_equal_nocase(vk_span(head.ptr, colon), wanted)) {
            *ret = vk_span_trim(vk_span(head.ptr + colon + 1, end - colon - 2)); /* a line ends with CR LF */
            return true;
        }
        head = vk_span_skip(head, end + 1);
    }
    return false;
}

/* NULL, or why the head is no good. */
static const char *choose_framing(struct talk *t)
{
    struct vk_span value;
    bool is_head = strncmp(t->out.bytes, "HEAD ", 5) == 0;
    t->framing = FRAMING_END;
    if (is_head || t->status == 204 || t->status == 304) {
        t->framing = FRAMING_NONE;
    } else if (find_field(t, VK_SPAN_LIT("transfer-encoding"), &value)) {
        if (!vk_span_equal_nocase(value, VK_SPAN_LIT("chunked")))
            return "the reply has a transfer coding other than chunked";
        t->framing = FRAMING_CHUNKED;
    } else if (find_field(t, VK_SPAN_LIT("content-length"), &value)) {
        if (vk_span_to_u64(value, &t->body_len) != 0)
            return "the reply's content-length is no number";
        t->framing = FRAMING_LENGTH;
    }
    return NULL;
}

/* The first line: "HTTP/1.1 200 OK" */
static bool read_status(struct talk *t, struct vk_span line)
{
    uint64_t status;
    const struct vk_span version = VK_SPAN_LIT("HTTP/1.1 ");
    if (!vk_span_starts_with(line, version) || line.len < version.len + 3)
        return false;
    if (vk_span_to_u64(vk_span(line.ptr + version.len, 3), &status) != 0 || status < 100)
        return false;
    t->status = (uint32_t)status;
    return line.len == version.len + 3 || line.ptr[version.len + 3] == ' ';
}

/* Where the text is for the first time; the length of what is searched: nowhere. */
static size_t find_text(struct vk_span in, struct vk_span what)
{
    size_t at = 0;
    while (at < in.len && !vk_span_starts_with(vk_span_skip(in, at), what))
        at++;
    return at;
}

/* The head, once it is whole. NULL, or why it is no good. */
static const char *read_head(struct talk *t)
{
    struct vk_span rest = rest_of(t);
    size_t end = find_text(rest, VK_SPAN_LIT("\r\n\r\n")), line = find_text(rest, VK_SPAN_LIT("\r\n"));
    if (end == rest.len)
        return rest.len > VKD_TRIAL_HEAD_MAX_BYTES ? "the head of the reply is larger than 64 KiB" : NULL;
    if (!read_status(t, vk_span(rest.ptr, line)))
        return "what came back is no HTTP/1.1 reply";
    t->head_first = t->taken + line + 2;
    t->taken += end + 4;
    t->head_len = t->taken - 2 - t->head_first;
    return t->status < 200 ? read_head(t) : choose_framing(t);
}

static bool read_chunks(struct talk *t, const char **ret_why)
{
    struct vk_span in = rest_of(t), data;
    int rc;
    while ((rc = net_chunk_next(&t->chunk, &in, &data)) == 0 && data.len > 0)
        vkc_text_add(&t->body, (const char *)data.ptr, data.len);
    t->taken = t->in.len - in.len;
    if (rc != 0 && rc != -VK_EAGAIN)
        *ret_why = "the chunks of the reply's body are malformed";
    return rc == 0;
}

/* Whether the body is whole. */
static bool read_body(struct talk *t, bool is_end, const char **ret_why)
{
    struct vk_span rest = rest_of(t);
    uint64_t left = t->body_len - t->body.len;
    switch (t->framing) {
    case FRAMING_NONE:
        return true;
    case FRAMING_CHUNKED:
        return read_chunks(t, ret_why);
    case FRAMING_LENGTH:
        rest.len = rest.len < left ? rest.len : (size_t)left;
        break;
    default:
        break;
    }
    if (rest.len > 0)
        vkc_text_add(&t->body, (const char *)rest.ptr, rest.len);
    t->taken += rest.len;
    return t->framing == FRAMING_END ? is_end : t->body.len == t->body_len;
}

static void read_reply(struct talk *t, bool is_end)
{
    const char *why = t->framing == FRAMING_UNKNOWN ? read_head(t) : NULL;
    if (why == NULL && t->framing != FRAMING_UNKNOWN && read_body(t, is_end, &why)) {
        succeed(t);
        return;
    }
    if (why == NULL && t->body.len > VKD_TRIAL_REPLY_MAX_BYTES)
        why = "its reply is larger than 4 MiB, the most that a test takes";
    if (why == NULL && is_end)
        why = t->in.len == 0 ? "the connection was closed without a reply"
                             : "the connection was closed before its reply was whole";
    if (why != NULL)
        fail(t, why);
}

/* ---- the connection --------------------------------------------------------------------- */

static void send_more(struct talk *t)
{
    size_t len = 0;
    while (t->sent < t->out.len &&
           sim_client_send(t->client->sim, t->conn, t->out.bytes + t->sent, t->out.len - t->sent, &len) ==
               0 &&
           len > 0)
        t->sent += len;
}

static void receive(struct talk *t)
{
    char piece[4096];
    size_t len;
    int rc;
    while ((rc = sim_client_recv(t->client->sim, t->conn, piece, sizeof piece, &len)) == 0)
        vkc_text_add(&t->in, piece, len);
    read_reply(t, rc != -VK_EAGAIN);
}

static void on_event(void *ctx, struct sim *sim, uint32_t conn, enum sim_client_event event)
{
    struct talk *t = ctx;
    (void)sim, (void)conn;
    switch (event) {
    case SIM_CLIENT_REFUSED:
        t->has_conn = false;
        fail(t, "the connection was refused");
        return;
    case SIM_CLIENT_READABLE:
        receive(t);
        return;
    default:
        send_more(t);
    }
}

/* ---- the handle ---------------------------------------------------------------------------- */

/* NULL, or why the request cannot be sent. */
static const char *connect_to(struct talk *t, uint64_t port)
{
    const struct vkd_client *c = t->client;
    uint32_t block = 0;
    while (port != 0 && block < c->blocks_count && c->ports[block] != port)
        block++;
    if (c->talks > VKD_TRIAL_REQUESTS_MAX)
        return "more than 1,000 requests at once";
    if (c->blocks_count == 0)
        return "the program has no `http` block";
    if (block == c->blocks_count)
        return "no `http` block of the program is on that port";
    if (sim_client_connect(c->sim, &c->addrs[block], on_event, t, &t->conn) != 0)
        return "the simulated network has no room for one more connection";
    t->has_conn = true;
    return NULL;
}

static void cancel(struct proc_kernel *kernel, struct proc_req *req)
{
    (void)kernel;
    drop(req->object);
}

static int deliver(struct proc_kernel *kernel, struct proc_req *req, uint8_t *bytes)
{
    struct talk *t = req->object;
    int rc;
    (void)bytes;
    uint8_t *dst = proc_land(kernel, req, (uint32_t)t->answer.len, &rc);
    if (dst == NULL && rc == PROC_NO_ROOM)
        return rc;
    if (dst != NULL) {
        memcpy(dst, t->answer.bytes, t->answer.len);
        req->done.len = (uint32_t)t->answer.len;
        rc = t->res;
    }
    drop(t);
    return rc;
}

static int begin(struct proc_kernel *kernel, struct proc_process *process, void *object,
                 const struct proc_op *op, uint8_t *bytes, struct proc_done *done);

static void release(struct proc_kernel *kernel, void *object, struct proc_process *process)
{
    (void)kernel, (void)object, (void)process; /* the client outlives every process */
}

static const struct proc_kind kind_client = {
    .name = "client", .lands = true, .op = begin, .cancel = cancel, .deliver = deliver, .release = release};

static int begin(struct proc_kernel *kernel, struct proc_process *process, void *object,
                 const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    struct vkd_client *c = object;
    (void)done;
    if (op->code != PROC_OP_CALL || !(op->flags & PROC_OP_LAND))
        return -VK_ENOTSUP;
    struct talk *t = vkc_grow(NULL, sizeof *t);
    *t = (struct talk){.client = c};
    t->req = proc_req_begin(kernel, process, &kind_client, t, op);
    c->talks++;
    if (t->req == NULL) {
        drop(t);
        return -VK_EOVERFLOW;
    }
    vkc_text_add(&t->out, (const char *)bytes, op->len);
    const char *why = connect_to(t, op->arg);
    if (why != NULL)
        fail(t, why);
    return PROC_PENDING;
}

struct proc_object vkd_client_object(struct vkd_client *client)
{
    return (struct proc_object){&kind_client, client};
}
