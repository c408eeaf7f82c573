/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host of a program. Its memory holds the blocks, then for each of them
 * the patterns, the functions and the table of its routes.
 */
#include "net/bind/host.h"

#include "interp/actor.h"
#include "interp/store.h"
#include "net/chars.h"
#include "net/reply.h"
#include "net/route.h"
#include "proc/store.h"
#include "vk/err.h"
#include "vk/limits.h"
#include "vk/pool.h"

const struct interp_native *const net_bind_host_natives[] = {interp_natives,
                                                             interp_list_natives,
                                                             interp_text_natives,
                                                             interp_turn_natives,
                                                             interp_actor_natives,
                                                             interp_store_natives,
                                                             interp_wait_natives,
                                                             net_bind_natives,
                                                             net_bind_body_natives,
                                                             net_bind_respond_natives,
                                                             NULL};

static const struct interp_block *blocks_of(const struct interp_module *module, uint32_t *ret_count)
{
    const struct interp_services *services = interp_module_services(module);
    *ret_count = services ? services->blocks.count : 0;
    return services ? interp_module_at(module, services->blocks) : NULL;
}

static const struct interp_route *routes_of(const struct interp_module *module,
                                            const struct interp_block *block)
{
    return interp_module_at(module, block->routes);
}

static struct vk_span pattern_of(const struct interp_module *module, const struct interp_route *route)
{
    return vk_span_text(interp_module_name(module, route->pattern));
}

/* Room for what a block holds: rather more than the table of its routes will take. */
static size_t block_room(const struct interp_module *module, const struct interp_block *block)
{
    const struct interp_route *routes = routes_of(module, block);
    size_t room = 64;
    for (uint32_t i = 0; i < block->routes.count; i++) {
        struct vk_span pattern = pattern_of(module, &routes[i]);
        room += net_route_room(&pattern, 1) + sizeof(struct vk_span) + sizeof(uint32_t);
    }
    return VK_ALIGN_UP(room, (size_t)8);
}

size_t net_bind_host_bytes(const struct interp_module *module)
{
    uint32_t count;
    const struct interp_block *blocks = blocks_of(module, &count);
    size_t sum = 128 + count * sizeof(struct net_bind_block) + interp_cast_bytes(module);
    for (uint32_t i = 0; i < count; i++)
        sum += block_room(module, &blocks[i]);
    return sum;
}

static int refuse(struct interp_refusal *refusal, const char *why, uint32_t line, int err)
{
    *refusal = (struct interp_refusal){why, INTERP_NOWHERE, line};
    return err;
}

/* The table of a block's routes at `at`, which moves behind it. */
static int make_routes(struct net_bind_block *b, const struct interp_module *module, uint8_t **at,
                       struct interp_refusal *refusal)
{
    const struct interp_route *routes = routes_of(module, b->block);
    uint32_t count = b->block->routes.count, bad = 0;
    struct vk_span *patterns = (void *)*at;
    uint32_t *functions = (void *)(patterns + count);
    uint8_t *table = (uint8_t *)(functions + count);
    uint8_t *end = *at + block_room(module, b->block);
    size_t len;
    for (uint32_t i = 0; i < count; i++) {
        patterns[i] = pattern_of(module, &routes[i]);
        functions[i] = routes[i].function;
    }
    int rc = net_route_build(patterns, count, table, (size_t)(end - table), &len, &bad);
    if (rc)
        return refuse(refusal, "this route cannot be served", routes[bad].line, rc);
    b->http = (struct net_bind_http){.routes = table, .functions = functions, .crash = b->block->crash};
    *at = end;
    return 0;
}

/* The service's name as the Server field says it: as far as it can stand there. */
static struct vk_span server_of(const struct net_bind_host *host)
{
    struct vk_span name = vk_span_text(host->name);
    if (name.len > NET_REPLY_SERVER_MAX)
        name.len = NET_REPLY_SERVER_MAX;
    return net_chars_all(name.ptr, name.len, NET_CHAR_TOKEN) ? name : vk_span("", 0);
}

static void make_program(const struct net_bind_host *host, struct net_bind_block *b,
                         struct interp_program *program, interp_choose_fn choose)
{
    const struct interp_block *block = b->block;
    uint32_t heap_bytes = block->heap_bytes ? (uint32_t)block->heap_bytes : NET_BIND_HEAP_BYTES;
    uint64_t cpu_ns = block->cpu_ns ? block->cpu_ns : NET_BIND_CPU_NS;
    interp_program_init(program, host->name, host->image, 0, heap_bytes, cpu_ns / INTERP_NS_PER_REDUCTION);
    program->choose = choose;
    program->service = &b->http;
}

