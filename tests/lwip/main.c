/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     test_lwip CASE
 *
 * Exit: 0 passed, 1 failed, 2 no such case.
 */
#include "tests/lwip/lwip.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CASE_LIMIT_S 300 /* a case that hangs in the driver itself */

static const struct lwip_case *const tables[] = {lwip_cases_tcp, lwip_cases_crowd, lwip_cases_net};

static void skip(const char *why) __attribute__((noreturn));

void lwip_fail(const char *where, const char *what)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", where, what);
    _exit(1);
}

static void skip(const char *why)
{
    lwip_fail("skipped", why); /* no case has a reason to */
}

const struct rig_host lwip_host = {.fail = lwip_fail, .skip = skip, .seed = 1};
struct rig lwip_rig;

struct lwip_pair *lwip_rig_pair(const struct sim_wire_options *options, uint32_t conns_max,
                                uint32_t buffers_bytes)
{
    struct lwip_pair *pair;
    LWIP_CHECK(lwip_pair_create(options, conns_max, buffers_bytes, &pair) == 0);
    rig_init(&lwip_rig, lwip_pair_io(pair), &lwip_host);
    rig_listen(&lwip_rig, false);
    return pair;
}

/* What nothing but the stack itself uses: timers, groups, UDP; neighbours come and go with it. */
#define IDLE_BYTES 4096u

void lwip_check_memory(struct lwip_pair *machines)
{
    struct proc_io *io = lwip_pair_io(machines);
    struct proc_io_event event;
    uint64_t now_ns = io->ops->now(io);
    uint64_t end_ns = now_ns + 120000000000u; /* TIME_WAIT, orphans and neighbours are over */
    while (now_ns < end_ns)
        LWIP_CHECK(io->ops->wait(io, &event, 1, end_ns, &now_ns) == 0);
    for (uint32_t i = 0; i < SIM_WIRE_ENDS; i++) {
        struct metal_lwip_status status;
        metal_lwip_status(lwip_pair_end(machines, i), &status);
        LWIP_CHECK(status.bytes_used < IDLE_BYTES && status.conns_live <= 1);
    }
}

uint64_t lwip_rig_now(void)
{
    return lwip_rig.io->ops->now(lwip_rig.io);
}

void lwip_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

int main(int argc, char **argv)
{
    alarm(CASE_LIMIT_S);
    for (size_t t = 0; argc == 2 && t < VK_COUNT(tables); t++) {
        for (const struct lwip_case *c = tables[t]; c->name != NULL; c++) {
            if (strcmp(c->name, argv[1]) != 0)
                continue;
            c->run();
            return 0;
        }
    }
    fprintf(stderr, "usage: test_lwip CASE, CASE one of\n");
    for (size_t t = 0; t < VK_COUNT(tables); t++) {
        for (const struct lwip_case *c = tables[t]; c->name != NULL; c++)
            fprintf(stderr, "  %s\n", c->name);
    }
    return 2;
}
