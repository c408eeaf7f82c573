/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See supervise.h. The end of a child is only noted; the work is done by a
 * later function at the end of the tick, when every child that has to go has
 * gone, so that restarts happen in order and nothing recurses.
 */
#include "proc/supervise.h"

#include "proc/kernel_impl.h"
#include "vk/fmt.h"

struct proc_child {
    struct proc_supervisor *supervisor;
    uint32_t pid; /* 0: not running */
    bool wanted;  /* has to run, and is stopping or not started yet */
};

struct proc_supervisor {
    struct proc_later later;
    struct proc_timer retry;
    struct proc_supervisor_options options;
    struct proc_child children[PROC_CHILDREN_MAX];
    uint64_t ends_ns[PROC_RESTARTS_MAX + 1]; /* ring of the times of the last ends */
    uint64_t restarts;
    uint32_t ends_next;
    uint32_t ends_count;
    bool gave_up; /* or was stopped: no child runs again */
};

static int start_child(struct proc_kernel *k, struct proc_supervisor *s, uint32_t i)
{
    const struct proc_child_spec *spec = &s->options.children[i];
    const struct proc_spawn spawn = {
        .program = spec->program, .arg = spec->arg, .arg_len = spec->arg_len, .env = spec->env};
    struct proc_process *p;
    int rc = proc_spawn(k, &spawn, &p);
    if (rc)
        return rc;
    p->child = &s->children[i];
    s->children[i].pid = proc_pid(p);
    s->children[i].wanted = false;
    proc_run_soon(k, p);
    return 0;
}

static void log_line(struct proc_kernel *k, const struct proc_supervisor *s, enum proc_log_level level,
                     const char *text)
{
    char line[160];
    struct vk_out out;
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(&out, "supervisor %s%s", s->options.name ? s->options.name : "(unnamed)", text);
    proc_log(k, level, vk_out_span(&out));
}

/* Whether one more end is one too many for the period. */
static bool too_many(struct proc_supervisor *s, uint64_t now_ns)
{
    uint32_t size = s->options.restarts_max + 1;
    s->ends_ns[s->ends_next] = now_ns;
    s->ends_next = (s->ends_next + 1) % size;
    if (s->ends_count < size)
        s->ends_count++;
    if (s->ends_count < size)
        return false;
    uint64_t oldest_ns = s->ends_ns[s->ends_next];
    return now_ns - oldest_ns <= s->options.period_ns;
}

static void stop_child(struct proc_kernel *k, struct proc_child *child)
{
    struct proc_process *p = child->pid ? proc_process_find(k, child->pid) : NULL;
    if (p)
        proc_process_doom(k, p, PROC_REASON_SHUTDOWN);
}

static void give_up(struct proc_kernel *k, struct proc_supervisor *s)
{
    s->gave_up = true;
    k->counters.gave_up++;
    log_line(k, s, PROC_LOG_ERROR, ": too many restarts, its processes stay stopped");
    for (uint32_t i = 0; i < s->options.children_count; i++) {
        s->children[i].wanted = false;
        stop_child(k, &s->children[i]);
    }
}

/* Which children have to be started again with child i. */
static void want(struct proc_kernel *k, struct proc_supervisor *s, uint32_t i)
{
    uint32_t first = s->options.strategy == PROC_ONE_FOR_ALL ? 0 : i;
    uint32_t last = s->options.strategy == PROC_ONE_FOR_ONE ? i : s->options.children_count - 1;
    for (uint32_t j = first; j <= last; j++) {
        s->children[j].wanted = true;
        stop_child(k, &s->children[j]);
    }
}

void proc_child_ended(struct proc_kernel *kernel, struct proc_process *process)
{
    struct proc_child *child = process->child;
    struct proc_supervisor *s = child->supervisor;
    child->pid = 0;
    if (kernel->ending || s->gave_up)
        return;
    if (!child->wanted && s->options.keeps_ended && process->reason == PROC_REASON_NORMAL)
        return;
    /* One that was stopped to be started again is no failure of its own. */
    if (!child->wanted && too_many(s, kernel->now_ns)) {
        give_up(kernel, s);
        return;
    }
    if (!child->wanted)
        want(kernel, s, (uint32_t)(child - s->children));
    proc_later(kernel, &s->later);
}

