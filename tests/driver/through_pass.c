/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pass-through process. Each request is an op on the real handle and a
 * REPLY with its result. A REPLY that comes too late is refused: what it would
 * have brought, bytes or a connection, is kept for the next that asks.
 */
#include "tests/driver/through.h"

enum { ASK_RECV, ASK_JOB, ASK_OFFER, ASK_NOTHING };

#define USER 2u /* its handle */

static void start(struct through_pass *p, struct proc_self *self, uint32_t index);

static uint32_t real_new(struct through_pass *p, uint32_t handle)
{
    for (uint32_t i = 0; i < THROUGH_CONNS; i++) {
        struct pass_real *r = &p->reals[i];
        if (r->is_used)
            continue;
        memset(r, 0, offsetof(struct pass_real, left));
        r->is_used = true;
        r->handle = handle;
        r->in_job = THROUGH_NONE;
        return i;
    }
    return THROUGH_NONE;
}

static void close_handle(struct through_pass *p, uint32_t handle)
{
    through_ask(&p->queue, (struct proc_op){.code = PROC_OP_CLOSE,
                                            .flags = PROC_OP_SILENT,
                                            .handle = handle,
                                            .tag = through_tag(ASK_NOTHING, 0)});
}

/* ---- jobs ---------------------------------------------------------------------------- */

/* READs and ACCEPTs of one object are carried out one after the other, since one may leave something. */
static bool is_in(const struct pass_job *job)
{
    return job->request.code == PROC_OP_READ || job->request.code == PROC_OP_ACCEPT;
}

static void start_parked(struct through_pass *p, struct proc_self *self, uint32_t real)
{
    uint32_t best = THROUGH_NONE;
    for (uint32_t i = 0; i < THROUGH_OPS; i++) {
        const struct pass_job *job = &p->jobs[i];
        if (job->state != PASS_PARKED || job->real != real)
            continue;
        if (best == THROUGH_NONE || job->serial - p->jobs[best].serial > UINT32_MAX / 2)
            best = i;
    }
    if (best == THROUGH_NONE)
        return;
    p->reals[real].parked--;
    start(p, self, best);
}

static void end(struct through_pass *p, struct proc_self *self, uint32_t index)
{
    struct pass_job *job = &p->jobs[index];
    struct pass_real *r = &p->reals[job->real];
    if (job->state == PASS_PARKED)
        r->parked--;
    job->state = PASS_FREE;
    if (--r->jobs == 0 && r->is_closing)
        r->is_used = false;
    if (r->in_job != index)
        return;
    r->in_job = THROUGH_NONE;
    if (r->parked > 0)
        start_parked(p, self, job->real);
}

static void reply(struct through_pass *p, uint32_t index, int32_t res)
{
    struct pass_job *job = &p->jobs[index];
    job->state = PASS_REPLYING;
    through_ask(&p->queue, (struct proc_op){.code = PROC_OP_REPLY,
                                            .flags = PROC_SEND_MOVE,
                                            .handle = job->handle,
                                            .off = through_area(index),
                                            .len = job->len,
                                            .arg = (uint64_t)(uint32_t)res << 32 | job->req,
                                            .tag = through_tag(ASK_JOB, index)});
}

/* From what an earlier one left. */
static bool start_from_left(struct through_pass *p, struct proc_self *self, uint32_t index)
{
    struct pass_job *job = &p->jobs[index];
    struct pass_real *r = &p->reals[job->real];
    if (job->request.code == PROC_OP_READ && r->left_len > 0) {
        job->len = r->left_len < job->request.len ? r->left_len : job->request.len;
        memcpy(proc_at(self, through_area(index)), r->left, job->len);
        r->left_len -= job->len;
        memmove(r->left, r->left + job->len, r->left_len);
    } else if (job->request.code == PROC_OP_ACCEPT && r->line_count > 0) {
        job->handle = r->line[0];
        memmove(r->line, r->line + 1, --r->line_count * sizeof r->line[0]);
    } else {
        return false;
    }
    reply(p, index, 0);
    return true;
}

static void start(struct through_pass *p, struct proc_self *self, uint32_t index)
{
    struct pass_job *job = &p->jobs[index];
    struct pass_real *r = &p->reals[job->real];
    if (is_in(job)) {
        if (r->in_job != THROUGH_NONE) {
            job->state = PASS_PARKED;
            r->parked++;
            return;
        }
        r->in_job = index;
        if (start_from_left(p, self, index))
            return;
    }
    job->state = PASS_ASKED;
    through_ask(&p->queue, (struct proc_op){.code = job->request.code,
                                            .flags = job->request.flags,
                                            .handle = r->handle,
                                            .off = through_area(index),
                                            .len = job->request.len,
                                            .arg = job->request.arg,
                                            .tag = through_tag(ASK_JOB, index)});
}

/* Nobody waits for the answer any more. */
static void keep(struct through_pass *p, struct proc_self *self, uint32_t index)
{
    struct pass_job *job = &p->jobs[index];
    struct pass_real *r = &p->reals[job->real];
    if (job->request.code == PROC_OP_READ) {
        vk_assert(r->left_len + job->len <= sizeof r->left);
        memmove(r->left + job->len, r->left, r->left_len);
        memcpy(r->left, proc_at(self, through_area(index)), job->len);
        r->left_len += job->len;
    } else if (job->handle && job->request.code == PROC_OP_ACCEPT && !r->is_closing) {
        vk_assert(r->line_count < VK_COUNT(r->line));
        memmove(r->line + 1, r->line, r->line_count++ * sizeof r->line[0]);
        r->line[0] = job->handle;
    } else if (job->handle) {
        close_handle(p, job->handle);
    }
}

