/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The long-lived processes of the native program, and what its requests ask of
 * them: a keeper under a supervisor that counts, crashes when it is kicked, and
 * serves handles; children with links and monitors; a store.
 */
#include "proc/supervise.h"
#include "vk/err.h"
#include "vkd/sim/native.h"

#define KEEPER      2u /* handles of every process's environment */
#define STORE       3u
#define CHILD       4u
#define MS_NS       1000000u
#define SERVED_MAX  64u /* places of a keeper; who asks for one more gets another's, long after */
#define KICKS_MAX   5u
#define KICKS_IN_NS 1000000000u

enum { WHAT_COUNT, WHAT_KICK, WHAT_SERVE };

/* ---- the keeper ------------------------------------------------------------------------- */

/* What it receives: a letter, or an op on one of its handles and the bytes of a WRITE. */
union mail {
    struct vkd_letter letter;
    struct {
        struct proc_request head;
        uint64_t value;
    } served;
};

struct keeper {
    struct proc_fiber fiber;
    uint32_t count;
    uint32_t request; /* that is answered */
    uint32_t handle;  /* that goes along; 0: none */
    uint32_t answer_len;
    uint64_t badge; /* of the handle made last */
    uint64_t values[SERVED_MAX];
    union {
        struct vkd_letter letter;
        uint64_t value;
    } answer;
    union mail mail;
    struct proc_op op;
};

/* Whoever asked may have gone meanwhile: how the answer fares is no concern of the keeper's. */
static bool reply(struct proc_self *self, struct keeper *k)
{
    k->op = (struct proc_op){.code = PROC_OP_REPLY,
                             .flags = k->handle != 0 ? PROC_SEND_MOVE : 0,
                             .handle = k->handle,
                             .off = proc_off(self, &k->answer),
                             .len = k->answer_len,
                             .arg = k->request};
    return proc_wait(self, &k->fiber, &k->op);
}

/* An op on one of its handles; false: nobody waits for an answer. */
static bool take_served(struct keeper *k)
{
    const struct proc_request *head = &k->mail.served.head;
    uint64_t *value = &k->values[head->badge % SERVED_MAX];
    if (head->code == PROC_OP_WRITE)
        *value = k->mail.served.value;
    k->answer.value = *value;
    k->answer_len = head->code == PROC_OP_READ ? sizeof *value : 0;
    return head->code == PROC_OP_WRITE || head->code == PROC_OP_READ;
}

static bool receive(struct proc_self *self, struct keeper *k)
{
    k->op = (struct proc_op){.code = PROC_OP_RECV, .off = proc_off(self, &k->mail), .len = sizeof k->mail};
    return proc_wait(self, &k->fiber, &k->op);
}

static bool serve(struct proc_self *self, struct keeper *k)
{
    if (k->mail.letter.what != WHAT_SERVE)
        return true;
    k->op = (struct proc_op){.code = PROC_OP_SERVE, .arg = ++k->badge};
    return proc_wait(self, &k->fiber, &k->op);
}

static bool pause_a_little(struct proc_self *self, struct keeper *k)
{
    k->op = (struct proc_op){.code = PROC_OP_SLEEP, .arg = MS_NS};
    return proc_wait(self, &k->fiber, &k->op);
}

/* Nobody took it. */
static bool give_up(struct proc_self *self, struct keeper *k)
{
    k->op = (struct proc_op){.code = PROC_OP_CLOSE, .handle = k->handle};
    return proc_wait(self, &k->fiber, &k->op);
}

/* The fiber's last op was a SERVE, if the letter asked for one. */
static void answer_letter(struct keeper *k)
{
    k->handle = k->mail.letter.what == WHAT_SERVE && k->fiber.done.res == 0 ? k->fiber.done.handle : 0;
    k->answer.letter = k->mail.letter;
    k->answer.letter.count = ++k->count;
    k->answer_len = sizeof k->answer.letter;
}

