/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/store.h"

#include "proc/kernel_impl.h"
#include "vk/fmt.h"
#include "vk/kv.h"

struct proc_store {
    struct vk_kv kv;
    const char *name;
    struct proc_store *next; /* of the kernel's */
    uint64_t ttl_ns;
    uint64_t hits;
    uint64_t misses;
    bool has_told; /* that it is full */
};

static const struct proc_kind kind_store;

/* An ask that was checked. */
struct request {
    struct proc_store_ask ask;
    struct vk_span key;
    struct vk_span old;
    struct vk_span value;
    int64_t number; /* INCREMENT: the new number, whose bytes `value` is */
};

static int read_request(const struct proc_op *op, const uint8_t *bytes, struct request *r)
{
    if (op->len < sizeof r->ask)
        return -VK_EINVAL;
    memcpy(&r->ask, bytes, sizeof r->ask);
    uint64_t left = op->len - sizeof r->ask;
    if (r->ask.key_len > left || r->ask.old_len > left - r->ask.key_len)
        return -VK_EINVAL;
    r->key = vk_span(bytes + sizeof r->ask, r->ask.key_len);
    r->old = vk_span(r->key.ptr + r->key.len, r->ask.old_len);
    r->value = vk_span(r->old.ptr + r->old.len, left - r->ask.key_len - r->ask.old_len);
    bool has_old = r->ask.what == PROC_STORE_SWAP;
    bool has_value = has_old || r->ask.what == PROC_STORE_PUT || r->ask.what == PROC_STORE_ADD;
    return (!has_old && r->old.len) || (!has_value && r->value.len) ? -VK_EINVAL : 0;
}

/* ---- answers with bytes ------------------------------------------------------------------- */

/* A finished op whose answer is so many bytes, to be written; NULL: *ret_rc says why not. */
static uint8_t *answer(struct proc_kernel *k, struct proc_process *p, struct proc_store *store,
                       const struct proc_op *op, uint32_t len, int *ret_rc)
{
    struct proc_req *req = proc_req_begin(k, p, &kind_store, store, op);
    *ret_rc = -VK_EOVERFLOW;
    if (!req)
        return NULL;
    *ret_rc = PROC_PENDING;
    if (len > 0 && !vk_bufs_get(&k->bufs, len, &req->data)) {
        proc_req_finish(k, req, -VK_ENOMEM);
        return NULL;
    }
    req->data_len = len;
    proc_req_finish(k, req, 0);
    return req->data.ptr;
}

static int give_value(struct proc_kernel *k, struct proc_process *p, struct proc_store *store,
                      const struct proc_op *op, const struct vk_kv_entry *entry, bool *ret_is_given)
{
    int rc;
    uint8_t *dst = answer(k, p, store, op, entry->value_len, &rc);
    *ret_is_given = rc == PROC_PENDING && (dst || entry->value_len == 0);
    if (dst)
        vk_kv_read(&store->kv, entry, dst);
    return rc;
}

/* ---- what is asked --------------------------------------------------------------------------- */

static uint64_t deadline_of(const struct proc_store *store, const struct request *r, uint64_t now_ns)
{
    uint64_t ttl_ns = r->ask.ttl_ns ? r->ask.ttl_ns : store->ttl_ns;
    return ttl_ns == 0 || ttl_ns > UINT64_MAX - now_ns ? VK_KV_FOREVER : now_ns + ttl_ns;
}

static void tell_full(struct proc_kernel *k, struct proc_store *store)
{
    char line[160];
    struct vk_out out;
    if (store->has_told || store->kv.evicted == 0)
        return;
    store->has_told = true;
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(&out, "the store %s is full: from now on it forgets what was not used for longest",
               store->name);
    proc_log(k, PROC_LOG_WARN, vk_out_span(&out));
}

static int put(struct proc_kernel *k, struct proc_store *store, const struct request *r)
{
    uint64_t now_ns = proc_now_ns(k);
    if (r->key.len > PROC_STORE_KEY_MAX_BYTES || r->value.len > PROC_STORE_VALUE_MAX_BYTES)
        return -VK_ETOOBIG;
    int rc = vk_kv_put(&store->kv, r->key, r->value, deadline_of(store, r, now_ns), now_ns);
    tell_full(k, store);
    return rc;
}

static int increment(struct proc_kernel *k, struct proc_process *p, struct proc_store *store,
                     const struct proc_op *op, struct request *r)
{
    struct vk_kv_entry *entry = vk_kv_find(&store->kv, r->key, proc_now_ns(k));
    int rc = 0;
    if (entry && entry->value_len != sizeof r->number)
        return -VK_EINVAL;
    r->number = 0;
    if (entry)
        vk_kv_read(&store->kv, entry, &r->number);
    if (__builtin_add_overflow(r->number, r->ask.by, &r->number))
        return -VK_ERANGE;
    r->value = vk_span(&r->number, sizeof r->number);
    if (r->key.len > PROC_STORE_KEY_MAX_BYTES || !vk_kv_fits(&store->kv, r->key.len + sizeof r->number))
        return -VK_ETOOBIG;
    uint8_t *dst = answer(k, p, store, op, sizeof r->number, &rc);
    if (!dst)
        return rc;
    memcpy(dst, &r->number, sizeof r->number);
    if (entry)
        vk_kv_write(&store->kv, entry, &r->number);
    else
        (void)put(k, store, r); /* it fits */
    return rc;
}

