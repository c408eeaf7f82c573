/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: kernels stop in good order, modules come and go, native programs serve
 * HTTP, and options of other versions are understood or refused.
 * Method: a host that is its own client.
 */
#include "tests/embed/host.h"

#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEP  "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define LATER "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"

static struct vk_kernel *make(void)
{
    const struct vk_options options = {.size = sizeof options, .warm_max = 1};
    struct vk_kernel *kernel = NULL;
    CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
    return kernel;
}

static struct vk_module *load(struct vk_kernel *kernel, const char *path)
{
    struct vk_module *module = NULL;
    char why[200] = "";
    const struct vk_module_options options = {.size = sizeof options, .why = why, .why_bytes = sizeof why};
    CHECK_EQ(vk_module_load_file(kernel, path, &options, &module), 0);
    CHECK_EQ(why[0], '\0');
    return module;
}

/* ---- destruction ---- */

struct last {
    struct vk_kernel *kernel;
    struct vk_module *module;
    uint32_t told;
    int rcs[7];
};

static int host_fn(void *context, struct vk_host_call *call)
{
    (void)context, (void)call;
    return 0;
}

static void begin_in_destruction(void *context, const struct vk_answer *answer)
{
    struct last *l = context;
    struct vk_module *module;
    (void)answer;
    l->told++;
    l->rcs[0] = vk_module_load(l->kernel, "", 0, NULL, &module);
    l->rcs[1] = vk_module_load_file(l->kernel, EMBED_PLUGIN, NULL, &module);
    l->rcs[2] = vk_listen(l->module, 0, "127.0.0.1:0", NULL);
    l->rcs[3] = vk_listen_fd(l->module, 0, -1);
    l->rcs[4] = vk_attach(l->module, 0, -1, NULL);
    l->rcs[5] = vk_host_function(l->kernel, "late", "fn()", host_fn, NULL);
    l->rcs[6] = vk_drain(l->kernel, 0);
}

TEST(embed_end, nothing_begins_in_the_destruction)
{
    struct last last = {.kernel = make()};
    struct vk_function *later = NULL;
    const struct vk_value wait = {.type = VK_TYPE_DURATION, .as.i = 20000000};
    last.module = load(last.kernel, EMBED_SERVED);
    CHECK_EQ(vk_function_find(load(last.kernel, EMBED_FUNCTIONS), "later", NULL, &later), 0);
    CHECK_EQ(vk_call(later, &wait, 1, begin_in_destruction, &last, NULL), 0);
    vk_kernel_destroy(last.kernel);
    CHECK_EQ(last.told, 1u);
    for (size_t i = 0; i < sizeof last.rcs / sizeof *last.rcs; i++)
        CHECK_EQ(last.rcs[i], -VK_ECANCELED);
}

/* ---- draining ---- */

TEST(embed_end, a_drain_answers_who_is_in_and_ends_the_run)
{
    char text[HOST_REPLY_MAX];
    uint16_t port = 0;
    struct vk_kernel *kernel = make();
    CHECK_EQ(vk_listen(load(kernel, EMBED_SERVED), 0, "127.0.0.1:0", &port), 0);
    int idle = host_connect(port), busy = host_connect(port);
    host_send(idle, KEEP);
    CHECK(host_receive(kernel, idle, text, sizeof text) > 0);
    host_send(busy, LATER);
    vk_step(kernel, 5000000);
    vk_step(kernel, 0);
    CHECK(!vk_is_drained(kernel));
    CHECK_EQ(vk_drain(kernel, 5000000000), 0);
    CHECK_EQ(vk_run(kernel), 0); /* it returns: nobody is left */
    CHECK(vk_is_drained(kernel));
    size_t len = host_receive(kernel, busy, text, sizeof text - 1);
    text[len] = '\0';
    CHECK(strstr(text, "Connection: close\r\n") != NULL);
    CHECK(strstr(text, "Later.\n") != NULL);
    CHECK_EQ(host_receive(kernel, idle, text, sizeof text), 0u);
    (void)close(idle);
    (void)close(busy);
    vk_kernel_destroy(kernel);
}

static void count_answer(void *context, const struct vk_answer *answer)
{
    (void)answer;
    ++*(uint32_t *)context;
}

