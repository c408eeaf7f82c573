/* SPDX-License-Identifier: Apache-2.0 */
#include "interp/store.h"

#include "interp/interp_impl.h"
#include "interp/message.h"
#include "interp/text/utf8.h"
#include "proc/store.h"
#include "vk/err.h"
#include "vk/fmt.h"

/* ---- the stores of a module ----------------------------------------------------------- */

static const struct interp_store *stores_of(const struct interp_module *module, uint32_t *ret_count)
{
    const struct interp_services *services = interp_module_services(module);
    *ret_count = services ? services->stores.count : 0;
    return services ? interp_module_at(module, services->stores) : NULL;
}

static struct proc_store_options options_of(const struct interp_module *module,
                                            const struct interp_store *store)
{
    return (struct proc_store_options){.name = interp_module_name(module, store->name),
                                       .entries_max = store->entries,
                                       .bytes_max = store->bytes,
                                       .ttl_ns = store->ttl_ns};
}

size_t interp_stores_region_bytes(const struct interp_module *module)
{
    uint32_t count;
    const struct interp_store *stores = stores_of(module, &count);
    size_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct proc_store_options options = options_of(module, &stores[i]);
        sum += proc_store_region_bytes(&options);
    }
    return sum;
}

int interp_stores_create(struct proc_kernel *kernel, const struct interp_module *module,
                         struct proc_object *objects)
{
    uint32_t count;
    const struct interp_store *stores = stores_of(module, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct proc_store_options options = options_of(module, &stores[i]);
        struct proc_store *store;
        int rc = proc_store_create(kernel, &options, &store);
        if (rc)
            return rc;
        objects[i] = proc_store_object(store);
    }
    return 0;
}

/* ---- what fails -------------------------------------------------------------------------- */

/* The name of the store that the call asks; the compiler has numbered them. */
static const char *name_of(const struct interp_call *call)
{
    const struct interp_module *module = &call->run->image->module;
    uint32_t count;
    const struct interp_store *stores = stores_of(module, &count);
    uint64_t index = interp_call_scalar(call, 0).u;
    return index < count ? interp_module_name(module, stores[index].name) : "?";
}

static enum interp_say fail_length(struct interp_call *call, const char *what, size_t len, uint32_t max)
{
    char text[192];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "store %s: a %s of %u bytes; at most %u", name_of(call), what, (uint32_t)len, max);
    return interp_call_fail(call, vk_out_span(&out));
}

static enum interp_say fail_answer(struct interp_call *call)
{
    char text[192];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "store %s: %s", name_of(call), vk_err_text(call->done->res));
    return interp_call_fail(call, vk_out_span(&out));
}

/* ---- asking -------------------------------------------------------------------------------- */

/* The values of an ask: refs behind the key, or scalars behind store and time. */
static uint32_t values_of(const struct interp_call *call, enum proc_store_what what)
{
    if (call->refs > 1)
        return call->refs - 1u;
    bool has_scalars = call->scalars > 2 && what != PROC_STORE_INCREMENT;
    return has_scalars ? call->scalars - 2u : 0;
}

/* The bytes of a value that lies in the store as it is; *word is where those of a scalar are put. */
static struct vk_span bytes_of(const struct interp_call *call, uint32_t index, union interp_word *word)
{
    if (call->refs > 1)
        return interp_call_text(call, 1 + index);
    *word = interp_call_scalar(call, 2 + index);
    return vk_span(word, sizeof *word);
}

static bool is_text(const struct interp_call *call, uint32_t ref)
{
    uint16_t type = ref ? interp_type_of(call->run, ref) : 0;
    return type != 0 && (type == interp_str_type(call->run) || type == interp_bytes_type(call->run));
}

/* Head, key and values, one behind the other. */
static enum interp_say make_plain(struct interp_call *call, const struct proc_store_ask *ask, uint32_t values,
                                  uint32_t *ret_off, uint32_t *ret_len)
{
    union interp_word word;
    uint64_t len = sizeof *ask + ask->key_len;
    for (uint32_t i = 0; i < values; i++)
        len += bytes_of(call, i, &word).len;
    uint32_t ref = interp_alloc(call->run, interp_text_bytes(len), INTERP_OWN_RAW, (uint32_t)len);
    if (!ref)
        return interp_call_trap(call, INTERP_TRAP_MEMORY);
    uint8_t *at = interp_write_at(call->run, interp_text_off(ref));
    memcpy(at, ask, sizeof *ask);
    vk_copy(at + sizeof *ask, interp_call_text(call, 0).ptr, ask->key_len);
    at += sizeof *ask + ask->key_len;
    for (uint32_t i = 0; i < values; i++) {
        struct vk_span bytes = bytes_of(call, i, &word);
        vk_copy(at, bytes.ptr, bytes.len);
        at += bytes.len;
    }
    call->cost += (uint32_t)(len / 64);
    *ret_off = interp_text_off(ref);
    *ret_len = (uint32_t)len;
    return INTERP_DONE;
}

static enum interp_say fail_large(struct interp_call *call)
{
    char text[192];
    struct vk_out out;
    vk_out_init(&out, text, sizeof text);
    vk_out_fmt(&out, "store %s: a value that takes more than 64 KiB as a message", name_of(call));
    return interp_call_fail(call, vk_out_span(&out));
}

