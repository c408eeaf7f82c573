/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/sim/script.h"

#include "sim/rand.h"
#include "vk/guard.h"

#include <stdlib.h>
#include <string.h>

#define MS_NS 1000000u

/* ---- names ---------------------------------------------------------------------- */

const char *const vkd_manner_names[VKD_MANNERS] = {"plain",  "drip", "slow", "half-close", "reset", "stop",
                                                   "silent", "deaf", "bad",  "idle",       "turns", "raw"};
const char *const vkd_route_names[VKD_ROUTES] = {"id",     "wait",  "echo",  "big",   "crash",  "fail",
                                                 "gone",   "count", "kick",  "store", "fibers", "peek",
                                                 "served", "child", "relay", "flood", "late",   "all"};
static const char *const scarce_names[VKD_SCARCES] = {"buffers", "processes"};

/* An event's name, and those of what it may be about; NULL: a number. */
static const struct {
    const char *name;
    const char *const *whats;
    uint32_t whats_count;
} kinds[VKD_EVENT_KINDS] = {
    {"client", vkd_manner_names, VKD_MANNERS},
    {"ask", vkd_route_names, VKD_ROUTES},
    {"hold", scarce_names, VKD_SCARCES},
    {"jump", NULL, 0},
    {"kill", NULL, 0},
    {"drain", NULL, 0},
    {"weather", NULL, 0},
};

static const struct {
    const char *name;
    uint32_t usual, least, most;
} settings[VKD_SETTINGS] = {
#define X(name) {#name, 0, 0, 10000},
    VKD_SIM_ODDS(X)
#undef X
#define X(name, usual, least, most) {#name, usual, least, most},
        VKD_SIM_SIZES(X)
#undef X
};

uint32_t vkd_setting_usual(enum vkd_setting setting)
{
    return settings[setting].usual;
}

void vkd_script_clear(struct vkd_script *s, uint64_t seed)
{
    s->seed = seed;
    s->program = VKD_PROGRAM_NATIVE;
    s->path[0] = '\0';
    s->count = 0;
    for (uint32_t i = 0; i < VKD_SETTINGS; i++)
        s->set[i] = settings[i].usual;
}

void vkd_script_odds(const struct vkd_script *s, struct sim_odds *ret_odds)
{
    *ret_odds = (struct sim_odds){
#define X(name) .name = (uint16_t)s->set[VKD_SET_##name],
        VKD_SIM_ODDS(X)
#undef X
    };
}

/* Sizes that are less than usual. */
static bool is_short(const struct vkd_script *s)
{
    static const enum vkd_setting sizes[] = {VKD_SET_descriptors, VKD_SET_conns,    VKD_SET_processes,
                                             VKD_SET_handles,     VKD_SET_requests, VKD_SET_slots,
                                             VKD_SET_buffers,     VKD_SET_parks};
    for (size_t i = 0; i < VK_COUNT(sizes); i++)
        if (s->set[sizes[i]] != settings[sizes[i]].usual)
            return true;
    return false;
}

static bool has_event(const struct vkd_script *s, enum vkd_event_kind kind)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->events[i].kind == kind)
            return true;
    return false;
}

bool vkd_script_is_provided(const struct vkd_script *s)
{
    return !is_short(s) && s->set[VKD_SET_jump] == 0 && !has_event(s, VKD_EVENT_HOLD) &&
           !has_event(s, VKD_EVENT_JUMP) && !has_event(s, VKD_EVENT_KILL);
}

bool vkd_script_is_fair(const struct vkd_script *s)
{
    static const enum vkd_setting harmful[] = {VKD_SET_reset, VKD_SET_refuse, VKD_SET_emfile,
                                               VKD_SET_overflow, VKD_SET_ticks};
    for (size_t i = 0; i < VK_COUNT(harmful); i++)
        if (s->set[harmful[i]] != 0)
            return false;
    return vkd_script_is_provided(s) && !has_event(s, VKD_EVENT_DRAIN);
}

