/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/options.h"

#include "vk/err.h"

#include <stdlib.h>

static const char *const driver_names[] = {
    [NET_IO_AUTO] = "auto",
    [NET_IO_URING] = "uring",
    [NET_IO_EV] = "ev",
};

/* clang-format off */
const char vkd_options_help[] =
    "  --listen ADDR:PORT  where to listen; IPv6 as [::1]:8080 (127.0.0.1:8080)\n"
    "  --driver NAME       auto, uring or ev (auto)\n"
    "  --guard NAME        auto, mprotect, mprotect+kernel, pkey or off (auto)\n"
    "  --workers N         1 to " VK_STR(VKD_WORKERS_MAX) " worker processes (1)\n"
    "  --slots N           1 to " VK_STR(VKD_SLOTS_MAX) " processes at once in a worker, which bounds its memory;\n"
    "                      beyond it requests get 503, raw connections a reset (" VK_STR(VKD_SLOTS_MAX) ")\n"
    "  --realtime          each worker alone on a processor, before ordinary programs (SCHED_FIFO), its memory\n"
    "                      locked, polling before it sleeps; needs the rights to that\n"
    "  --help, -h          this text\n"
    "  --version           the version\n"
    "\n"
    "SIGUSR1 to the first process: each worker logs what it counts and holds, its stores by name.\n"
    "SIGTERM, SIGINT or SIGHUP to the first process (the parent of the workers): let nobody new in,\n"
    "answer who is in, exit. A second one, half a second later or more, ends at once.\n"
    "Exit status: 0 all were answered in time; 1 they were not, or the server could not start;\n"
    "2 the command line is wrong.\n";
/* clang-format on */

const char *vkd_driver_name(enum net_io_kind driver)
{
    return driver_names[driver];
}

const char *vkd_program_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Decimal digits only: no sign, no space, no more digits than the largest value has. */
static int parse_number(const char *text, uint32_t max, uint32_t *ret_number)
{
    uint32_t number = 0;
    size_t len_bytes = strlen(text);
    if (len_bytes == 0 || strspn(text, "0123456789") != len_bytes)
        return -VK_EMALFORMED;
    if (len_bytes > 9)
        return -VK_ERANGE;
    for (size_t i = 0; i < len_bytes; i++)
        number = number * 10 + (uint32_t)(text[i] - '0');
    if (number > max)
        return -VK_ERANGE;
    *ret_number = number;
    return 0;
}

/* ---- flags ---------------------------------------------------------------- */

struct parser {
    struct vkd_options *options;
    const char *program;
    FILE *err;
    bool wants_help;
    bool wants_version;
};

static bool set_listen(struct parser *p, const char *value)
{
    int rc = vkd_addr_parse(value, &p->options->listen);
    p->options->has_listen = true;
    if (rc == -VK_ERANGE)
        fprintf(p->err, "%s: --listen '%s': a port is 0 to 65535\n", p->program, value);
    else if (rc != 0)
        fprintf(p->err,
                "%s: --listen '%s': expected ADDR:PORT with a numeric address, "
                "as in 127.0.0.1:8080 or [::1]:8080\n",
                p->program, value);
    return rc == 0;
}

static bool set_driver(struct parser *p, const char *value)
{
    for (size_t i = 0; i < VK_COUNT(driver_names); i++) {
        if (strcmp(value, driver_names[i]) == 0) {
            p->options->driver = (enum net_io_kind)i;
            return true;
        }
    }
    fprintf(p->err, "%s: --driver '%s': expected auto, uring or ev\n", p->program, value);
    return false;
}

static bool set_guard(struct parser *p, const char *value)
{
    if (vk_guard_parse(value, &p->options->guard) == 0)
        return true;
    fprintf(p->err, "%s: --guard '%s': expected auto, mprotect, mprotect+kernel, pkey or off\n", p->program,
            value);
    return false;
}

static bool set_count(struct parser *p, const char *flag, const char *value, uint32_t max, uint32_t *count)
{
    uint32_t number = 0;
    if (parse_number(value, max, &number) == 0 && number > 0) {
        *count = number;
        return true;
    }
    fprintf(p->err, "%s: %s '%s': expected a number from 1 to %u\n", p->program, flag, value, max);
    return false;
}

static bool set_workers(struct parser *p, const char *value)
{
    return set_count(p, "--workers", value, VKD_WORKERS_MAX, &p->options->workers);
}