static void on_asked(struct through_pass *p, uint32_t index, const struct proc_done *done)
{
    struct pass_job *job = &p->jobs[index];
    job->len = done->res == 0 ? done->len : 0;
    if (done->res < 0 || !done->handle) {
        reply(p, index, done->res);
        return;
    }
    job->state = PASS_SERVING;
    through_ask(&p->queue, (struct proc_op){.code = PROC_OP_SERVE,
                                            .arg = real_new(p, done->handle),
                                            .tag = through_tag(ASK_JOB, index)});
}

static void on_job(struct through_pass *p, struct proc_self *self, uint32_t index,
                   const struct proc_done *done)
{
    struct pass_job *job = &p->jobs[index];
    if (job->state == PASS_ASKED) {
        on_asked(p, index, done);
    } else if (job->state == PASS_SERVING) {
        vk_assert(done->res == 0);
        job->handle = done->handle;
        reply(p, index, 0);
    } else {
        vk_assert(job->state == PASS_REPLYING && (done->res == 0 || done->res == -VK_ENOENT));
        if (done->res)
            keep(p, self, index);
        end(p, self, index);
    }
}

/* ---- messages --------------------------------------------------------------------------- */

static void on_cancel(struct through_pass *p, struct proc_self *self, uint32_t req)
{
    for (uint32_t i = 0; i < THROUGH_OPS; i++) {
        struct pass_job *job = &p->jobs[i];
        if (job->state == PASS_FREE || job->req != req)
            continue;
        if (job->state == PASS_PARKED)
            end(p, self, i);
        else if (job->state == PASS_ASKED)
            through_ask(&p->queue, (struct proc_op){.code = PROC_OP_CANCEL,
                                                    .flags = PROC_OP_SILENT,
                                                    .arg = through_tag(ASK_JOB, i),
                                                    .tag = through_tag(ASK_NOTHING, 0)});
        return;
    }
}

static void on_close(struct through_pass *p, uint32_t real)
{
    struct pass_real *r = &p->reals[real];
    vk_assert(r->is_used && !r->is_closing);
    r->is_closing = true;
    close_handle(p, r->handle);
    while (r->line_count > 0)
        close_handle(p, r->line[--r->line_count]);
    if (r->jobs == 0)
        r->is_used = false;
}

static void on_message(struct through_pass *p, struct proc_self *self, const struct proc_done *done)
{
    struct proc_request request;
    const uint8_t *message = proc_at(self, THROUGH_MESSAGE_AT);
    vk_assert(done->res == 0 && (done->flags & PROC_DONE_OP) && done->len >= sizeof request);
    memcpy(&request, message, sizeof request);
    if (request.code == PROC_OP_CANCEL) {
        on_cancel(p, self, (uint32_t)request.arg);
        return;
    }
    if (request.code == PROC_OP_CLOSE) {
        on_close(p, (uint32_t)request.badge);
        return;
    }
    uint32_t index = 0;
    while (p->jobs[index].state != PASS_FREE)
        index++;
    vk_assert(index < THROUGH_OPS);
    p->jobs[index] = (struct pass_job){.request = request,
                                       .req = (uint32_t)done->arg,
                                       .real = (uint32_t)request.badge,
                                       .serial = ++p->serials};
    p->reals[request.badge].jobs++;
    memcpy(proc_at(self, through_area(index)), message + sizeof request, done->len - sizeof request);
    start(p, self, index);
}

/* ---- the program ---------------------------------------------------------------------------- */

static void take_offers(struct through_pass *p)
{
    for (uint32_t i = 0; i < p->offers_count; i++) {
        uint32_t real = real_new(p, p->offers[i].handle);
        p->words[real] = p->offers[i].word;
        through_ask(&p->queue, (struct proc_op){
                                   .code = PROC_OP_SERVE, .arg = real, .tag = through_tag(ASK_OFFER, real)});
    }
    p->offers_count = 0;
}

static void on_offer_served(struct through_pass *p, uint32_t real, const struct proc_done *done)
{
    vk_assert(done->res == 0);
    through_ask(&p->queue, (struct proc_op){.code = PROC_OP_SEND,
                                            .flags = PROC_SEND_MOVE | PROC_OP_SILENT,
                                            .handle = USER,
                                            .off = THROUGH_MESSAGE_AT,
                                            .arg = (uint64_t)p->words[real] << 32 | done->handle,
                                            .tag = through_tag(ASK_NOTHING, 0)});
}

static int resume(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    struct through_pass *p;
    memcpy(&p, proc_at(self, self->arg_off), sizeof p);
    for (uint32_t i = 0; i < self->done_count; i++) {
        const struct proc_done *done = &self->done[i];
        uint32_t index = (uint32_t)done->tag;
        uint32_t what = through_what(done->tag);
        if (what == ASK_JOB)
            on_job(p, self, index, done);
        else if (what == ASK_OFFER)
            on_offer_served(p, index, done);
        else if (what == ASK_RECV)
            p->is_receiving = false, on_message(p, self, done);
    }
    self->done_count = 0;
    take_offers(p);
    if (!p->is_receiving)
        through_ask(&p->queue, (struct proc_op){.code = PROC_OP_RECV,
                                                .off = THROUGH_MESSAGE_AT,
                                                .len = sizeof(struct proc_request) + THROUGH_UNIT_BYTES,
                                                .tag = through_tag(ASK_RECV, 0)});
    p->is_receiving = true;
    return through_flush(&p->queue, self);
}

const struct proc_program through_pass_program = {
    .name = "pass-through", .heap_bytes = THROUGH_HEAP_BYTES, .resume = resume};