/* ---- drawing ---------------------------------------------------------------------- */

static uint32_t below(struct sim_rand *rand, uint32_t bound)
{
    return (uint32_t)sim_rand_below(rand, bound);
}

static void add(struct vkd_script *s, enum vkd_event_kind kind, uint64_t at_ns, uint32_t what, uint32_t n)
{
    if (s->count < VKD_SCRIPT_EVENTS_MAX)
        s->events[s->count++] = (struct vkd_event){at_ns, kind, what, n};
}

/* From calm to what no network does, each a quarter of all. */
static void draw_weather(struct vkd_script *s, struct sim_rand *rand)
{
    uint32_t grade = below(rand, 4);
    struct sim_options rough;
    sim_options_rough(&rough, 1);
    s->set[VKD_SET_socket_kib] = 4u << below(rand, 5);
    if (grade >= 1) {
#define X(name) s->set[VKD_SET_##name] = rough.odds.name;
        VKD_SIM_ODDS(X)
#undef X
        s->set[VKD_SET_wait_cost_ns] = (uint32_t)rough.wait_cost_max_ns;
    }
    if (grade >= 2) {
        s->set[VKD_SET_reset] = 30;
        s->set[VKD_SET_refuse] = 500;
        s->set[VKD_SET_emfile] = 500;
    }
    if (grade >= 3) {
        s->set[VKD_SET_overflow] = 200;
        s->set[VKD_SET_jump] = below(rand, 3) == 0;
    }
}

/* One time in three something is short from the beginning. */
static void draw_sizes(struct vkd_script *s, struct sim_rand *rand)
{
    switch (below(rand, 15)) {
    case 0:
        s->set[VKD_SET_conns] = 2 + below(rand, 12);
        break;
    case 1:
        s->set[VKD_SET_processes] = 24 + below(rand, 12);
        break;
    case 2:
        s->set[VKD_SET_slots] = 12 + below(rand, 16);
        break;
    case 3:
        s->set[VKD_SET_handles] = 24 + below(rand, 40);
        s->set[VKD_SET_requests] = 24 + below(rand, 40);
        break;
    case 4:
        s->set[VKD_SET_buffers] = 24 + below(rand, 60);
        break;
    case 5:
        s->set[VKD_SET_descriptors] = 4 + below(rand, 12);
        break;
    default:
        break;
    }
}

static uint32_t draw_route(struct sim_rand *rand, enum vkd_program program, uint32_t routes)
{
    static const uint8_t often[] = {VKD_ROUTE_ID,   VKD_ROUTE_ID,    VKD_ROUTE_ID,    VKD_ROUTE_WAIT,
                                    VKD_ROUTE_ECHO, VKD_ROUTE_ECHO,  VKD_ROUTE_COUNT, VKD_ROUTE_STORE,
                                    VKD_ROUTE_BIG,  VKD_ROUTE_FIBERS};
    if (program == VKD_PROGRAM_FILE)
        return below(rand, routes);
    uint32_t route = below(rand, 3) ? often[below(rand, VK_COUNT(often))] : below(rand, VKD_ROUTES);
    bool is_native = route == VKD_ROUTE_PEEK || route == VKD_ROUTE_SERVED || route == VKD_ROUTE_RELAY;
    if (program == VKD_PROGRAM_NATIVE ? route == VKD_ROUTE_ALL : is_native)
        return VKD_ROUTE_ID;
    return route;
}

