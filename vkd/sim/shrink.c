/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shortening of a script that breaks: events are left out in pieces, half of
 * them first, then smaller ones (the idea of delta debugging: Zeller and
 * Hildebrandt 2002), then settings become what is usual. A shorter script that
 * breaks in another way is not taken: it may be another bug.
 */
#include "vkd/sim/play.h"

#include <string.h>

#define TRIES_MAX 2000u

struct shrink {
    struct vkd_script *best;
    struct vkd_script next;
    struct vkd_told *told;
    char why[512]; /* how it broke at first, without its numbers */
    uint32_t tries;
};

/* What is compared: numbers, which say where and when, left out. */
static void gist(const char *why, char *room, size_t room_len)
{
    size_t len = 0;
    const char *from = strstr(why, "): "); /* behind who it was that saw it */
    for (const char *at = from != NULL ? from + 3 : why; *at != '\0' && len + 1 < room_len; at++)
        if (*at < '0' || *at > '9')
            room[len++] = *at;
    room[len] = '\0';
}

static bool still_breaks(struct shrink *s)
{
    char why[512];
    if (++s->tries > TRIES_MAX || vkd_play(&s->next, s->told, false))
        return false;
    gist(s->told->why, why, sizeof why);
    if (strcmp(why, s->why) != 0)
        return false;
    *s->best = s->next;
    return true;
}

static void leave_out(struct shrink *s, uint32_t from, uint32_t count)
{
    struct vkd_script *n = &s->next;
    *n = *s->best;
    n->count -= count;
    memmove(n->events + from, n->events + from + count, (n->count - from) * sizeof n->events[0]);
}

static void shrink_events(struct shrink *s)
{
    for (uint32_t size = (s->best->count + 1) / 2; size > 0; size = size > 1 ? (size + 1) / 2 : 0)
        for (uint32_t at = 0; at < s->best->count;) {
            uint32_t count = s->best->count - at < size ? s->best->count - at : size;
            leave_out(s, at, count);
            if (!still_breaks(s))
                at += count;
        }
}

static void shrink_settings(struct shrink *s)
{
    for (uint32_t i = 0; i < VKD_SETTINGS; i++) {
        uint32_t usual = vkd_setting_usual((enum vkd_setting)i);
        if (s->best->set[i] == usual)
            continue;
        s->next = *s->best;
        s->next.set[i] = usual;
        (void)still_breaks(s);
    }
}

/* Clients of the simplest manner. */
static void shrink_manners(struct shrink *s)
{
    for (uint32_t i = 0; i < s->best->count; i++) {
        if (s->best->events[i].kind != VKD_EVENT_CLIENT || s->best->events[i].what == VKD_MANNER_PLAIN)
            continue;
        s->next = *s->best;
        s->next.events[i].what = VKD_MANNER_PLAIN;
        (void)still_breaks(s);
    }
}

void vkd_shrink(struct vkd_script *script, struct vkd_told *told)
{
    static struct shrink s;
    uint32_t before;
    s = (struct shrink){.best = script, .told = told};
    if (vkd_play(script, told, false) || told->is_endless)
        return;
    gist(told->why, s.why, sizeof s.why);
    do {
        before = script->count;
        shrink_events(&s);
        shrink_settings(&s);
        shrink_manners(&s);
    } while (script->count < before && s.tries < TRIES_MAX);
    (void)vkd_play(script, told, true);
}