static int swap(struct proc_kernel *k, struct proc_store *store, const struct request *r)
{
    const struct vk_kv_entry *entry = vk_kv_find(&store->kv, r->key, proc_now_ns(k));
    if (!entry)
        return -VK_ENOENT;
    return vk_kv_is(&store->kv, entry, r->old) ? put(k, store, r) : -VK_EEXIST;
}

static int get(struct proc_kernel *k, struct proc_process *p, struct proc_store *store,
               const struct proc_op *op, const struct request *r)
{
    struct vk_kv_entry *entry = vk_kv_find(&store->kv, r->key, proc_now_ns(k));
    bool is_given;
    *(entry ? &store->hits : &store->misses) += 1;
    if (!entry)
        return -VK_ENOENT;
    int rc = give_value(k, p, store, op, entry, &is_given);
    if (is_given && r->ask.what == PROC_STORE_TAKE)
        vk_kv_remove(&store->kv, entry);
    return rc;
}

static int store_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                    const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    struct proc_store *store = object;
    struct request r;
    (void)done;
    if (op->code != PROC_OP_CALL)
        return -VK_ENOTSUP;
    int rc = read_request(op, bytes, &r);
    if (rc)
        return rc;
    switch ((enum proc_store_what)r.ask.what) {
    case PROC_STORE_GET:
    case PROC_STORE_TAKE:
        return get(kernel, process, store, op, &r);
    case PROC_STORE_PUT:
        return put(kernel, store, &r);
    case PROC_STORE_ADD:
        return vk_kv_find(&store->kv, r.key, proc_now_ns(kernel)) ? -VK_EEXIST : put(kernel, store, &r);
    case PROC_STORE_SWAP:
        return swap(kernel, store, &r);
    case PROC_STORE_INCREMENT:
        return increment(kernel, process, store, op, &r);
    }
    return -VK_EINVAL;
}

/* Ops are answered at once, so there is nothing to cancel; the store outlives its handles, so none is
 * counted. */
static const struct proc_kind kind_store = {.name = "store", .shareable = true, .op = store_op};

struct proc_object proc_store_object(struct proc_store *store)
{
    return (struct proc_object){&kind_store, store};
}

/* ---- making one --------------------------------------------------------------------------------- */

size_t proc_store_region_bytes(const struct proc_store_options *options)
{
    return sizeof(struct proc_store) + VK_CACHE_LINE_BYTES +
           vk_kv_region_bytes(options->entries_max, options->bytes_max);
}

int proc_store_create(struct proc_kernel *kernel, const struct proc_store_options *options,
                      struct proc_store **ret_store)
{
    struct vk_region *region = proc_kernel_region(kernel);
    struct proc_store *store = vk_region_alloc(region, sizeof *store, VK_CACHE_LINE_BYTES);
    uint64_t key[2];
    if (!store)
        return -VK_ENOMEM;
    *store = (struct proc_store){.name = options->name, .ttl_ns = options->ttl_ns};
    int rc = plat_random(key, sizeof key);
    if (rc)
        return rc;
    rc = vk_kv_init(&store->kv, options->entries_max, options->bytes_max, key, proc_now_ns(kernel), region);
    if (rc)
        return rc;
    struct proc_store **end = &kernel->stores;
    while (*end)
        end = &(*end)->next;
    *end = store;
    *ret_store = store;
    return 0;
}

void proc_stores_forget(struct proc_kernel *kernel, const struct proc_store *after)
{
    struct proc_store **end = &kernel->stores;
    for (const struct proc_store *at = NULL; at != after; end = &(*end)->next)
        at = *end;
    *end = NULL;
}

/* ---- counters -------------------------------------------------------------------------------------- */

void proc_store_counters(const struct proc_store *store, struct proc_store_counters *ret_counters)
{
    *ret_counters = (struct proc_store_counters){.name = store->name,
                                                 .entries = store->kv.entries.count,
                                                 .bytes = store->kv.pieces.count * VK_KV_PIECE_SIZE,
                                                 .hits = store->hits,
                                                 .misses = store->misses,
                                                 .evicted = store->kv.evicted,
                                                 .expired = store->kv.expired};
}

const struct proc_store *proc_store_after(const struct proc_kernel *kernel, const struct proc_store *store)
{
    return store ? store->next : kernel->stores;
}

void proc_store_print(const struct proc_store *store, struct vk_out *out)
{
    struct proc_store_counters c;
    proc_store_counters(store, &c);
    vk_out_fmt(out, "store %s: %u entries, %u bytes, %lu hits, %lu misses, %lu evicted, %lu expired", c.name,
               c.entries, c.bytes, c.hits, c.misses, c.evicted, c.expired);
}