TEST(embed_end, a_drain_waits_for_calls)
{
    struct vk_kernel *kernel = make();
    struct vk_function *later = NULL;
    uint32_t told = 0;
    const struct vk_value wait = {.type = VK_TYPE_DURATION, .as.i = 20000000};
    CHECK_EQ(vk_function_find(load(kernel, EMBED_FUNCTIONS), "later", NULL, &later), 0);
    CHECK_EQ(vk_call(later, &wait, 1, count_answer, &told, NULL), 0);
    CHECK_EQ(vk_drain(kernel, 1000000000), 0);
    CHECK(!vk_is_drained(kernel));
    CHECK_EQ(vk_run(kernel), 0);
    CHECK_EQ(told, 1u);
    vk_kernel_destroy(kernel);
}

/* ---- modules ---- */

TEST(embed_end, modules_without_services_come_and_go)
{
    struct vk_kernel *kernel = make();
    const struct vk_value args[] = {vk_int(1), vk_int(2)};
    for (uint32_t i = 0; i < 100; i++) {
        struct vk_module *module = load(kernel, EMBED_PLUGIN);
        struct vk_function *add = NULL;
        uint32_t told = 0;
        CHECK_EQ(vk_function_find(module, "add", NULL, &add), 0);
        CHECK_EQ(vk_call(add, args, 2, count_answer, &told, NULL), 0);
        CHECK_EQ(vk_module_unload(module), -VK_EAGAIN);
        vk_step(kernel, 0);
        CHECK_EQ(told, 1u);
        CHECK_EQ(vk_module_unload(module), 0);
    }
    CHECK_EQ(vk_module_unload(load(kernel, EMBED_SERVED)), -VK_EPERM);
    CHECK_EQ(vk_module_unload(NULL), 0);
    vk_kernel_destroy(kernel);
}

static void *count_alloc(void *context, size_t len_bytes, size_t align_bytes)
{
    *(size_t *)context += len_bytes;
    return aligned_alloc(align_bytes, (len_bytes + align_bytes - 1) / align_bytes * align_bytes);
}

static void count_free(void *context, void *memory, size_t len_bytes)
{
    *(size_t *)context -= len_bytes;
    free(memory);
}

TEST(embed_end, a_module_without_room_for_its_tables_leaves_nothing)
{
    size_t out = 0;
    const struct vk_options options = {
        .size = sizeof options, .allocator = {count_alloc, count_free, &out}, .service_bytes = 64 << 10};
    struct vk_counters counters = {.size = sizeof counters};
    struct vk_kernel *kernel = NULL;
    struct vk_module *module = NULL;
    CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
    size_t before = out;
    for (uint32_t i = 0; i < 50; i++)
        CHECK_EQ(vk_module_load_file(kernel, EMBED_BOTH, NULL, &module), -VK_ENOMEM);
    vk_step(kernel, 0);
    CHECK_EQ(vk_kernel_counters(kernel, &counters), 0);
    CHECK_EQ(counters.started, 0u);
    CHECK_EQ(out, before);
    (void)load(kernel, EMBED_FUNCTIONS); /* which is small enough: they have taken no room */
    vk_kernel_destroy(kernel);
    CHECK_EQ(out, 0u);
}

/* Its third actor finds no room, in the second of two supervisors. */
TEST(embed_end, a_module_without_room_for_its_actors_leaves_nothing)
{
    size_t out = 0;
    const struct vk_options options = {
        .size = sizeof options, .allocator = {count_alloc, count_free, &out}, .processes_max = 2};
    struct vk_counters counters = {.size = sizeof counters};
    struct vk_kernel *kernel = NULL;
    struct vk_module *module = NULL;
    CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
    size_t before = out;
    for (uint32_t i = 0; i < 300; i++) { /* more than there is room for their tables */
        char why[160] = "";
        const struct vk_module_options how = {.size = sizeof how, .why = why, .why_bytes = sizeof why};
        CHECK_EQ(vk_module_load_file(kernel, EMBED_MANY, &how, &module), -VK_ENOMEM);
        CHECK(strstr(why, "many.vkb: it cannot be started: ") != NULL);
    }
    CHECK_EQ(out, before);
    vk_step(kernel, 0);
    CHECK_EQ(vk_kernel_counters(kernel, &counters), 0);
    CHECK_EQ(counters.processes, 0u);
    CHECK_EQ(counters.gave_up, 0u);
    (void)load(kernel, EMBED_BOTH); /* its one actor has room */
    vk_kernel_destroy(kernel);
    CHECK_EQ(out, 0u);
}