static enum proc_step step_keeper(struct proc_self *self, struct proc_fiber *fiber)
{
    struct keeper *k = (struct keeper *)fiber;
    PROC_BEGIN(fiber->step)
    for (;;) {
        PROC_AWAIT(fiber->step, receive(self, k), PROC_STEP_WAIT);
        if (fiber->done.res < 0)
            return PROC_STEP_FAIL;
        k->request = (uint32_t)fiber->done.arg;
        k->handle = 0;
        if (fiber->done.flags & PROC_DONE_OP) {
            if (!take_served(k))
                continue;
        } else {
            if (k->mail.letter.what == WHAT_KICK)
                return PROC_STEP_FAIL;
            PROC_AWAIT(fiber->step, serve(self, k), PROC_STEP_WAIT);
            answer_letter(k);
        }
        PROC_AWAIT(fiber->step, reply(self, k), PROC_STEP_WAIT);
        while (fiber->done.res == -VK_ENOMEM) { /* no buffer now, and whoever asked waits on */
            PROC_AWAIT(fiber->step, pause_a_little(self, k), PROC_STEP_WAIT);
            PROC_AWAIT(fiber->step, reply(self, k), PROC_STEP_WAIT);
        }
        if (fiber->done.res < 0 && k->handle != 0)
            PROC_AWAIT(fiber->step, give_up(self, k), PROC_STEP_WAIT);
    }
    PROC_END
    return PROC_STEP_END;
}

static const proc_step_fn keeper_steps[] = {step_keeper};
static const struct proc_native keeper_native = {keeper_steps, 1, sizeof(struct keeper)};
static const struct proc_program keeper_program = {
    .name = "keeper",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = vkd_native_start,
    .resume = vkd_native_resume,
    .context = &keeper_native,
};

/* ---- what requests ask of it ------------------------------------------------------------ */

static bool ask(struct proc_self *self, struct vkd_native *a, uint32_t what)
{
    a->letter = (struct vkd_letter){.what = what, .nonce = a->n};
    a->op = (struct proc_op){.code = PROC_OP_CALL,
                             .handle = KEEPER,
                             .off = proc_off(self, &a->letter),
                             .len = sizeof a->letter,
                             .arg = proc_off(self, &a->reply) | (uint64_t)sizeof a->reply << 32};
    return proc_wait(self, &a->fiber, &a->op);
}

enum proc_step vkd_native_count(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    if (!ask(self, a, WHAT_COUNT))
        return PROC_STEP_WAIT;
    if (fiber->done.res < 0)
        return vkd_native_refuse(self, a);
    return vkd_native_answer(self, a, a->reply.nonce);
}

enum proc_step vkd_native_kick(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    if (!ask(self, a, WHAT_KICK))
        return PROC_STEP_WAIT;
    /* It cannot have answered. */
    return fiber->done.res < 0 ? vkd_native_answer(self, a, a->n) : PROC_STEP_FAIL;
}

/* ---- many calls at a time ----------------------------------------------------------------- */

struct caller {
    struct proc_fiber fiber;
    uint32_t parent; /* struct vkd_native */
    struct proc_op op;
    struct vkd_letter letter, reply;
};

enum proc_step vkd_native_caller(struct proc_self *self, struct proc_fiber *fiber)
{
    struct caller *c = (struct caller *)fiber;
    c->op = (struct proc_op){.code = PROC_OP_CALL,
                             .handle = KEEPER,
                             .off = proc_off(self, &c->letter),
                             .len = sizeof c->letter,
                             .arg = proc_off(self, &c->reply) | (uint64_t)sizeof c->reply << 32};
    if (!proc_wait(self, fiber, &c->op))
        return PROC_STEP_WAIT;
    struct vkd_native *a = proc_at(self, c->parent);
    a->sum += fiber->done.res == 0 && c->reply.nonce == c->letter.nonce;
    if (--a->fibers == 0)
        proc_fiber_wake(self, &a->fiber);
    return PROC_STEP_END;
}

/* Some of them wait for a place in the mailbox. */
enum proc_step vkd_native_flood(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    if (fiber->step == 0) {
        fiber->step = 1;
        a->left = a->fibers = PROC_MAILBOX_MAX + (uint32_t)a->n % 20;
        for (uint32_t i = 0; i < a->left; i++) {
            struct caller *c = (struct caller *)proc_fiber_start(self, VKD_STEP_CALLER, sizeof *c);
            if (c == NULL)
                return PROC_STEP_FAIL;
            c->parent = proc_off(self, a);
            c->letter = (struct vkd_letter){.what = WHAT_COUNT, .nonce = a->n << 8 | i};
        }
    }
    if (a->fibers > 0)
        return PROC_STEP_WAIT;
    return a->sum == a->left ? vkd_native_answer(self, a, a->n) : vkd_native_refuse(self, a);
}

