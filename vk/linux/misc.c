/* SPDX-License-Identifier: Apache-2.0 */
/* Time, randomness and words: the small services of the Linux platform. */
#include "vk/err.h"
#include "vk/plat.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000u

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    /* Fails for unknown clocks only. */
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t plat_mono_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t plat_wall_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec;
}

int plat_random(void *dst, size_t len_bytes)
{
    uint8_t *at = dst;
    while (len_bytes > 0) {
        ssize_t got = getrandom(at, len_bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -VK_EIO;
        at += got;
        len_bytes -= (size_t)got;
    }
    return 0;
}

void plat_console(const char *text, size_t len_bytes)
{
    while (len_bytes > 0) {
        ssize_t done = write(STDERR_FILENO, text, len_bytes);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return;
        text += done;
        len_bytes -= (size_t)done;
    }
}

void plat_panic(const char *why)
{
    plat_console("panic: ", 7);
    plat_console(why, strlen(why));
    plat_console("\n", 1);
    abort();
}

void plat_idle_until(uint64_t deadline_ns)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
                             .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    /* Returning early, by a signal, is allowed. */
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}