static void draw_clients(struct vkd_script *s, struct sim_rand *rand, enum vkd_program program,
                         uint32_t routes)
{
    uint32_t clients = 3 + below(rand, 20);
    bool has_theme = below(rand, 4) == 0; /* much of one thing */
    uint32_t theme = draw_route(rand, program, routes);
    uint64_t span_ns = below(rand, 3) == 0 ? 20 * MS_NS : 2000 * (uint64_t)MS_NS; /* a crowd, or a trickle */
    for (uint32_t i = 0; i < clients; i++) {
        uint64_t at_ns = sim_rand_below(rand, span_ns);
        uint32_t manner =
            below(rand, 3) ? below(rand, 2) ? VKD_MANNER_PLAIN : VKD_MANNER_TURNS : below(rand, VKD_MANNERS);
        if (manner == VKD_MANNER_RAW && program != VKD_PROGRAM_NATIVE)
            manner = VKD_MANNER_TURNS;
        uint32_t asks = 1 + below(rand, manner == VKD_MANNER_DRIP ? 2 : 6);
        add(s, VKD_EVENT_CLIENT, at_ns, manner, below(rand, 1000000));
        for (uint32_t k = 0; k < asks; k++) {
            uint32_t route = draw_route(rand, program, routes);
            add(s, VKD_EVENT_ASK, at_ns, has_theme && below(rand, 2) ? theme : route, below(rand, 1000000));
        }
    }
}

static void draw_happenings(struct vkd_script *s, struct sim_rand *rand)
{
    uint64_t span_ns = 3000 * (uint64_t)MS_NS;
    if (below(rand, 4) == 0)
        add(s, VKD_EVENT_DRAIN, sim_rand_below(rand, span_ns), 0, below(rand, 2) ? 10000 : 500);
    if (below(rand, 5) == 0)
        add(s, VKD_EVENT_HOLD, sim_rand_below(rand, span_ns), below(rand, VKD_SCARCES), below(rand, 6));
    if (below(rand, 8) == 0)
        add(s, VKD_EVENT_JUMP, sim_rand_below(rand, span_ns), 0, 1 + below(rand, 90000));
    for (uint32_t i = below(rand, 4); i == 1 || i == 2; i++)
        add(s, VKD_EVENT_KILL, sim_rand_below(rand, span_ns), 0, below(rand, 1000));
    if (below(rand, 6) == 0) {
        add(s, VKD_EVENT_WEATHER, sim_rand_below(rand, span_ns), 0, 0);
        add(s, VKD_EVENT_WEATHER, sim_rand_below(rand, span_ns), 0, 1);
    }
}

void vkd_script_draw(struct vkd_script *s, uint64_t seed, enum vkd_program program, uint32_t routes)
{
    struct sim_rand rand;
    vkd_script_clear(s, seed);
    sim_rand_init(&rand, seed ^ 0x51a7e5c0ffeeu);
    s->program = program;
    draw_weather(s, &rand);
    s->set[VKD_SET_guard] = below(&rand, 16) == 0 ? VK_GUARD_MPROTECT_KERNEL : VK_GUARD_MPROTECT;
    draw_sizes(s, &rand);
    draw_clients(s, &rand, program, routes);
    draw_happenings(s, &rand);
}

/* ---- as text ------------------------------------------------------------------------ */

void vkd_script_write(const struct vkd_script *s, FILE *to)
{
    static const char *const programs[] = {"native", "language"};
    fprintf(to, "seed %llu\n", (unsigned long long)s->seed);
    if (s->program == VKD_PROGRAM_FILE)
        fprintf(to, "app %s\n", s->path);
    else
        fprintf(to, "program %s\n", programs[s->program]);
    for (uint32_t i = 0; i < VKD_SETTINGS; i++)
        if (s->set[i] != settings[i].usual)
            fprintf(to, "set %s %u\n", settings[i].name, s->set[i]);
    for (uint32_t i = 0; i < s->count; i++) {
        const struct vkd_event *e = &s->events[i];
        bool is_named =
            kinds[e->kind].whats != NULL && !(e->kind == VKD_EVENT_ASK && s->program == VKD_PROGRAM_FILE);
        fprintf(to, "%llu %s ", (unsigned long long)e->at_ns, kinds[e->kind].name);
        if (is_named)
            fprintf(to, "%s %u\n", kinds[e->kind].whats[e->what], e->n);
        else
            fprintf(to, "%u %u\n", e->what, e->n);
    }
}

