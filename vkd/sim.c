/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vkd sim`: whole servers under clients, networks and accidents that a seed
 * decides. What does not hold is told with what happened before it, made
 * shorter, and written to a file that shows it again.
 */
#include "vkd/command.h"
#include "vkd/complain.h"
#include "vkd/load.h"
#include "vkd/sim/play.h"
#include "vkd/sim/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SEEDS_DEFAULT 100u
#define TALES_SHOWN   60u /* lines */

static struct options {
    uint64_t seeds, seed, ticks, jobs;
    const char *script; /* a file to be played; NULL: seeds */
    const char *out;    /* where a script that breaks is written; NULL: named after its seed */
    const char *app;    /* NULL: the programs that come with it */
    bool is_verbose, keeps, repeats, may_fail;
} options;

static uint32_t routes;

/* ---- the command line -------------------------------------------------------------------- */

static bool parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *ret)
{
    char *end;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *ret >= least && *ret <= most;
}

static int parse_value(struct options *o, const char *flag, const char *value)
{
    const struct {
        const char *flag;
        uint64_t *number;
        const char **text;
        uint64_t least, most;
    } flags[] = {{"--seeds", &o->seeds, NULL, 1, UINT32_MAX}, {"--seed", &o->seed, NULL, 1, UINT64_MAX},
                 {"--ticks", &o->ticks, NULL, 1, 1000000},    {"--jobs", &o->jobs, NULL, 1, VKD_JOBS_MAX},
                 {"--script", NULL, &o->script, 0, 0},        {"--out", NULL, &o->out, 0, 0}};
    for (size_t i = 0; i < VK_COUNT(flags); i++) {
        if (strcmp(flag, flags[i].flag) != 0)
            continue;
        if (value == NULL)
            return vkd_usage_error(&vkd_command_sim, "%s needs a value", flag);
        if (flags[i].text != NULL)
            *flags[i].text = value;
        else if (!parse_number(value, flags[i].least, flags[i].most, flags[i].number))
            return vkd_usage_error(&vkd_command_sim, "%s takes a whole number from %llu to %llu, not '%s'",
                                   flag, (unsigned long long)flags[i].least,
                                   (unsigned long long)flags[i].most, value);
        return 0;
    }
    return vkd_usage_error(&vkd_command_sim, "unknown flag '%s'", flag);
}

static int parse(struct options *o, int argc, char *const *argv)
{
    bool are_flags = true;
    int rc = 0;
    for (int i = 1; i < argc && rc == 0; i++) {
        if (!are_flags || argv[i][0] != '-') {
            if (o->app != NULL)
                return vkd_usage_error(&vkd_command_sim, "one program, not '%s' and '%s'", o->app, argv[i]);
            o->app = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            are_flags = false;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            o->is_verbose = true;
        } else if (strcmp(argv[i], "--keep") == 0) {
            o->keeps = true;
        } else if (strcmp(argv[i], "--failures-allowed") == 0) {
            o->may_fail = true;
        } else if (strcmp(argv[i], "--twice") == 0) {
            o->repeats = true;
        } else {
            rc = parse_value(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
            i++;
        }
    }
    return rc;
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* The last lines, from the beginning of one. */
static void show_tales(const struct vkd_told *told)
{
    uint32_t len = told->tales_len < TALES_BYTES ? told->tales_len : TALES_BYTES - 1;
    uint32_t at = told->tales_len, lines = 0;
    uint32_t max = options.is_verbose ? UINT32_MAX : TALES_SHOWN;
    while (told->tales_len - at < len && lines <= max)
        lines += told->tales[--at % TALES_BYTES] == '\n';
    for (at += at < told->tales_len && lines > max; at < told->tales_len; at++)
        putchar(told->tales[at % TALES_BYTES]);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show_sums(const struct vkd_told *told, uint64_t seeds, double took)
{
    double cpu = (double)told->cpu_ns / 1e9;
    printf("%llu seeds, nothing broke: %llu ticks, %llu of %llu requests answered, the others cut off\n",
           (unsigned long long)seeds, (unsigned long long)told->ticks, (unsigned long long)told->answered,
           (unsigned long long)told->asked);
    printf("%.0f seeds a second, %.0f requests a CPU-second\n", (double)seeds / took,
           cpu > 0 ? (double)told->answered / cpu : 0);
}

static void show_broken(const struct vkd_told *told)
{
    printf("seed %llu broke at tick %llu, %.6f s: %s\n", (unsigned long long)told->seed,
           (unsigned long long)told->tick, (double)told->now_ns / 1e9, told->why);
}

/* ---- running ------------------------------------------------------------------------------------ */

static void draw(struct vkd_script *script, uint64_t seed)
{
    enum vkd_program program = options.app != NULL ? VKD_PROGRAM_FILE : vkd_program_of_seed(seed);
    vkd_script_draw(script, seed, program, routes);
    script->set[VKD_SET_ticks] = (uint32_t)options.ticks;
    script->set[VKD_SET_failures] = options.may_fail;
    if (options.app != NULL)
        (void)snprintf(script->path, sizeof script->path, "%s", options.app);
}

static void write_script(const struct vkd_script *script, const struct vkd_told *told)
{
    char name[64];
    (void)snprintf(name, sizeof name, "sim-%llu.script", (unsigned long long)script->seed);
    const char *path = options.out != NULL ? options.out : name;
    FILE *to = fopen(path, "w");
    if (to == NULL) {
        vkd_complain("%s: %s", path, strerror(errno));
        return;
    }
    fprintf(to, "# %s\n", told->why);
    vkd_script_write(script, to);
    fclose(to);
    printf("%u events are left: vkd sim --script %s\n", script->count, path);
}

/* It broke: how, what led there, and the shortest script that still does. */
static int break_down(struct vkd_script *script, struct vkd_told *told)
{
    show_broken(told);
    if (!options.keeps)
        vkd_shrink(script, told);
    else
        (void)vkd_play(script, told, true);
    if (!told->is_broken) { /* only what came before it in its OS process can have made the difference */
        printf("alone it does not break\n");
        return VKD_EXIT_PROGRAM;
    }
    show_tales(told);
    show_broken(told);
    write_script(script, told);
    return VKD_EXIT_PROGRAM;
}

static int run_seeds(struct vkd_told *told)
{
    static struct vkd_script script;
    uint32_t cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    const struct vkd_plays plays = {.first = options.seed != 0 ? options.seed : 1,
                                    .count = options.seeds,
                                    .jobs = options.jobs != 0      ? (uint32_t)options.jobs
                                            : cpus > VKD_JOBS_MAX  ? VKD_JOBS_MAX
                                            : cpus > options.seeds ? (uint32_t)options.seeds
                                                                   : cpus,
                                    .repeats = options.repeats,
                                    .draw = draw};
    double begun = seconds();
    if (vkd_play_seeds(&plays, told)) {
        show_sums(told, plays.count, seconds() - begun);
        return 0;
    }
    draw(&script, told->seed);
    return break_down(&script, told);
}

static int run_script(struct vkd_script *script, struct vkd_told *told)
{
    bool is_well = vkd_play(script, told, true);
    if (options.is_verbose && is_well)
        show_tales(told);
    if (is_well) {
        printf("%u events, nothing broke: %llu ticks, trace %016llx\n", script->count,
               (unsigned long long)told->tick, (unsigned long long)told->trace);
        return 0;
    }
    show_tales(told);
    show_broken(told);
    return VKD_EXIT_PROGRAM;
}

static bool read_script(struct vkd_script *script)
{
    uint32_t line;
    FILE *from = fopen(options.script, "r");
    if (from == NULL) {
        vkd_complain("%s: %s", options.script, strerror(errno));
        return false;
    }
    const char *why = vkd_script_read(script, from, &line);
    fclose(from);
    if (why != NULL)
        vkd_complain("%s:%u: %s", options.script, line, why);
    return why == NULL;
}

static int run(int argc, char *const *argv)
{
    static struct vkd_script script;
    struct vkd_program_loaded loaded = {0};
    struct vkd_told *told = vkd_told_new();
    int rc = parse(&options, argc, argv);
    if (rc != 0 || told == NULL)
        return rc != 0 ? rc : VKD_EXIT_USAGE;
    if (options.script != NULL && !read_script(&script))
        return VKD_EXIT_USAGE;
    if (options.script != NULL && options.app == NULL && script.program == VKD_PROGRAM_FILE)
        options.app = script.path;
    if (options.seeds == 0)
        options.seeds = options.seed != 0 ? 1 : SEEDS_DEFAULT;
    if (!vkd_program_load(options.app, &loaded))
        return options.app != NULL && access(options.app, R_OK) != 0 ? VKD_EXIT_USAGE : VKD_EXIT_PROGRAM;
    routes = loaded.routes;
    if (options.script != NULL)
        rc = run_script(&script, told);
    else if (options.seeds == 1 && options.is_verbose)
        draw(&script, options.seed), rc = run_script(&script, told);
    else
        rc = run_seeds(told);
    vkd_program_unload(&loaded);
    return rc;
}

const struct vkd_command vkd_command_sim = {
    .name = "sim",
    .arguments = "[FLAGS] [FILE]",
    .about = "a whole server under simulated clients, networks and accidents",
    .details =
        "Each seed is a server, its clients, and a network that delays, cuts and reorders, all of it in\n"
        "virtual time; after each tick it is checked what must hold. FILE is a program, or a module\n"
        "(.vkb); without one, two programs that come with vkd are served.\n"
        "  --seeds N      so many seeds, 100 when it is not given; their first one is --seed\n"
        "  --seed S       the first or, without --seeds, the only one: the same seed is the same run\n"
        "  --script FILE  what an earlier failure wrote\n"
        "  --ticks T      the server drains at this tick\n"
        "  --jobs N       OS processes at a time, as many as there are CPUs when it is not given\n"
        "  --failures-allowed\n"
        "                 a process of FILE that traps or fails is no finding\n"
        "  --twice        each seed twice, which must be the same run\n"
        "  --keep         a script that breaks is not made shorter\n"
        "  --out FILE     where such a script is written; sim-SEED.script when it is not given\n"
        "  --verbose      tells all that happened in the one seed or script that runs\n",
    .run = run,
};
