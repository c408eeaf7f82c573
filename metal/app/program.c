/* SPDX-License-Identifier: Apache-2.0 */
#include "metal/app/program.h"

#include "interp/freeze.h"
#include "interp/verify.h"
#include "metal/app/say.h"
#include "metal/paging.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/plat.h"

static bool no_room(const char *what, size_t len_bytes)
{
    (void)app_refuse("no room of %zu bytes for %s; give the machine more memory", len_bytes, what);
    return false;
}

static bool open(struct app_program *p, struct vk_span file)
{
    struct interp_refusal refusal = {0};
    int rc = interp_module_open(&p->module, file.ptr, file.len, &refusal);
    if (rc != 0)
        (void)app_refuse("the module is refused: %s", refusal.why);
    return rc == 0;
}

static bool verify(struct app_program *p)
{
    struct interp_refusal refusal = {0};
    struct vk_region scratch;
    size_t len_bytes = interp_verify_scratch_bytes(&p->module) + 1;
    if (vk_region_init(&scratch, len_bytes) != 0)
        return no_room("the verifier", len_bytes);
    int rc = interp_verify(&p->module, vk_region_alloc(&scratch, len_bytes, 8), &refusal);
    vk_region_fini(&scratch);
    if (rc == 0)
        return true;
    if (refusal.function < p->module.counts[INTERP_SECTION_FUNCTIONS])
        (void)app_refuse("the module is refused: %s (function %s, instruction %u)", refusal.why,
                         interp_module_name(&p->module, p->module.functions[refusal.function].name),
                         refusal.at);
    else
        (void)app_refuse("the module is refused: %s (entry %u of its section)", refusal.why, refusal.at);
    return false;
}

/* The seed's own, so that runs repeat; else from the machine. */
static bool make_key(const struct app_program_options *options, struct interp_hash_key *key)
{
    uint64_t words[sizeof *key / 8], state = options->seed;
    for (size_t i = 0; i < VK_COUNT(words); i++)
        words[i] = state += 0x9e3779b97f4a7c15u;
    memcpy(key, words, sizeof *key);
    if (options->seed != 0 || plat_random(key, sizeof *key) == 0)
        return true;
    (void)app_refuse(
        "the machine gives no random numbers: it needs a processor with RDRAND (QEMU: -cpu max) or a "
        "virtio-rng device");
    return false;
}

static void log_value(void *context, struct vk_span line)
{
    (void)context;
    app_say("vkd: %.*s", (int)line.len, (const char *)line.ptr);
}

static bool evaluate(struct app_program *p, const struct app_program_options *options)
{
    struct interp_freeze_refusal refusal = {0};
    struct vk_region heap;
    struct interp_freeze_options freeze = {.heap_bytes = options->freeze_heap_bytes,
                                           .log = options->is_silent ? NULL : log_value,
                                           .now_ns = options->seed ? 0 : plat_mono_ns(),
                                           .wall_s = options->seed ? options->epoch_s : plat_wall_s()};
    if (vk_region_init(&heap, freeze.heap_bytes) != 0)
        return no_room("top-level values", freeze.heap_bytes);
    freeze.heap = vk_region_alloc(&heap, freeze.heap_bytes, VK_PAGE_BYTES);
    int rc = interp_freeze(&p->image, &freeze, &refusal);
    vk_region_fini(&heap);
    if (rc != 0)
        (void)app_refuse("line %u: the top-level value `%s` cannot be computed: %.*s", refusal.line,
                         refusal.let, (int)refusal.why_len, refusal.why);
    return rc == 0;
}

static bool unknown_native(const struct app_program *p, const struct interp_refusal *refusal)
{
    const char *name = "?";
    if (refusal->at < p->module.counts[INTERP_SECTION_NATIVES])
        name = interp_module_name(&p->module, p->module.natives[refusal->at].name);
    (void)app_refuse("this image cannot run the module: %s (%s)", refusal->why, name);
    return false;
}

/* What is run, and the constants, can only be read from now on; room that nothing was frozen into is closed.
 */
static bool seal(const struct app_program *p, const void *memory, size_t len_bytes)
{
    size_t all = VK_ALIGN_UP(len_bytes, (size_t)VK_PAGE_BYTES);
    size_t used = VK_ALIGN_UP(interp_image_used_bytes(&p->image, memory), (size_t)VK_PAGE_BYTES);
    uint8_t *rest = (uint8_t *)(uintptr_t)memory + used;
    if ((used == all || plat_protect(rest, all - used, PLAT_PROT_NONE) == 0) &&
        metal_paging_seal(memory, used) == 0)
        return true;
    return no_room("the program's tables", used);
}

static bool lay_out(struct app_program *p, const struct app_program_options *options)
{
    struct interp_image_options image = {.natives = options->natives};
    struct interp_refusal refusal = {0};
    bool has_lets = interp_freeze_count(&p->module) > 0;
    image.lets_bytes = has_lets ? options->freeze_heap_bytes / 4 : 0;
    size_t len_bytes = interp_image_bytes(&p->module, image.lets_bytes);
    if (!make_key(options, &image.hash_key))
        return false;
    if (vk_region_init(&p->image_region, len_bytes) != 0)
        return no_room("the program", len_bytes);
    void *memory = vk_region_alloc(&p->image_region, len_bytes, VK_PAGE_BYTES);
    if (interp_image_init(&p->image, &p->module, memory, &image, &refusal) != 0)
        return unknown_native(p, &refusal);
    return (!has_lets || evaluate(p, options)) && seal(p, memory, len_bytes);
}

static bool make_host(struct app_program *p)
{
    struct interp_refusal refusal = {0};
    size_t len_bytes = net_bind_host_bytes(&p->module);
    if (vk_region_init(&p->host_region, len_bytes) != 0)
        return no_room("the program's services", len_bytes);
    void *memory = vk_region_alloc(&p->host_region, len_bytes, VK_CACHE_LINE_BYTES);
    if (net_bind_host_init(&p->host, &p->image, memory, &refusal) == 0)
        return true;
    (void)app_refuse("line %u: the program cannot be served: %s", refusal.at, refusal.why);
    return false;
}

bool app_program_load(struct app_program *program, struct vk_span file,
                      const struct app_program_options *options)
{
    bool is_good = open(program, file) && (options->is_verified || verify(program)) &&
                   lay_out(program, options) && make_host(program) &&
                   (!options->seals_file || metal_paging_seal(file.ptr, file.len) == 0);
    if (!is_good)
        app_program_unload(program);
    return is_good;
}

void app_program_unload(struct app_program *program)
{
    vk_region_fini(&program->host_region);
    vk_region_fini(&program->image_region);
    *program = (struct app_program){0};
}