static bool read_number(const char *text, uint64_t *ret)
{
    char *end;
    *ret = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

static const char *read_setting(struct vkd_script *s, const char *name, const char *value)
{
    uint64_t number;
    for (uint32_t i = 0; i < VKD_SETTINGS; i++) {
        if (strcmp(name, settings[i].name) != 0)
            continue;
        if (!read_number(value, &number) || number < settings[i].least || number > settings[i].most)
            return "a value that this setting cannot have";
        s->set[i] = (uint32_t)number;
        return NULL;
    }
    return "no such setting";
}

static const char *read_what(uint32_t kind, const char *text, uint32_t *ret_what)
{
    uint64_t number;
    for (uint32_t i = 0; i < kinds[kind].whats_count; i++)
        if (strcmp(text, kinds[kind].whats[i]) == 0) {
            *ret_what = i;
            return NULL;
        }
    bool is_number = kinds[kind].whats == NULL || kind == VKD_EVENT_ASK;
    if (!is_number || !read_number(text, &number) || number > UINT32_MAX)
        return "nothing that this event can be about";
    *ret_what = (uint32_t)number;
    return NULL;
}

static const char *read_event(struct vkd_script *s, uint64_t at_ns, char *const *words)
{
    uint64_t n;
    uint32_t what = 0;
    for (uint32_t kind = 0; kind < VKD_EVENT_KINDS; kind++) {
        if (strcmp(words[1], kinds[kind].name) != 0)
            continue;
        const char *why = read_what(kind, words[2], &what);
        if (why != NULL)
            return why;
        if (!read_number(words[3], &n) || n > UINT32_MAX)
            return "the event's number is none";
        if (s->count == VKD_SCRIPT_EVENTS_MAX)
            return "more events than a script may have";
        add(s, (enum vkd_event_kind)kind, at_ns, what, (uint32_t)n);
        return NULL;
    }
    return "no such event";
}

static const char *read_app(struct vkd_script *s, const char *path)
{
    s->program = VKD_PROGRAM_FILE;
    return snprintf(s->path, sizeof s->path, "%s", path) < (int)sizeof s->path ? NULL
                                                                               : "the path is too long";
}

static const char *read_words(struct vkd_script *s, char *const *words, uint32_t count)
{
    uint64_t number;
    bool is_number = read_number(words[0], &number);
    if (count == 4 && is_number)
        return read_event(s, number, words);
    if (count == 3 && strcmp(words[0], "set") == 0)
        return read_setting(s, words[1], words[2]);
    if (count == 2 && strcmp(words[0], "seed") == 0)
        return read_number(words[1], &s->seed) ? NULL : "the seed is no number";
    if (count == 2 && strcmp(words[0], "app") == 0)
        return read_app(s, words[1]);
    if (count != 2 || strcmp(words[0], "program") != 0)
        return "neither a setting nor an event";
    s->program = strcmp(words[1], "language") == 0 ? VKD_PROGRAM_LANGUAGE : VKD_PROGRAM_NATIVE;
    return s->program == VKD_PROGRAM_LANGUAGE || strcmp(words[1], "native") == 0 ? NULL : "no such program";
}

const char *vkd_script_read(struct vkd_script *s, FILE *from, uint32_t *ret_line)
{
    char line[1024];
    vkd_script_clear(s, 1);
    for (*ret_line = 1; fgets(line, sizeof line, from) != NULL; ++*ret_line) {
        char *words[5], *rest = NULL;
        uint32_t count = 0;
        line[strcspn(line, "#\n")] = '\0';
        for (char *word = strtok_r(line, " ", &rest); word != NULL && count < 5;
             word = strtok_r(NULL, " ", &rest))
            words[count++] = word;
        const char *why = count > 0 ? read_words(s, words, count) : NULL;
        if (why != NULL)
            return why;
    }
    return NULL;
}
