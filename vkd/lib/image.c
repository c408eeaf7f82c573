/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/lib/image.h"

#include "interp/verify.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"

#include <sys/mman.h>

/* Pages that are not touched cost nothing. */
static void *reserve(size_t len)
{
    void *memory =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

static int no_room(const struct vkd_image_options *o, struct vk_out *why)
{
    vk_out_fmt(why, "%s: out of memory", o->name);
    return -VK_ENOMEM;
}

/* By the verifier: the module is open. */
static int refuse(const struct vkd_image *i, const struct vkd_image_options *o,
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

static int verify(struct vkd_image *i, struct vk_span file, const struct vkd_image_options *o,
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

static int unknown_native(const struct vkd_image *i, const struct vkd_image_options *o,
                          const struct interp_refusal *refusal, struct vk_out *why)
{
    const char *name = "?";
    vk_out_fmt(why, "%s: ", o->name);
    if (interp_host_explain(&i->module, o->hosts, refusal->at, why))
        return -VK_ENOENT;
    if (refusal->at < i->module.counts[INTERP_SECTION_NATIVES])
        name = interp_module_name(&i->module, i->module.natives[refusal->at].name);
    vk_out_fmt(why, "this version cannot run it: %s (%s)", refusal->why, name);
    return -VK_ENOENT;
}

static int lay_out(struct vkd_image *i, const struct vkd_image_options *o, uint32_t lets_bytes,
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

static int evaluate(struct vkd_image *i, const struct vkd_image_options *o, struct vk_out *why)
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
        vk_out_fmt(why, "%s%s%s:%u: the top-level value `%s` cannot be computed: %.*s", o->name,
                   *refusal.file ? ": " : "", refusal.file, refusal.line, refusal.let, (int)refusal.why_len,
                   refusal.why);
    return rc;
}

/* Nobody writes the image any more, and room that nothing was frozen into is given back. */
static int seal(struct vkd_image *i, const struct vkd_image_options *o, struct vk_out *why)
{
    size_t used = VK_ALIGN_UP(interp_image_used_bytes(&i->image, i->memory), (size_t)VK_PAGE_BYTES);
    if (used < i->memory_bytes && munmap((uint8_t *)i->memory + used, i->memory_bytes - used) == 0)
        i->memory_bytes = used;
    return mprotect(i->memory, i->memory_bytes, PROT_READ) == 0 ? 0 : no_room(o, why);
}

int vkd_image_make(struct vkd_image *image, struct vk_span file, const struct vkd_image_options *options,
                   struct vk_out *why)
{
    *image = (struct vkd_image){0};
    int rc = verify(image, file, options, why);
    if (rc != 0)
        return rc;
    bool has_lets = interp_freeze_count(&image->module) > 0;
    rc = lay_out(image, options, has_lets ? INTERP_LETS_MAX_BYTES : 0, why);
    if (rc == 0 && has_lets)
        rc = evaluate(image, options, why);
    if (rc == 0)
        rc = seal(image, options, why);
    if (rc != 0)
        vkd_image_fini(image);
    return rc;
}

void vkd_image_fini(struct vkd_image *image)
{
    if (image->memory != NULL)
        (void)munmap(image->memory, image->memory_bytes); /* fails only for a range that is no mapping */
    *image = (struct vkd_image){0};
}
