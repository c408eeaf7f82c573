/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conformance suite of proc/io.h on bare metal: the very objects of the
 * Linux program, on TCP between two stacks ("lwip" on the command line) or
 * inside one ("loop"). All cases share the driver, since lwIP cannot be
 * started twice; the one that leaves everything to destroy comes last.
 */
#include "metal/console.h"
#include "metal/start.h"
#include "tests/driver/lwip.h"
#include "tests/driver/rig.h"
#include "vk/err.h"
#include "vk/fmt.h"

enum outcome { PASSED, FAILED, SKIPPED };

static const struct rig_case *const tables[] = {rig_cases_basic, rig_cases_stream, rig_cases_cancel,
                                                rig_cases_load, rig_cases_close};

/* The way out of a case that failed or was skipped is the compiler's own longjmp. */
static void *way_out[5];
static struct rig rig;
static struct proc_io *io;
static const struct rig_case *running;
static enum outcome outcome;

static void say(const char *what, const char *why, const char *more)
{
    metal_console_text(what);
    metal_console_text("lwip/");
    metal_console_text(running->name);
    metal_console_text(why);
    metal_console_text(more);
    metal_console_text("\n");
}

static void fail(const char *where, const char *what) __attribute__((noreturn));
static void skip(const char *why) __attribute__((noreturn));

static void fail(const char *where, const char *what)
{
    say("FAIL ", " ", where);
    metal_console_text(what);
    metal_console_text("\n");
    outcome = FAILED;
    __builtin_longjmp(way_out, 1);
}

static void skip(const char *why)
{
    say("skip ", ": ", why);
    outcome = SKIPPED;
    __builtin_longjmp(way_out, 1);
}

static const struct rig_host host = {.fail = fail, .skip = skip, .seed = 1};

/* Apart from its caller: a function that calls setjmp keeps nothing in registers across it. */
static void __attribute__((noinline)) run_one(void)
{
    outcome = PASSED;
    if (__builtin_setjmp(way_out) != 0)
        return;
    memset(&rig, 0, offsetof(struct rig, buf));
    rig_init(&rig, io, &host);
    running->run(&rig);
    if (!rig.is_abandoned)
        rig_settle(&rig);
    say("ok ", "", "");
}

static void print_count(uint32_t count, const char *what)
{
    char text[VK_FMT_U64_BYTES + 1];
    text[vk_fmt_u64((uint8_t *)text, count)] = '\0';
    metal_console_text(text);
    metal_console_text(what);
}

int metal_main(const struct boot_info *info)
{
    uint32_t counts[3] = {0};
    bool is_loop = memcmp(info->command_line, "loop", 4) == 0;
    int err = is_loop ? lwip_loop_create(NULL, 1, &io) : lwip_clean_create(NULL, 1, &io);
    if (err != 0) {
        metal_console_text(vk_err_text(err));
        return 1;
    }
    for (size_t t = 0; t < VK_COUNT(tables); t++) {
        for (running = tables[t]; running->name != NULL; running++) {
            run_one();
            counts[outcome]++;
        }
    }
    io->ops->destroy(io);
    print_count(counts[PASSED], " passed, ");
    print_count(counts[FAILED], " failed, ");
    print_count(counts[SKIPPED], " skipped\n");
    return counts[FAILED] == 0 ? 0 : 1;
}