TEST(embed_end, supervisors_that_give_up_are_counted)
{
    struct vk_kernel *kernel = make();
    struct vk_module *module = load(kernel, EMBED_MANY);
    struct vk_counters counters = {.size = sizeof counters};
    struct vk_function *hurt = NULL;
    uint32_t told = 0;
    CHECK_EQ(vk_function_find(module, "hurt", NULL, &hurt), 0);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(vk_kernel_counters(kernel, &counters), 0);
        CHECK_EQ(counters.gave_up, 0u);
        CHECK_EQ(vk_call(hurt, NULL, 0, count_answer, &told, NULL), 0);
        vk_step(kernel, 0);
        vk_step(kernel, 0);
    }
    CHECK_EQ(told, 3u);
    CHECK_EQ(vk_kernel_counters(kernel, &counters), 0);
    CHECK_EQ(counters.gave_up, 1u);
    CHECK_EQ(counters.processes, 2u); /* those of the other one */
    vk_kernel_destroy(kernel);
}

TEST(embed_end, what_is_no_module_is_refused_with_words)
{
    struct vk_kernel *kernel = make();
    struct host_file file = host_read(EMBED_SERVED);
    struct vk_module *module = NULL;
    char why[160] = "";
    const struct vk_module_options options = {
        .size = sizeof options, .name = "plug-in 7", .why = why, .why_bytes = sizeof why};
    CHECK_EQ(vk_module_load(kernel, "VKB", 3, &options, &module), -VK_EMALFORMED);
    CHECK(strncmp(why, "plug-in 7: the module is refused: ", 34) == 0);
    for (size_t at = 0; at < file.len; at += 97) {
        file.bytes[at] ^= 0x55;
        CHECK_EQ(vk_module_load(kernel, file.bytes, file.len, &options, &module), -VK_EMALFORMED);
        file.bytes[at] ^= 0x55;
    }
    CHECK_EQ(vk_module_load(kernel, file.bytes, file.len - 8, &options, &module), -VK_EMALFORMED);
    CHECK_EQ(vk_module_load_file(kernel, "/no/such/file.vkb", &options, &module), -VK_ENOENT);
    CHECK_EQ(vk_module_load_file(kernel, "/", &options, &module), -VK_EIO);
    CHECK(module == NULL);
    free(file.bytes);
    vk_kernel_destroy(kernel);
}

/* ---- versions ---- */

TEST(embed_end, options_of_another_version_are_understood_or_refused)
{
    struct {
        struct vk_options known;
        uint64_t newer[4];
    } options = {.known = {.size = sizeof options, .warm_max = 1}};
    struct vk_kernel *kernel = NULL;
    CHECK_EQ(vk_kernel_create(&options.known, &kernel), 0); /* a newer program that asks for nothing new */
    vk_kernel_destroy(kernel);
    options.newer[3] = 1;
    CHECK_EQ(vk_kernel_create(&options.known, &kernel), -VK_ENOTSUP);
    options.known.size = 4;
    CHECK_EQ(vk_kernel_create(&options.known, &kernel), -VK_EINVAL);
    options.known.size = 1u << 20;
    CHECK_EQ(vk_kernel_create(&options.known, &kernel), -VK_EINVAL);
    CHECK_EQ(vk_kernel_create(NULL, &kernel), 0);
    struct {
        struct vk_counters known;
        uint64_t newer[4];
    } counters = {.known = {.size = sizeof counters}};
    counters.newer[0] = 7;
    CHECK_EQ(vk_kernel_counters(kernel, &counters.known), 0);
    CHECK_EQ(counters.newer[0], 0u);
    counters.known.size = 8;
    CHECK_EQ(vk_kernel_counters(kernel, &counters.known), -VK_EINVAL);
    vk_kernel_destroy(kernel);
    vk_kernel_destroy(NULL);
    CHECK_EQ(vk_version(), VK_VERSION_MAJOR << 16 | VK_VERSION_MINOR << 8 | VK_VERSION_PATCH);
    CHECK(strcmp(vk_error_text(-VK_ENOMEM), vk_error_text(VK_ENOMEM)) == 0);
}

#define BYTES_TO(type, last) (offsetof(struct type, last) + sizeof(((struct type *)0)->last))

static enum vk_said greet(struct vk_self *self, struct vk_fiber *fiber);

