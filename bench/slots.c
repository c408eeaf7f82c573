/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How to keep neighbouring slots from merging into one mapping of the OS
 * kernel, and what it saves. Each way lays out 64 KiB slots, touches some pages
 * of each, and then opens one after the other by mprotect, closing the one
 * before: neighbours by turns, or any of 1,024. Prints the least cost of one
 * switch (two mprotect calls) over the rounds, and the mappings a slot takes.
 *
 * Usage: slots            (Linux only; no part of the library is used)
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLOT_BYTES 65536u
#define PAGE_BYTES 4096u
#define SLOTS      1024u
#define ROUNDS     400u /* short ones: another load on the machine spoils some, not all */
#define SWITCHES   100u

enum way { MERGING, WIPEONFORK, RANDOM, NOHUGEPAGE, MEMFD, WAYS };

static const char *const way_names[WAYS] = {
    "neighbours may merge",      "odd slots MADV_WIPEONFORK", "odd slots MADV_RANDOM",
    "odd slots MADV_NOHUGEPAGE", "memfd, pages out of order",
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void protect(uint8_t *base, size_t len_bytes, int prot)
{
    if (mprotect(base, len_bytes, prot) != 0)
        die("mprotect");
}

/* The next slot's pages lie before this one's in the file, so that no two neighbours continue each other. */
static void map_memfd(uint8_t *base)
{
    int fd = (int)syscall(SYS_memfd_create, "slots", 0);
    if (fd < 0 || ftruncate(fd, (off_t)SLOTS * SLOT_BYTES) != 0)
        die("memfd");
    for (uint32_t i = 0; i < SLOTS; i++) {
        off_t at = (off_t)(SLOTS - 1 - i) * SLOT_BYTES;
        if (mmap(base + (size_t)i * SLOT_BYTES, SLOT_BYTES, PROT_NONE, MAP_SHARED | MAP_FIXED, fd, at) ==
            MAP_FAILED)
            die("mmap");
    }
    (void)close(fd);
}

static void map_private(uint8_t *base, enum way way)
{
    static const int advice[WAYS] = {
        [WIPEONFORK] = MADV_WIPEONFORK, [RANDOM] = MADV_RANDOM, [NOHUGEPAGE] = MADV_NOHUGEPAGE};
    if (mmap(base, (size_t)SLOTS * SLOT_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        MAP_FAILED)
        die("mmap");
    for (uint32_t i = 1; i < SLOTS && way != MERGING; i += 2)
        if (madvise(base + (size_t)i * SLOT_BYTES, SLOT_BYTES, advice[way]) != 0)
            die("madvise");
}

static uint32_t mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    uint32_t count = 0;
    int c;
    if (file == NULL)
        die("maps");
    while ((c = fgetc(file)) != EOF)
        count += c == '\n';
    (void)fclose(file);
    return count;
}

static void touch(uint8_t *slot, uint32_t pages)
{
    for (uint32_t page = 0; page < pages; page++)
        ((volatile uint8_t *)slot)[page * PAGE_BYTES] = 1;
}

/* neighbours: two slots by turns; else any of all, in a fixed scrambled order. */
static double switch_ns(uint8_t *base, uint32_t open_bytes, bool neighbours, uint32_t pages)
{
    static uint32_t at = 1;
    uint32_t last = 0;
    protect(base, open_bytes, PROT_READ | PROT_WRITE);
    uint64_t start_ns = now_ns();
    for (uint32_t i = 0; i < SWITCHES; i++) {
        uint32_t next = neighbours ? (i & 1) ^ 1 : (at = at * 5 + 3) % SLOTS;
        protect(base + (size_t)last * SLOT_BYTES, open_bytes, PROT_NONE);
        protect(base + (size_t)next * SLOT_BYTES, open_bytes, PROT_READ | PROT_WRITE);
        touch(base + (size_t)next * SLOT_BYTES, pages);
        last = next;
    }
    double cost_ns = (double)(now_ns() - start_ns) / SWITCHES;
    protect(base + (size_t)last * SLOT_BYTES, open_bytes, PROT_NONE);
    return cost_ns;
}

static double least_ns(uint8_t *base, uint32_t open_bytes, bool neighbours, uint32_t pages)
{
    double least = switch_ns(base, open_bytes, neighbours, pages);
    for (uint32_t i = 1; i < ROUNDS; i++) {
        double cost_ns = switch_ns(base, open_bytes, neighbours, pages);
        least = cost_ns < least ? cost_ns : least;
    }
    return least;
}

static void measure(enum way way, uint32_t open_bytes, uint32_t pages)
{
    size_t len_bytes = (size_t)SLOTS * SLOT_BYTES;
    uint8_t *base = mmap(NULL, len_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        die("mmap");
    uint32_t before = mappings();
    if (way == MEMFD)
        map_memfd(base);
    else
        map_private(base, way);
    for (uint32_t i = 0; i < SLOTS; i++) {
        protect(base + (size_t)i * SLOT_BYTES, open_bytes, PROT_READ | PROT_WRITE);
        touch(base + (size_t)i * SLOT_BYTES, pages);
        protect(base + (size_t)i * SLOT_BYTES, open_bytes, PROT_NONE);
    }
    double near_ns = least_ns(base, open_bytes, true, pages);
    double any_ns = least_ns(base, open_bytes, false, pages);
    printf("%-27s %-7s %2u pages %8.0f ns %8.0f ns %5.2f mappings\n", way_names[way],
           open_bytes == SLOT_BYTES ? "whole" : "prefix", pages, near_ns, any_ns,
           (double)(mappings() - before) / SLOTS);
    (void)munmap(base, len_bytes);
}

int main(void)
{
    printf("%-27s %-7s %8s %11s %11s\n", "", "opened", "touched", "2 by turns", "any of 1024");
    for (enum way way = MERGING; way < WAYS; way++) {
        measure(way, SLOT_BYTES, 1);
        measure(way, SLOT_BYTES, 4);
        measure(way, PAGE_BYTES, 1);
    }
    return 0;
}
