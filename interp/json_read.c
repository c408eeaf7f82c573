/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading JSON as a value of a type: native (Str, codec) to Result. The text
 * is scanned once, and objects are made on the way; nothing is collected
 * meanwhile, so that all offsets stay good, over turns too. When the room
 * ends, the heap is collected once and reading begins anew.
 */
#include "interp/json_read_impl.h"

enum step { FIRST, BEGUN, BEGUN_COLLECTED, FIRST_COLLECTED };
enum { WORK_KEPT, WORK_TOP, WORK_COLLECTIONS };

#define TOKEN_BYTES 8 /* what a token costs beside its bytes */
#define LARGE_BYTES (1u << 20)

static uint64_t kept_bytes(const struct reader *r)
{
    return offsetof(struct read_state_kept, frames) + r->s.depth * sizeof r->s.frames[0];
}

static uint32_t kept_at(const struct reader *r)
{
    return r->s.stack + 8 * r->s.count;
}

/* The state goes behind the stack of words; false: there is no room for it. */
static bool keep(const struct reader *r)
{
    if (kept_at(r) + kept_bytes(r) > r->limit)
        return false;
    memcpy(r->run->heap + kept_at(r), &r->s, kept_bytes(r));
    interp_touched(r->run, kept_at(r) + (uint32_t)kept_bytes(r));
    r->run->p->work[WORK_KEPT] = kept_at(r);
    r->run->p->work[WORK_TOP] = r->run->p->top;
    r->run->p->work[WORK_COLLECTIONS] = r->run->p->collections;
    return true;
}

/* false: between the turns the kernel landed something where the stack was, or the objects moved for that. */
static bool take_up(struct reader *r)
{
    const struct interp_process *p = r->run->p;
    const uint8_t *kept = r->run->heap + p->work[WORK_KEPT];
    if (p->work[WORK_TOP] != p->top || p->work[WORK_COLLECTIONS] != p->collections)
        return false;
    memcpy(&r->s, kept, offsetof(struct read_state_kept, frames));
    memcpy(r->s.frames, kept + offsetof(struct read_state_kept, frames), r->s.depth * sizeof r->s.frames[0]);
    return true;
}

/* The stack lies close above the objects; for a large text half-way up, since it would often have to move. */
static void begin(struct reader *r)
{
    const struct interp_process *p = r->run->p;
    const struct interp_codec_node *root = json_codec_node(&r->codec, 0);
    uint32_t room = r->limit > p->top ? r->limit - p->top : 0;
    uint32_t gap = r->text.len > LARGE_BYTES ? room / 2 : 2048;
    memset(&r->s, 0, offsetof(struct read_state_kept, frames));
    r->s.scan.is_utf8 = true;
    r->s.start = p->top;
    r->s.stack = p->top + (gap < room ? gap & ~7u : 0);
    r->s.want = r->codec.fields[root->first].node;
}

static bool open_reader(struct interp_call *call, struct reader *r)
{
    struct interp_run *run = call->run;
    r->run = run;
    r->call = call;
    r->types = run->image->types;
    r->text = interp_call_text(call, 0);
    /* A large text is given all there is at once: its stack, moved when room ends, is long to move. */
    bool is_large = r->text.len > LARGE_BYTES;
    r->limit = is_large || call->step == BEGUN_COLLECTED ? run->p->half : run->p->soft;
    if (!json_codec_given(&r->codec, call, 1))
        return false;
    const struct interp_codec_node *root = json_codec_node(&r->codec, 0);
    return root && root->kind == INTERP_CODEC_RESULT && root->count > 0 && root->type == call->type;
}

static enum read_outcome read_turn(struct reader *r)
{
    enum interp_json_token token;
    while (!r->s.is_done) {
        enum read_outcome rc;
        if (r->left <= 0)
            return READ_AGAIN;
        if (r->s.stage != READ_NO_STAGE) {
            rc = interp_read_go_on(r);
        } else {
            size_t before = r->s.scan.at;
            int err = interp_json_next(&r->s.scan, r->text, (size_t)r->left, &token);
            r->left -= (int64_t)(r->s.scan.at - before) + TOKEN_BYTES;
            if (err == -VK_EAGAIN)
                return READ_AGAIN;
            rc = err ? interp_read_malformed(r, r->s.scan.at, interp_json_reason_text(r->s.scan.reason))
                     : interp_read_take(r, token);
        }
        if (rc != READ_ON)
            return rc;
    }
    return READ_ON;
}

/* One turn: sets *ret_say and returns true; false: the room has ended. */
static bool turn(struct interp_call *call, struct reader *r, bool is_fresh, enum interp_say *ret_say)
{
    if (is_fresh || !take_up(r))
        begin(r);
    int64_t begun = r->left = (int64_t)interp_call_turn(call);
    enum read_outcome rc = read_turn(r);
    interp_call_charge(call, (uint64_t)(begun - r->left));
    if (rc == READ_ON || rc == READ_REFUSED) {
        call->result.u = r->s.result;
        *ret_say = INTERP_DONE;
        return true;
    }
    if (rc == READ_BAD)
        *ret_say = interp_call_trap(call, INTERP_TRAP_SENT);
    if (rc == READ_AGAIN && keep(r)) {
        call->step = call->step == FIRST ? BEGUN : call->step;
        *ret_say = INTERP_AGAIN;
        return true;
    }
    return rc == READ_BAD;
}

static bool make_room(struct interp_call *call)
{
    const struct interp_process *p = call->run->p;
    return call->step == BEGUN_COLLECTED ? interp_open_reserve(call->run, p->half + 1ull)
                                         : interp_collect(call->run, p->top, 0);
}

enum interp_say interp_json_read(struct interp_call *call)
{
    struct reader r;
    enum interp_say say;
    bool is_fresh = call->step == FIRST || call->step == FIRST_COLLECTED;
    if (call->step == FIRST_COLLECTED)
        call->step = BEGUN_COLLECTED;
    for (;;) {
        if (!open_reader(call, &r))
            return interp_call_trap(call, INTERP_TRAP_SENT);
        if (turn(call, &r, is_fresh, &say))
            return say;
        call->run->p->top = r.s.start;
        if (!make_room(call)) {
            interp_call_restart(call, FIRST_COLLECTED); /* of use only when there is a collection to come */
            return interp_call_trap(call, INTERP_TRAP_MEMORY);
        }
        call->step = BEGUN_COLLECTED;
        is_fresh = true;
    }
}