/* Structs may grow at their ends, where they have room already: what a program of 0.1 passes is enough. */
TEST(embed_end, options_of_the_first_version_stay_whole)
{
    static const vk_step_fn list[] = {greet};
    const struct vk_options options = {.size = BYTES_TO(vk_options, spins)};
    const struct vk_module_options of_module = {.size = BYTES_TO(vk_module_options, why_bytes)};
    const struct vk_function_options of_function = {.size = BYTES_TO(vk_function_options, deadline_ns)};
    const struct vk_native native = {.size = BYTES_TO(vk_native, heap_bytes),
                                     .name = "greeter",
                                     .steps = list,
                                     .steps_count = 1,
                                     .state_bytes = sizeof(struct vk_fiber)};
    const struct vk_spawn_options of_spawn = {.size = BYTES_TO(vk_spawn_options, context)};
    const struct vk_attach_options of_attach = {.size = BYTES_TO(vk_attach_options, one_request)};
    struct vk_counters counters = {.size = BYTES_TO(vk_counters, conns)};
    struct vk_kernel *kernel = NULL;
    struct vk_module *module;
    struct vk_function *add;
    struct vk_program *program = NULL;
    int ends[2];
    CHECK_EQ(options.size, 89u);
    CHECK_EQ(of_attach.size, 25u);
    CHECK_EQ(native.size, 36u);
    CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
    CHECK_EQ(vk_module_load_file(kernel, EMBED_PLUGIN, &of_module, &module), 0);
    CHECK_EQ(vk_function_find(module, "add", &of_function, &add), 0);
    CHECK_EQ(vk_native_create(kernel, &native, &program), 0);
    CHECK_EQ(vk_spawn(program, "", 0, &of_spawn, NULL), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    CHECK_EQ(vk_attach(load(kernel, EMBED_SERVED), 0, ends[0], &of_attach), 0);
    (void)close(ends[1]);
    CHECK_EQ(vk_kernel_counters(kernel, &counters), 0);
    vk_kernel_destroy(kernel);
}

TEST(embed_end, options_that_contradict_themselves_are_refused)
{
    struct vk_options options = {.size = sizeof options, .driver = (enum vk_driver)7};
    struct vk_kernel *kernel = NULL;
    CHECK_EQ(vk_kernel_create(&options, &kernel), -VK_EINVAL);
    options.driver = VK_DRIVER_AUTO;
    options.guarding = (enum vk_guarding)9;
    CHECK_EQ(vk_kernel_create(&options, &kernel), -VK_EINVAL);
    options.guarding = VK_GUARDING_OFF;
    options.allocator.free = (void (*)(void *, void *, size_t))(void *)abort;
    CHECK_EQ(vk_kernel_create(&options, &kernel), -VK_EINVAL);
}

/* ---- the log ---- */

struct lines {
    uint32_t count;
    char last[256];
};

static void keep_line(void *context, enum vk_level level, const char *text, size_t len)
{
    struct lines *lines = context;
    (void)level;
    lines->count++;
    len = len < sizeof lines->last - 1 ? len : sizeof lines->last - 1;
    memcpy(lines->last, text, len);
    lines->last[len] = '\0';
}

TEST(embed_end, what_programs_log_and_why_they_crash_goes_to_the_host)
{
    struct lines lines = {0};
    const struct vk_options options = {.size = sizeof options,
                                       .warm_max = 1,
                                       .driver = VK_DRIVER_EV,
                                       .log = keep_line,
                                       .log_context = &lines};
    const struct vk_value zero[] = {vk_int(1), vk_int(0)};
    struct vk_kernel *kernel = NULL;
    struct vk_function *nothing = NULL, *divide = NULL;
    struct vk_counters counters = {.size = sizeof counters};
    uint32_t told = 0;
    CHECK_EQ(vk_kernel_create(&options, &kernel), 0);
    struct vk_module *module = load(kernel, EMBED_FUNCTIONS);
    CHECK_EQ(vk_function_find(module, "nothing", NULL, &nothing), 0);
    CHECK_EQ(vk_function_find(module, "divide", NULL, &divide), 0);
    CHECK_EQ(vk_call_wait(nothing, NULL, 0, count_answer, &told), 0);
    CHECK_EQ(lines.count, 1u);
    CHECK(strstr(lines.last, "called") != NULL);
    CHECK_EQ(vk_call_wait(divide, zero, 2, count_answer, &told), 0);
    CHECK(lines.count > 1);
    CHECK(strstr(lines.last, "crashed") != NULL);
    CHECK_EQ(vk_kernel_counters(kernel, &counters), 0);
    CHECK_EQ(counters.crashed, 1u);
    CHECK_EQ(counters.started, 3u); /* the actor, and two calls */
    vk_kernel_destroy(kernel);
}

/* ---- native programs over HTTP ---- */

static enum vk_said greet(struct vk_self *self, struct vk_fiber *fiber)
{
    size_t path_len, agent_len = 0;
    (void)fiber;
    const struct vk_request *request = vk_native_request(self);
    if (request == NULL)
        return VK_SAID_END;
    const char *path = vk_native_part(self, request, VK_PART_PATH, &path_len);
    const char *agent = vk_native_field(self, request, "User-Agent", &agent_len);
    if (path_len == 5 && memcmp(path, "/who?", 4) == 0)
        return VK_SAID_FAIL;
    char *body = vk_native_alloc(self, 128);
    if (body == NULL || path_len + agent_len > 120)
        return VK_SAID_FAIL;
    memcpy(body, path, path_len);
    memcpy(body + path_len, " ", 1);
    if (agent != NULL)
        memcpy(body + path_len + 1, agent, agent_len);
    return vk_native_respond(self, request, 200, "text/plain", body, path_len + 1 + agent_len) == 0
               ? VK_SAID_END
               : VK_SAID_FAIL;
}

static const vk_step_fn steps[] = {greet};
static const struct vk_native greeter = {.size = sizeof greeter,
                                         .name = "greeter",
                                         .steps = steps,
                                         .steps_count = 1,
                                         .state_bytes = sizeof(struct vk_fiber)};

TEST(embed_end, a_native_program_serves_http)
{
    char text[HOST_REPLY_MAX];
    struct vk_kernel *kernel = make();
    struct vk_program *program = NULL;
    struct vk_counters counters = {.size = sizeof counters};
    uint16_t port = 0;
    CHECK_EQ(vk_native_create(kernel, &greeter, &program), 0);
    CHECK_EQ(vk_native_listen(program, NULL, 0, &port), -VK_EINVAL);
    CHECK_EQ(vk_native_listen(program, "127.0.0.1:0", 1000000000, &port), 0);
    host_fetch(kernel, port, "GET /a/b HTTP/1.1\r\nHost: a\r\nuser-agent: me\r\nConnection: close\r\n\r\n",
               text);
    CHECK(strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0);
    CHECK(strstr(text, "\r\n\r\n/a/b me") != NULL);
    host_fetch(kernel, port, "GET / HTTP/1.1\r\n\r\n", text);
    CHECK(strncmp(text, "HTTP/1.1 400 ", 13) == 0);
    CHECK_EQ(vk_kernel_counters(kernel, &counters), 0);
    CHECK_EQ(counters.requests, 2u);
    CHECK_EQ(counters.accepted, 2u);
    vk_kernel_destroy(kernel);
}

/* Who is on the way while the kernel drains is answered; what is loaded and attached then drains too. */
TEST(embed_end, a_kernel_that_drains_answers_and_takes_no_listener)
{
    char text[HOST_REPLY_MAX];
    struct vk_kernel *kernel = make();
    struct vk_program *program = NULL, *second = NULL;
    uint16_t port = 0;
    int ends[2];
    CHECK_EQ(vk_native_create(kernel, &greeter, &program), 0);
    CHECK_EQ(vk_native_create(kernel, &greeter, &second), 0);
    CHECK_EQ(vk_native_listen(program, "127.0.0.1:0", 0, &port), 0);
    CHECK_EQ(vk_drain(kernel, 5000000000), 0);
    CHECK_EQ(vk_native_listen(second, "127.0.0.1:0", 0, NULL), -VK_ECANCELED);
    int client = host_connect(port);
    host_send(client, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    size_t len = host_receive(kernel, client, text, sizeof text - 1);
    text[len] = '\0';
    CHECK(strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0);
    CHECK(strstr(text, "Connection: close\r\n") != NULL);
    struct vk_module *module = load(kernel, EMBED_SERVED);
    CHECK_EQ(vk_listen(module, 0, "127.0.0.1:0", NULL), -VK_ECANCELED);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_EQ(vk_attach(module, 0, ends[0], NULL), 0);
    host_send(ends[1], KEEP);
    len = host_receive(kernel, ends[1], text, sizeof text - 1);
    text[len] = '\0';
    CHECK(strstr(text, "Connection: close\r\n") != NULL);
    CHECK_EQ(vk_run(kernel), 0);
    (void)close(client);
    (void)close(ends[1]);
    vk_kernel_destroy(kernel);
}
