/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vkd test`: each test of each file in a process of its own, in a kernel of
 * its own, in simulation. What failed is told with the lines that its
 * processes logged.
 */
#include "vk/limits.h"
#include "vkd/command.h"
#include "vkd/find.h"
#include "vkd/load.h"
#include "vkd/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEED_DEFAULT 1u

/* Only what never ends is ended by the time it takes, or a slow machine would see other runs. */
#define NATIVE_TICK_NS 100000000u

struct options {
    uint64_t seed;
    const char *filter; /* NULL: every test */
    bool is_verbose;
    struct vkd_found found;
};

/* ---- the command line ------------------------------------------------------------ */

static bool parse_seed(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *ret != 0;
}

/* A flag that takes a value: 0, or the exit code of a wrong one. */
static int parse_value(struct options *o, const char *flag, const char *value)
{
    bool is_seed = strcmp(flag, "--seed") == 0;
    if (!is_seed && strcmp(flag, "--filter") != 0)
        return vkd_usage_error(&vkd_command_test, "unknown flag '%s'", flag);
    if (value == NULL)
        return vkd_usage_error(&vkd_command_test, "%s needs a value", flag);
    if (is_seed && !parse_seed(value, &o->seed))
        return vkd_usage_error(&vkd_command_test, "--seed takes a whole number from 1 on, not '%s'", value);
    if (!is_seed)
        o->filter = value;
    return 0;
}

static int parse(struct options *o, int argc, char *const *argv)
{
    bool are_flags = true, is_good = true;
    int rc = 0;
    for (int i = 1; i < argc && rc == 0; i++) {
        if (!are_flags || argv[i][0] != '-')
            is_good &= vkd_find(&o->found, argv[i]);
        else if (strcmp(argv[i], "--") == 0)
            are_flags = false;
        else if (strcmp(argv[i], "--verbose") == 0)
            o->is_verbose = true;
        else
            rc = parse_value(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL), i++;
    }
    if (rc == 0 && is_good && o->found.count == 0)
        is_good = vkd_find(&o->found, ".");
    return rc == 0 && !is_good ? VKD_EXIT_USAGE : rc;
}

/* ---- running ------------------------------------------------------------------------- */

static void run_tests(const struct options *o, const struct vkd_loaded *l, struct vkd_report *report)
{
    const struct interp_services *services = interp_module_services(&l->code.module);
    const struct interp_test *tests = services ? interp_module_at(&l->code.module, services->tests) : NULL;
    struct vkd_trial trial = {.host = &l->host,
                              .seed = o->seed,
                              .heap_bytes = VKD_TRIAL_HEAP_BYTES,
                              .reductions = VKD_TRIAL_REDUCTIONS,
                              .native_tick_ns = NATIVE_TICK_NS,
                              .log = vkd_report_log,
                              .log_ctx = report};
    for (uint32_t i = 0; services && i < services->tests.count; i++) {
        struct vkd_outcome outcome;
        const char *name = interp_module_name(&l->code.module, tests[i].name);
        if (o->filter != NULL && strstr(name, o->filter) == NULL)
            continue;
        vkd_report_begin(report, name, tests[i].line);
        vkd_trial_run(&trial, tests[i].function, &outcome);
        vkd_report_end(report, &outcome);
    }
}

/* false: the file has errors. */
static bool run_file(const struct options *o, const struct vkd_found_file *file, struct vkd_report *report)
{
    struct vkd_loaded l = {.has_tests = true, .hosts = &vkd_no_host, .seed = o->seed, .top = file->top};
    report->path = file->path;
    bool is_good = vkd_load_host(file->path, vkd_trial_natives(), &l);
    if (is_good)
        run_tests(o, &l, report);
    vkd_unload(&l);
    return is_good;
}

static int run_all(const struct options *o)
{
    struct vkd_report report = {.is_verbose = o->is_verbose};
    uint32_t bad = 0;
    for (uint32_t i = 0; i < o->found.count; i++)
        bad += !run_file(o, &o->found.files[i], &report);
    if (report.failed > 0)
        printf("with --seed %llu it is the same again\n", (unsigned long long)o->seed);
    if (bad > 0)
        printf("%u file%s with errors\n", bad, bad == 1 ? "" : "s");
    if (report.passed + report.failed + bad == 0)
        printf("no tests%s%s\n", o->filter != NULL ? " whose name contains " : "",
               o->filter != NULL ? o->filter : "");
    printf("%u passed, %u failed\n", report.passed, report.failed);
    vkd_report_fini(&report);
    return report.passed > 0 && report.failed + bad == 0 ? 0 : VKD_EXIT_PROGRAM;
}

static int run(int argc, char *const *argv)
{
    struct options options = {.seed = SEED_DEFAULT};
    int rc = parse(&options, argc, argv);
    if (rc == 0)
        rc = run_all(&options);
    vkd_found_fini(&options.found);
    return rc;
}

const struct vkd_command vkd_command_test = {
    .name = "test",
    .arguments = "[FLAGS] [FILE|FOLDER...]",
    .about = "run the tests of programs",
    .details =
        "Of a FOLDER, the tests of every .vk file below it; without one, of the current folder. A FILE may\n"
        "be a module (.vkb) that was built with --tests.\n"
        "  --filter TEXT  only tests whose name contains TEXT\n"
        "  --seed N       the chance in the simulated network, 1 when it is not given: the same seed is\n"
        "                 the same run\n"
        "  --verbose      also name the tests that pass, with what they logged\n"
        "Exit code 0 when tests ran and all passed, 1 when not, 2 for a wrong command line or a file that\n"
        "cannot be read.\n",
    .run = run,
};