static bool served_op(struct proc_self *self, struct vkd_native *a, uint16_t code, void *bytes)
{
    a->op = (struct proc_op){
        .code = code, .handle = a->handle, .off = proc_off(self, bytes), .len = sizeof a->value};
    return proc_wait(self, &a->fiber, &a->op);
}

/* A handle that the keeper serves: what was written to it is read from it. */
enum proc_step vkd_native_served(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    PROC_BEGIN(fiber->step)
    PROC_AWAIT(fiber->step, ask(self, a, WHAT_SERVE), PROC_STEP_WAIT);
    a->handle = fiber->done.handle;
    if (fiber->done.res < 0 || a->handle == 0)
        return vkd_native_refuse(self, a);
    a->value = (int64_t)a->n;
    PROC_AWAIT(fiber->step, served_op(self, a, PROC_OP_WRITE, &a->value), PROC_STEP_WAIT);
    if (fiber->done.res < 0)
        return vkd_native_refuse(self, a);
    a->value = -1;
    PROC_AWAIT(fiber->step, served_op(self, a, PROC_OP_READ, &a->value), PROC_STEP_WAIT);
    if (fiber->done.res < 0)
        return vkd_native_refuse(self, a);
    PROC_END
    return vkd_native_answer(self, a, (uint64_t)a->value);
}

/* ---- a store --------------------------------------------------------------------------------- */

enum proc_step vkd_native_store(struct proc_self *self, struct proc_fiber *fiber)
{
    struct vkd_native *a = (struct vkd_native *)fiber;
    a->store.ask =
        (struct proc_store_ask){.what = PROC_STORE_INCREMENT, .key_len = sizeof a->store.key, .by = 1};
    memcpy(a->store.key, "counter", sizeof a->store.key);
    a->op = (struct proc_op){.code = PROC_OP_CALL,
                             .handle = STORE,
                             .off = proc_off(self, &a->store),
                             .len = sizeof a->store.ask + sizeof a->store.key,
                             .arg = proc_off(self, &a->value) | (uint64_t)sizeof a->value << 32};
    if (!proc_wait(self, fiber, &a->op))
        return PROC_STEP_WAIT;
    return fiber->done.res < 0 ? vkd_native_refuse(self, a) : vkd_native_answer(self, a, (uint64_t)a->value);
}

/* ---- children -------------------------------------------------------------------------------- */

struct child {
    struct proc_fiber fiber;
    struct proc_op op;
};

static enum proc_step step_child(struct proc_self *self, struct proc_fiber *fiber)
{
    struct child *c = (struct child *)fiber;
    uint64_t n;
    memcpy(&n, proc_at(self, self->arg_off), sizeof n);
    c->op =
        (struct proc_op){.code = PROC_OP_SLEEP, .arg = n % 4 == 3 ? 5000u * (uint64_t)MS_NS : n % 50 * MS_NS};
    if (!proc_wait(self, fiber, &c->op))
        return PROC_STEP_WAIT;
    return n % 4 == 1 ? PROC_STEP_FAIL : PROC_STEP_END;
}

static const proc_step_fn child_steps[] = {step_child};
static const struct proc_native child_native = {child_steps, 1, sizeof(struct child)};
static const struct proc_program child_program = {
    .name = "child",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = vkd_native_start,
    .resume = vkd_native_resume,
    .context = &child_native,
};

static bool child_op(struct proc_self *self, struct vkd_native *a, uint16_t code)
{
    a->op = (struct proc_op){.code = code, .handle = a->handle};
    return proc_wait(self, &a->fiber, &a->op);
}

static bool spawn_child(struct proc_self *self, struct vkd_native *a)
{
    a->op = (struct proc_op){.code = PROC_OP_SPAWN,
                             .flags = a->n % 4 == 2 ? PROC_SPAWN_LINK : 0,
                             .handle = CHILD,
                             .off = proc_off(self, &a->n),
                             .len = sizeof a->n};
    return proc_wait(self, &a->fiber, &a->op);
}