static int make_block(struct net_bind_host *host, struct net_bind_block *b, const struct interp_block *block,
                      uint8_t **at, struct interp_refusal *refusal)
{
    const struct interp_module *module = &host->image->module;
    if (block->heap_bytes > vk_pool_class_bytes(VK_SLOT_CLASSES - 1))
        return refuse(refusal, "a heap larger than any slot", 0, -VK_ETOOBIG);
    b->block = block;
    int rc = make_routes(b, module, at, refusal);
    if (rc)
        return rc;
    b->http.server = server_of(host);
    make_program(host, b, &b->program, net_bind_http_choose);
    b->handler.program = &b->program.program;
    if (block->crash != INTERP_NOWHERE) {
        make_program(host, b, &b->crash, net_bind_http_choose_crash);
        b->handler.crash = &b->crash.program;
    }
    b->handler.deadline_ns = block->deadline_ns ? block->deadline_ns : NET_BIND_DEADLINE_NS;
    b->address = block->address ? interp_module_name(module, block->address) : NULL;
    return 0;
}

int net_bind_host_init(struct net_bind_host *host, const struct interp_image *image, void *memory,
                       struct interp_refusal *ret_refusal)
{
    const struct interp_module *module = &image->module;
    const struct interp_services *services = interp_module_services(module);
    uint32_t count;
    const struct interp_block *blocks = blocks_of(module, &count);
    *host = (struct net_bind_host){.image = image, .blocks = memory};
    host->name = services ? interp_module_name(module, services->name) : "vkd";
    if (count > NET_LISTENERS_MAX)
        return refuse(ret_refusal, "more http blocks than a server has listeners", 0, -VK_ETOOBIG);
    uint8_t *at = (uint8_t *)(host->blocks + count);
    for (uint32_t i = 0; i < count; i++) {
        int rc = make_block(host, &host->blocks[i], &blocks[i], &at, ret_refusal);
        if (rc)
            return rc;
    }
    host->blocks_count = count;
    interp_cast_init(&host->cast, image, (void *)VK_ALIGN_UP((uintptr_t)at, (uintptr_t)64));
    return 0;
}

_Static_assert(NET_BIND_ENV_STORES + 2 == INTERP_STORES_HANDLE, "natives find the stores there");
_Static_assert(NET_BIND_ENV_FREE < PROC_ENV_MAX, "the caller can add something");

/* ---- in a kernel ------------------------------------------------------------------ */

size_t net_bind_host_region_bytes(const struct net_bind_host *host, uint32_t conns_max)
{
    size_t server_bytes = host->blocks_count ? net_server_region_bytes(conns_max) : 0;
    return interp_actors_region_bytes(&host->cast) + interp_stores_region_bytes(&host->image->module) +
           server_bytes;
}

static int start(const struct net_bind_host *host, struct proc_kernel *kernel, struct net_bind_hosted *hosted)
{
    const struct net_server_options options = {
        .env = &hosted->env, .name = server_of(host), .conns_max = hosted->conns_max};
    hosted->host = host;
    hosted->env.count = NET_BIND_ENV_FREE;
    int rc = interp_actors_create(kernel, &host->cast, &hosted->env, &hosted->actors);
    if (rc)
        return rc;
    hosted->env.objects[NET_BIND_ENV_ACTORS] = interp_actors_object(hosted->actors);
    rc = interp_stores_create(kernel, &host->image->module, &hosted->env.objects[NET_BIND_ENV_STORES]);
    if (rc)
        return rc;
    if (host->blocks_count)
        rc = net_server_create(kernel, &options, &hosted->server);
    return rc ? rc : interp_actors_start(hosted->actors);
}

/* What a failed start has made is the newest in the kernel's tables, so that they can forget it. */
int net_bind_host_start(const struct net_bind_host *host, struct proc_kernel *kernel,
                        struct net_bind_hosted *hosted)
{
    struct vk_region *region = proc_kernel_region(kernel);
    size_t used_bytes = region->used_bytes;
    const struct proc_store *last = NULL, *store;
    while ((store = proc_store_after(kernel, last)) != NULL)
        last = store;
    int rc = start(host, kernel, hosted);
    if (rc) {
        proc_stores_forget(kernel, last);
        vk_region_rewind(region, used_bytes);
        hosted->server = NULL;
        hosted->actors = NULL;
    }
    return rc;
}

int net_bind_host_listen(struct net_bind_hosted *hosted, uint32_t block, uint32_t listener)
{
    vk_assert(block < hosted->host->blocks_count);
    return net_server_listen(hosted->server, listener, &hosted->host->blocks[block].handler);
}