static void start_wanted(struct proc_kernel *kernel, struct proc_later *later)
{
    struct proc_supervisor *s = VK_CONTAINER(later, struct proc_supervisor, later);
    if (s->gave_up)
        return;
    for (uint32_t i = 0; i < s->options.children_count; i++)
        if (s->children[i].wanted && s->children[i].pid)
            return; /* its end will call us again */
    for (uint32_t i = 0; i < s->options.children_count; i++) {
        if (!s->children[i].wanted)
            continue;
        if (start_child(kernel, s, i)) {
            proc_timer_set(kernel, &s->retry, kernel->now_ns + PROC_RESTART_RETRY_NS);
            return;
        }
        s->restarts++;
    }
}

static void retry(struct proc_kernel *kernel, struct proc_timer *timer)
{
    proc_later(kernel, &VK_CONTAINER(timer, struct proc_supervisor, retry)->later);
}

size_t proc_supervisor_region_bytes(void)
{
    return sizeof(struct proc_supervisor) + 64;
}

int proc_supervisor_create(struct proc_kernel *kernel, const struct proc_supervisor_options *options,
                           struct proc_supervisor **ret_supervisor)
{
    if (options->children_count == 0 || options->children_count > PROC_CHILDREN_MAX ||
        options->restarts_max > PROC_RESTARTS_MAX)
        return -VK_EINVAL;
    struct proc_supervisor *s = vk_region_alloc(&kernel->region, sizeof *s, 64);
    if (!s)
        return -VK_ENOMEM;
    s->options = *options;
    s->later.run = start_wanted;
    s->retry.fire = retry;
    int rc = 0;
    for (uint32_t i = 0; i < options->children_count && !rc; i++) {
        s->children[i].supervisor = s;
        rc = start_child(kernel, s, i);
    }
    if (rc) {
        proc_supervisor_stop(kernel, s);
        return rc;
    }
    *ret_supervisor = s;
    return 0;
}

void proc_supervisor_stop(struct proc_kernel *kernel, struct proc_supervisor *supervisor)
{
    supervisor->gave_up = true;
    for (uint32_t i = 0; i < supervisor->options.children_count; i++) {
        struct proc_process *p = proc_process_find(kernel, supervisor->children[i].pid);
        if (p)
            proc_end(kernel, p, PROC_REASON_SHUTDOWN);
    }
    proc_timer_clear(kernel, &supervisor->retry);
}

uint32_t proc_supervisor_pid(const struct proc_supervisor *supervisor, uint32_t i)
{
    return i < supervisor->options.children_count ? supervisor->children[i].pid : 0;
}

uint64_t proc_supervisor_name(const struct proc_kernel *kernel, const struct proc_supervisor *supervisor,
                              uint32_t i)
{
    uint32_t pid = proc_supervisor_pid(supervisor, i);
    const struct proc_process *p = vk_table_get(&kernel->processes, pid);
    return p && p->state != PROC_STATE_ENDING ? p->name : 0;
}

uint64_t proc_supervisor_restarts(const struct proc_supervisor *supervisor)
{
    return supervisor->restarts;
}

bool proc_supervisor_gave_up(const struct proc_supervisor *supervisor)
{
    return supervisor->gave_up;
}

/* ---- the object that names a child ------------------------------------------------ */

static int child_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                    const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    const struct proc_child *child = object;
    if (op->code == PROC_OP_KILL || op->code == PROC_OP_LINK)
        return -VK_EPERM;
    const struct proc_process *p = child->pid ? proc_process_find(kernel, child->pid) : NULL;
    if (!p)
        return -VK_EDIED;
    return proc_kind_process.op(kernel, process, proc_process_object(p).object, op, bytes, done);
}

static const struct proc_kind kind_child = {.name = "child", .shareable = true, .op = child_op};

struct proc_object proc_supervisor_child(struct proc_supervisor *supervisor, uint32_t i)
{
    vk_assert(i < supervisor->options.children_count);
    return (struct proc_object){&kind_child, &supervisor->children[i]};
}
