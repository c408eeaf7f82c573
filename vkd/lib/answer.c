/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was asked and is to be answered. A process that stands for a question
 * has it as its origin: it writes the answer there, and its end, however it
 * comes, ends the question. Callbacks are called when no process runs.
 */
#include "vkd/lib/lib_impl.h"

#include "vk/limits.h"

struct vkd_ask *vkd_lib_ask_new(struct vk_kernel *kernel, vk_answer_fn fn, void *context)
{
    struct vkd_ask *ask = kernel->asks_free;
    if (ask != NULL)
        kernel->asks_free = ask->next_free;
    else
        ask = vkd_lib_alloc(kernel, sizeof *ask);
    if (ask == NULL)
        return NULL;
    memset(ask, 0, offsetof(struct vkd_ask, small));
    ask->kernel = kernel;
    ask->fn = fn;
    ask->context = context;
    kernel->asks_open++;
    return ask;
}

void vkd_lib_ask_free(struct vkd_ask *ask)
{
    struct vk_kernel *k = ask->kernel;
    vk_bufs_put(proc_kernel_bufs(k->proc), &ask->data);
    k->asks_open--;
    ask->next_free = k->asks_free;
    k->asks_free = ask;
}

void vkd_lib_asks_fini(struct vk_kernel *kernel)
{
    while (kernel->asks_free != NULL) {
        struct vkd_ask *ask = kernel->asks_free;
        kernel->asks_free = ask->next_free;
        vkd_lib_free(kernel, ask, sizeof *ask);
    }
}

/* ---- calling back ---- */

/* Of a function: its value, or its Err. items: see vkd_lib_get_result. */
static void read_value(struct vkd_ask *ask, struct vk_answer *answer, struct vk_value **ret_items,
                       size_t *ret_room)
{
    if (ask->function == NULL || ask->error != 0)
        return;
    answer->error =
        vkd_lib_get_result(ask->kernel, &ask->function->exported, vk_span(answer->bytes, answer->bytes_len),
                           &answer->value, ret_items, ret_room);
    if (answer->error == -VK_EIO) {
        answer->words = answer->value.as.text.bytes;
        answer->words_len = answer->value.as.text.len;
    }
}

static void call_back(struct vkd_ask *ask)
{
    struct vk_value *items = NULL;
    size_t room = 0;
    struct vk_answer answer = {
        .size = sizeof answer,
        .error = ask->error,
        .reason = (enum vk_reason)ask->reason,
        .pid = ask->about,
        .bytes = ask->data.cap_bytes != 0 ? ask->data.ptr : ask->small,
        .bytes_len = ask->data_len,
        .words = (const char *)ask->words,
        .words_len = ask->words_len,
        .crash_id = ask->crash_id,
        .place = (const char *)ask->place,
        .place_len = ask->place_len,
    };
    read_value(ask, &answer, &items, &room);
    if (ask->function != NULL)
        ask->function->module->calls--; /* who is told may unload it */
    if (ask->fn != NULL)
        ask->fn(ask->context, &answer);
    vkd_lib_free(ask->kernel, items, room);
    vkd_lib_ask_free(ask);
}

void vkd_lib_asks_answer(struct vk_kernel *kernel)
{
    struct vk_fifo batch = {0};
    vk_fifo_append(&batch, &kernel->answers);
    for (struct vk_link *link; (link = vk_fifo_pop(&batch)) != NULL;)
        call_back(VK_CONTAINER(link, struct vkd_ask, link));
}

static void on_later(struct proc_kernel *kernel, struct proc_later *later)
{
    (void)kernel;
    vkd_lib_asks_answer(VK_CONTAINER(later, struct vk_kernel, later));
}

void vkd_lib_asks_init(struct vk_kernel *kernel)
{
    kernel->later.run = on_later;
}

/* ---- the origin of its process ---- */