/* Head and key, and the value as a message. Its type can be sent: only its size keeps it from that. */
static enum interp_say make_message(struct interp_call *call, const struct proc_store_ask *ask,
                                    uint32_t *ret_off, uint32_t *ret_len)
{
    uint8_t head[sizeof *ask + PROC_STORE_KEY_MAX_BYTES];
    memcpy(head, ask, sizeof *ask);
    vk_copy(head + sizeof *ask, interp_call_text(call, 0).ptr, ask->key_len);
    enum interp_say say = interp_message_make(call, INTERP_PART_REF, 1, head,
                                              (uint32_t)sizeof *ask + ask->key_len, ret_off, ret_len);
    return say == INTERP_TRAP && call->trap == INTERP_TRAP_SENT ? fail_large(call) : say;
}

static enum interp_say submit(struct interp_call *call, uint32_t off, uint32_t len)
{
    const struct proc_op op = {.code = PROC_OP_CALL,
                               .flags = PROC_OP_LAND,
                               .handle =
                                   INTERP_STORES_HANDLE + interp_call_scalar(call, 0).u % INTERP_STORES_MAX,
                               .off = off,
                               .len = len};
    return interp_call_submit(call, &op);
}

static uint64_t ttl_of(const struct interp_call *call)
{
    int64_t ttl_ns = call->scalars > 1 ? interp_call_scalar(call, 1).i : INTERP_STORE_NO_TTL;
    if (ttl_ns == INTERP_STORE_NO_TTL)
        return 0;
    return ttl_ns > 0 ? (uint64_t)ttl_ns : 1; /* gone by the next look */
}

static enum interp_say ask(struct interp_call *call, enum proc_store_what what)
{
    union interp_word word;
    uint32_t off, len, values = values_of(call, what);
    bool is_plain = values == 0 || call->refs == 1 || is_text(call, interp_call_ref(call, 1));
    size_t key_len = interp_call_text(call, 0).len;
    if (key_len > PROC_STORE_KEY_MAX_BYTES)
        return fail_length(call, "key", key_len, PROC_STORE_KEY_MAX_BYTES);
    for (uint32_t i = 0; is_plain && i < values; i++)
        if (bytes_of(call, i, &word).len > PROC_STORE_VALUE_MAX_BYTES)
            return fail_length(call, "value", bytes_of(call, i, &word).len, PROC_STORE_VALUE_MAX_BYTES);
    if (interp_self(call->run)->ops_count == PROC_RING_ENTRIES)
        return INTERP_FULL;
    struct proc_store_ask head = {
        .what = (uint8_t)what, .key_len = (uint32_t)key_len, .ttl_ns = ttl_of(call)};
    if (what == PROC_STORE_SWAP)
        head.old_len = (uint32_t)bytes_of(call, 0, &word).len;
    if (what == PROC_STORE_INCREMENT)
        head.by = interp_call_scalar(call, 2).i;
    enum interp_say say =
        is_plain ? make_plain(call, &head, values, &off, &len) : make_message(call, &head, &off, &len);
    return say == INTERP_DONE ? submit(call, off, len) : say;
}

/* ---- natives ----------------------------------------------------------------------------------- */

/* Whether it was done; `no` and -VK_ENOENT: it was not, which is no failure. */
static enum interp_say say_whether(struct interp_call *call, int no)
{
    int res = call->done->res;
    call->result.u = res == 0;
    return res == 0 || res == no || res == -VK_ENOENT ? INTERP_DONE : fail_answer(call);
}

/* A key that cannot be there is not. */
static enum interp_say find(struct interp_call *call, enum proc_store_what what)
{
    if (call->done)
        return say_whether(call, -VK_ENOENT);
    call->result.u = 0;
    return interp_call_text(call, 0).len > PROC_STORE_KEY_MAX_BYTES ? INTERP_DONE : ask(call, what);
}

static enum interp_say store_get(struct interp_call *call)
{
    return find(call, PROC_STORE_GET);
}

static enum interp_say store_take(struct interp_call *call)
{
    return find(call, PROC_STORE_TAKE);
}

static enum interp_say store_value(struct interp_call *call)
{
    struct vk_span bytes = interp_call_landed(call);
    bool is_str = call->type == interp_str_type(call->run),
         is_bytes = call->type == interp_bytes_type(call->run);
    if (call->type == 0 || (!is_str && !is_bytes))
        return interp_message_read(call, INTERP_FROM_LANDED, 0);
    call->cost += (uint32_t)(bytes.len / 64);
    if (is_str && interp_utf8_check(&(size_t){0}, bytes, bytes.len + 1) != 0) /* by a native program */
        return interp_call_fail(call, VK_SPAN_LIT("a text in a store is no UTF-8"));
    return interp_call_give_landed(call, call->type);
}

static enum interp_say store_put(struct interp_call *call)
{
    if (!call->done)
        return ask(call, PROC_STORE_PUT);
    return call->done->res == 0 ? INTERP_DONE : fail_answer(call);
}

static enum interp_say store_add(struct interp_call *call)
{
    return call->done ? say_whether(call, -VK_EEXIST) : ask(call, PROC_STORE_ADD);
}

static enum interp_say store_swap(struct interp_call *call)
{
    return call->done ? say_whether(call, -VK_EEXIST) : ask(call, PROC_STORE_SWAP);
}

static enum interp_say store_increment(struct interp_call *call)
{
    if (!call->done)
        return ask(call, PROC_STORE_INCREMENT);
    if (call->done->res == -VK_ERANGE)
        return interp_call_trap(call, INTERP_TRAP_OVERFLOW);
    return call->done->res == 0 ? interp_message_read(call, INTERP_FROM_LANDED, 0) : fail_answer(call);
}

const struct interp_native interp_store_natives[] = {
#define NATIVE(name, signature, fn) {name, signature, fn},
    INTERP_STORE_NATIVES(NATIVE)
#undef NATIVE
        {0},
};
