/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/verified.h"

#include "interp/verify.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"

#include <string.h>
#include <sys/mman.h>

/* Pages that are not touched cost nothing. */
static void *reserve(size_t len)
{
    void *memory =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

static int no_room(const struct vkd_verified_options *o, struct vk_out *why)
{
    vk_out_fmt(why, "%s: out of memory", o->name);
    return -VK_ENOMEM;
}

/* By the verifier: the module is open. */
static int refuse(const struct vkd_verified *i, const struct vkd_verified_options *o,
                  const struct interp_refusal *refusal, struct vk_out *why)
{
    vk_out_fmt(why, "%s: the module is refused: %s", o->name, refusal->why);
    if (refusal->function < i->module.counts[INTERP_SECTION_FUNCTIONS])
        vk_out_fmt(why, " (function %u %s, instruction %u)", refusal->function,
                   interp_module_name(&i->module, i->module.functions[refusal->function].name), refusal->at);
    else
        vk_out_fmt(why, " (entry %u of its section)", refusal->at);
    return -VK_EMALFORMED;
}

static int verify(struct vkd_verified *i, struct vk_span file, const struct vkd_verified_options *o,
                  struct vk_out *why)
{
    struct interp_refusal refusal = {0};
    if (interp_module_open(&i->module, file.ptr, file.len, &refusal) != 0) {
        vk_out_fmt(why, "%s: the module is refused: %s", o->name, refusal.why);
        return -VK_EMALFORMED;
    }
    size_t len = interp_verify_scratch_bytes(&i->module) + 1;
    void *scratch = o->memory.alloc(o->memory.ctx, len);
    if (scratch == NULL)
        return no_room(o, why);
    int rc = interp_verify(&i->module, scratch, &refusal);
    o->memory.free(o->memory.ctx, scratch, len);
    return rc ? refuse(i, o, &refusal, why) : 0;
}

static int unknown_native(const struct vkd_verified *i, const struct vkd_verified_options *o,
                          const struct interp_refusal *refusal, struct vk_out *why)
{
    const char *name = "?";
    vk_out_fmt(why, "%s: ", o->name);
    if (interp_host_explain(&i->module, o->hosts, refusal->at, why)) {
        vk_out_fmt(why, "%s", o->host_advice != NULL ? o->host_advice : "");
        return -VK_ENOENT;
    }
    if (refusal->at < i->module.counts[INTERP_SECTION_NATIVES])
        name = interp_module_name(&i->module, i->module.natives[refusal->at].name);
    if (vk_span_starts_with(vk_span_text(name), VK_SPAN_LIT("test.")))
        vk_out_fmt(why, "it was built with its tests, which make requests: `vkd test` runs them");
    else
        vk_out_fmt(why, "this version cannot run it: %s (%s)", refusal->why, name);
    return -VK_ENOENT;
}

static int lay_out(struct vkd_verified *i, const struct vkd_verified_options *o, uint32_t lets_bytes,
                   struct vk_out *why)
{
    struct interp_image_options options = {
        .natives = o->natives, .hosts = o->hosts, .lets_bytes = lets_bytes};
    struct interp_refusal refusal = {0};
    if (o->hash_key != NULL)
        options.hash_key = *o->hash_key;
    else if (plat_random(&options.hash_key, sizeof options.hash_key) != 0) {
        vk_out_fmt(why, "%s: the system gives no random numbers", o->name);
        return -VK_EIO;
    }
    size_t len = VK_ALIGN_UP(interp_image_bytes(&i->module, lets_bytes), (size_t)VK_PAGE_BYTES);
    i->memory = reserve(len);
    if (i->memory == NULL)
        return no_room(o, why);
    i->memory_bytes = len;
    if (interp_image_init(&i->image, &i->module, i->memory, &options, &refusal) != 0)
        return unknown_native(i, o, &refusal, why);
    return 0;
}

/* A file of several is named from the folder of the first. */
static void put_freeze_refusal(const char *name, const struct interp_freeze_refusal *refusal,
                               struct vk_out *why)
{
    const char *slash = strrchr(name, '/');
    int folder_len = *refusal->file && slash != NULL ? (int)(slash + 1 - name) : 0;
    vk_out_fmt(why, "%.*s%s:%u: the top-level value `%s` cannot be computed: %.*s", folder_len, name,
               *refusal->file ? refusal->file : name, refusal->line, refusal->let, (int)refusal->why_len,
               refusal->why);
}

static int evaluate(struct vkd_verified *i, const struct vkd_verified_options *o, struct vk_out *why)
{
    struct interp_freeze_refusal refusal = {.file = ""};
    const struct interp_freeze_options options = {.heap = reserve(INTERP_FREEZE_HEAP_BYTES),
                                                  .heap_bytes = INTERP_FREEZE_HEAP_BYTES,
                                                  .wall_s = o->wall_s,
                                                  .now_ns = o->now_ns,
                                                  .log = o->log,
                                                  .context = o->log_ctx};
    if (options.heap == NULL)
        return no_room(o, why);
    int rc = interp_freeze(&i->image, &options, &refusal);
    (void)munmap(options.heap, INTERP_FREEZE_HEAP_BYTES);
    if (rc != 0)
        put_freeze_refusal(o->name, &refusal, why);
    return rc;
}

/* Nobody writes the image any more, and room that nothing was frozen into is given back. */
static int seal(struct vkd_verified *i, const struct vkd_verified_options *o, struct vk_out *why)
{
    size_t used = VK_ALIGN_UP(interp_image_used_bytes(&i->image, i->memory), (size_t)VK_PAGE_BYTES);
    if (used < i->memory_bytes && munmap((uint8_t *)i->memory + used, i->memory_bytes - used) == 0)
        i->memory_bytes = used;
    return mprotect(i->memory, i->memory_bytes, PROT_READ) == 0 ? 0 : no_room(o, why);
}

int vkd_verified_open(struct vkd_verified *verified, struct vk_span file,
                      const struct vkd_verified_options *options, struct vk_out *why)
{
    *verified = (struct vkd_verified){0};
    return verify(verified, file, options, why);
}

int vkd_verified_lay_out(struct vkd_verified *verified, const struct vkd_verified_options *options,
                         struct vk_out *why)
{
    bool has_lets = interp_freeze_count(&verified->module) > 0;
    int rc = lay_out(verified, options, has_lets ? INTERP_LETS_MAX_BYTES : 0, why);
    if (rc == 0 && has_lets)
        rc = evaluate(verified, options, why);
    if (rc == 0)
        rc = seal(verified, options, why);
    if (rc != 0)
        vkd_verified_fini(verified);
    return rc;
}

void vkd_verified_fini(struct vkd_verified *verified)
{
    if (verified->memory != NULL)
        (void)munmap(verified->memory,
                     verified->memory_bytes); /* fails only for a range that is no mapping */
    *verified = (struct vkd_verified){0};
}