static int store(struct vkd_ask *ask, const struct proc_op *op, const uint8_t *bytes)
{
    struct vk_kernel *k = ask->kernel;
    if (ask->is_answered)
        return -VK_EPERM;
    bool is_large = ask->function != NULL && op->arg == VK_ETOOBIG; /* interp/export.h */
    if (is_large || op->len > PROC_MESSAGE_MAX_BYTES) {
        ask->error = -VK_ETOOBIG;
        ask->is_answered = true;
        return -VK_ETOOBIG;
    }
    if (op->len > sizeof ask->small && !vk_bufs_get(proc_kernel_bufs(k->proc), op->len, &ask->data))
        return -VK_ENOMEM;
    vk_copy(op->len > sizeof ask->small ? ask->data.ptr : ask->small, bytes, op->len);
    ask->data_len = op->len;
    ask->is_answered = true;
    return 0;
}

static int ask_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                  const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    struct vkd_ask *ask = object;
    if (ask->target != 0 && (op->code == PROC_OP_CALL || op->code == PROC_OP_MONITOR)) {
        struct proc_op asked = *op;
        asked.arg = ask->timeout_ns;
        return proc_named_op(kernel, process, ask->target, &asked, bytes, done);
    }
    if (op->code != PROC_OP_WRITE)
        return -VK_ENOTSUP;
    int rc = store(ask, op, bytes);
    if (rc == 0)
        done->len = op->len;
    ask->said = op->arg; /* a courier's: vkd_lib_courier */
    return rc;
}

/* As much of a text as there is room for; how much that is. */
static uint32_t keep(uint8_t to[PROC_WORDS_MAX_BYTES], struct vk_span text)
{
    size_t len = text.len < PROC_WORDS_MAX_BYTES ? text.len : PROC_WORDS_MAX_BYTES;
    memcpy(to, text.ptr, len);
    return (uint32_t)len;
}

/* The words of a normal end are nothing to tell. */
static void keep_words(struct vkd_ask *ask, struct vk_span words)
{
    ask->words_len = ask->reason == PROC_REASON_NORMAL ? 0 : keep(ask->words, words);
}

/* What the end of another process was: its words are the bytes. */
static void read_monitor(struct vkd_ask *ask)
{
    ask->reason = (enum proc_reason)(ask->said & UINT16_MAX);
    ask->crash_id = ask->said >> 16;
    keep_words(ask, vk_span(ask->data.cap_bytes != 0 ? ask->data.ptr : ask->small, ask->data_len));
    ask->data_len = 0;
}

static void read_courier(struct vkd_ask *ask)
{
    if (!ask->is_answered)
        ask->error = ask->kernel->is_ending ? -VK_ECANCELED : -VK_ENOMEM;
    else if ((int32_t)(uint32_t)ask->said < 0)
        ask->error = (int32_t)(uint32_t)ask->said;
    else if (ask->is_monitor)
        read_monitor(ask);
}

static void read_end(struct vkd_ask *ask, const struct proc_process *process)
{
    ask->reason = proc_end_reason(process);
    ask->crash_id = proc_crash_id(process);
    keep_words(ask, proc_end_words(ask->kernel->proc, process));
    ask->place_len = keep(ask->place, proc_end_place(ask->kernel->proc, process));
    if (ask->kernel->is_ending && !ask->is_answered)
        ask->error = -VK_ECANCELED;
    else if (ask->crash_id != 0 || !(ask->is_answered || ask->is_spawn))
        ask->error = -VK_EDIED; /* also one that crashed after it wrote */
}

static void ask_release(struct proc_kernel *kernel, void *object, struct proc_process *process)
{
    struct vkd_ask *ask = object;
    if (ask->target == 0)
        read_end(ask, process);
    else
        read_courier(ask);
    vk_fifo_push(&ask->kernel->answers, &ask->link);
    proc_later(kernel, &ask->kernel->later);
}

const struct proc_kind vkd_lib_kind_ask = {
    .name = "question of the host's", .op = ask_op, .release = ask_release};