static bool set_slots(struct parser *p, const char *value)
{
    return set_count(p, "--slots", value, VKD_SLOTS_MAX, &p->options->slots);
}

static bool set_realtime(struct parser *p, const char *value)
{
    (void)value;
    p->options->realtime = true;
    return true;
}

static const struct flag {
    const char *name;
    bool (*set)(struct parser *p, const char *value);
    bool is_alone; /* it takes no value */
} flags[] = {
    {"--listen", set_listen, false},   {"--driver", set_driver, false}, {"--guard", set_guard, false},
    {"--workers", set_workers, false}, {"--slots", set_slots, false},   {"--realtime", set_realtime, true},
};

/* The flag that argument names, alone or before '='; NULL when there is none. */
static const struct flag *find_flag(const char *argument)
{
    size_t len_bytes = strcspn(argument, "=");
    for (size_t i = 0; i < VK_COUNT(flags); i++) {
        if (strlen(flags[i].name) == len_bytes && memcmp(argument, flags[i].name, len_bytes) == 0)
            return &flags[i];
    }
    return NULL;
}

/* One flag with its value, from argv[*at] on; *at moves behind it. */
static bool parse_flag(struct parser *p, int argc, char *const *argv, int *at, uint32_t *seen)
{
    const char *argument = argv[(*at)++];
    const struct flag *flag = find_flag(argument);
    if (flag == NULL) {
        fprintf(p->err, "%s: unknown %s '%s'\n", p->program, argument[0] == '-' ? "flag" : "argument",
                argument);
        return false;
    }
    uint32_t bit = 1u << (flag - flags);
    if (*seen & bit) {
        fprintf(p->err, "%s: %s is given twice\n", p->program, flag->name);
        return false;
    }
    *seen |= bit;

    const char *value = strchr(argument, '=');
    if (flag->is_alone && value != NULL) {
        fprintf(p->err, "%s: %s takes no value\n", p->program, flag->name);
        return false;
    }
    if (flag->is_alone || value != NULL)
        return flag->set(p, value != NULL ? value + 1 : NULL);
    if (*at >= argc) {
        fprintf(p->err, "%s: %s needs a value\n", p->program, flag->name);
        return false;
    }
    return flag->set(p, argv[(*at)++]);
}

static void set_defaults(struct vkd_options *options)
{
    *options = (struct vkd_options){
        .listen = {.family = 4, .port = 8080, .ip = {127, 0, 0, 1}},
        .driver = NET_IO_AUTO,
        .guard = VK_GUARD_AUTO,
        .workers = 1,
        .slots = VKD_SLOTS_MAX,
    };
}

/* --help or --version: what is to be printed when the rest is in order. False when it was asked for before.
 */
static bool take_word(struct parser *p, const char *argument, bool *asked)
{
    if (*asked)
        fprintf(p->err, "%s: %s is given twice\n", p->program, argument);
    bool is_first = !*asked;
    *asked = true;
    return is_first;
}

static bool parse_all(struct parser *p, int argc, char *const *argv)
{
    uint32_t seen = 0;
    for (int at = 1; at < argc;) {
        bool is_good;
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
            is_good = take_word(p, argv[at++], &p->wants_help);
        else if (strcmp(argv[at], "--version") == 0)
            is_good = take_word(p, argv[at++], &p->wants_version);
        else
            is_good = parse_flag(p, argc, argv, &at, &seen);
        if (!is_good)
            return false;
    }
    return true;
}

enum vkd_parsed vkd_options_parse(struct vkd_options *options, const char *about, const char *arguments,
                                  int argc, char *const *argv, FILE *out, FILE *err)
{
    struct parser parser = {
        .options = options, .program = vkd_program_name(argc > 0 ? argv[0] : "vkd"), .err = err};
    set_defaults(options);
    if (!parse_all(&parser, argc, argv)) {
        fprintf(err, "usage: %s %s (%s --help says more)\n", parser.program, arguments, parser.program);
        return VKD_PARSED_BAD;
    }
    if (parser.wants_version)
        fprintf(out, "%s (vkd) %s\n", parser.program, VKD_VERSION);
    if (parser.wants_help)
        fprintf(out, "%s\n\nusage: %s %s\n%s", about, parser.program, arguments, vkd_options_help);
    return parser.wants_version || parser.wants_help ? VKD_PARSED_DONE : VKD_PARSED_SERVE;
}