/* By n % 4 its child ends well, fails, ends well and linked, or is killed; the monitor has to say which. */
enum proc_step vkd_native_child(struct proc_self *self, struct proc_fiber *fiber)
{
    static const uint8_t reasons[] = {PROC_REASON_NORMAL, PROC_REASON_FAIL, PROC_REASON_NORMAL,
                                      PROC_REASON_KILLED};
    struct vkd_native *a = (struct vkd_native *)fiber;
    PROC_BEGIN(fiber->step)
    PROC_AWAIT(fiber->step, spawn_child(self, a), PROC_STEP_WAIT);
    a->handle = fiber->done.handle;
    if (fiber->done.res < 0)
        return vkd_native_refuse(self, a);
    if (a->n % 4 == 3)
        PROC_AWAIT(fiber->step, child_op(self, a, PROC_OP_KILL), PROC_STEP_WAIT);
    PROC_AWAIT(fiber->step, child_op(self, a, PROC_OP_MONITOR), PROC_STEP_WAIT);
    if (fiber->done.res < 0)
        return vkd_native_refuse(self, a);
    PROC_END
    /* An accident may have been quicker. */
    bool is_right = fiber->done.res == reasons[a->n % 4] || fiber->done.res == PROC_REASON_KILLED;
    return vkd_native_answer(self, a, is_right ? a->n : a->n + 1);
}

/* ---- who only takes a place --------------------------------------------------------------------- */

static enum proc_step step_sleeper(struct proc_self *self, struct proc_fiber *fiber)
{
    struct child *c = (struct child *)fiber;
    uint64_t ns;
    memcpy(&ns, proc_at(self, self->arg_off), sizeof ns);
    c->op = (struct proc_op){.code = PROC_OP_SLEEP, .arg = ns};
    return proc_wait(self, fiber, &c->op) ? PROC_STEP_END : PROC_STEP_WAIT;
}

static const proc_step_fn sleeper_steps[] = {step_sleeper};
static const struct proc_native sleeper_native = {sleeper_steps, 1, sizeof(struct child)};
const struct proc_program vkd_sleeper_program = {
    .name = "sleeper",
    .heap_bytes = 65536,
    .prefix_bytes = VK_PAGE_BYTES,
    .start = vkd_native_start,
    .resume = vkd_native_resume,
    .context = &sleeper_native,
};

/* ---- at the start --------------------------------------------------------------------------------- */

static const struct proc_store_options store_options = {
    .name = "counters", .entries_max = 16, .bytes_max = 4096};

static struct {
    struct proc_supervisor *supervisor;
    uint64_t restarts;                /* seen so far */
    uint64_t times_ns[KICKS_MAX + 1]; /* of the last ones: a ring */
} keepers;

size_t vkd_native_region_bytes(void)
{
    return proc_supervisor_region_bytes() + proc_store_region_bytes(&store_options);
}

void vkd_native_keepers(struct vkd_world *w, struct proc_env *env)
{
    static struct proc_env inner;
    struct proc_store *store;
    const struct proc_supervisor_options options = {
        .name = "keepers",
        .strategy = PROC_ONE_FOR_ONE,
        .restarts_max = KICKS_MAX,
        .period_ns = KICKS_IN_NS,
        .children_count = 1,
        .children = {{.program = &keeper_program, .env = &inner}},
    };
    memset(&keepers, 0, sizeof keepers);
    int rc = proc_supervisor_create(w->kernel, &options, &keepers.supervisor);
    if (rc == 0)
        rc = proc_store_create(w->kernel, &store_options, &store);
    if (rc != 0)
        vkd_world_broken(w, "the keepers cannot be made: %s", vk_err_text(rc));
    env->count = 4;
    env->objects[0] = proc_supervisor_child(keepers.supervisor, 0);
    env->objects[1] = proc_store_object(store);
    env->objects[2] = proc_program_object(&child_program);
    env->objects[3] = net_streams_connector(w->streams, &w->raw_addr);
}

/* More restarts within the period than it may make. */
bool vkd_native_is_frantic(uint64_t now_ns)
{
    uint64_t restarts = proc_supervisor_restarts(keepers.supervisor);
    for (; keepers.restarts < restarts; keepers.restarts++) {
        uint64_t *oldest_ns = &keepers.times_ns[keepers.restarts % VK_COUNT(keepers.times_ns)];
        if (*oldest_ns != 0 && now_ns - *oldest_ns < KICKS_IN_NS)
            return true;
        *oldest_ns = now_ns;
    }
    return false;
}
