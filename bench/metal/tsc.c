/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the frequency of this machine's time stamp counter in kHz. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define WINDOW_NS 200000000

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(void)
{
    int64_t begin_ns = now_ns(), end_ns;
    uint64_t begin = __rdtsc(), end;
    do {
        end_ns = now_ns();
        end = __rdtsc();
    } while (end_ns - begin_ns < WINDOW_NS);
    printf("%.0f\n", (double)(end - begin) * 1e6 / (double)(end_ns - begin_ns));
    return 0;
}
