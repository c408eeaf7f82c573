/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/realtime.h"

#include "vk/limits.h"
#include "vk/plat.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PARENT_PRIORITY (VKD_REALTIME_PRIORITY + 1)
#define MIB             (1ull << 20)

static bool __attribute__((format(printf, 2, 3))) refuse(char *why, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, VKD_REALTIME_WHY, format, arguments);
    va_end(arguments);
    return false;
}

static bool has_capability(uint32_t capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    return syscall(SYS_capget, &header, data) == 0 &&
           (data[capability / 32].effective & 1u << capability % 32) != 0;
}

/* The soft limit as text, in units of `unit`. */
static const char *limit_text(int resource, uint64_t unit, char text[24])
{
    struct rlimit limit = {0};
    (void)getrlimit((__rlimit_resource_t)resource, &limit); /* fails for unknown resources only */
    if (limit.rlim_cur == RLIM_INFINITY)
        (void)snprintf(text, 24, "unlimited");
    else
        (void)snprintf(text, 24, "%lu", (unsigned long)(limit.rlim_cur / unit));
    return text;
}

/* ---- processors ----------------------------------------------------------------- */

uint32_t vkd_realtime_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 0;
}

/* The processor of worker `index`: of those allowed, that of this place. */
static int processor_of(const cpu_set_t *set, uint32_t index)
{
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET((size_t)cpu, set) && index-- == 0)
            return cpu;
    return -1;
}

static bool pin(uint32_t index, char *why)
{
    cpu_set_t set, one;
    int cpu = sched_getaffinity(0, sizeof set, &set) == 0 ? processor_of(&set, index) : -1;
    if (cpu < 0)
        return refuse(why, "--realtime: there is no processor for worker %u any more", index);
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0)
        return refuse(why, "--realtime: cannot stay on processor %d: %s", cpu, strerror(errno));
    return true;
}

/* ---- priority --------------------------------------------------------------------- */

static bool may_have_priority(int priority)
{
    struct rlimit limit = {0};
    (void)getrlimit(RLIMIT_RTPRIO, &limit);
    return limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= (rlim_t)priority ||
           has_capability(CAP_SYS_NICE);
}

static bool take_priority(int priority, char *why)
{
    const struct sched_param param = {.sched_priority = priority};
    char limit[24];
    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0)
        return true;
    if (errno == EPERM && !may_have_priority(priority))
        return refuse(
            why,
            "--realtime: SCHED_FIFO is not allowed: give the capability CAP_SYS_NICE, or a limit "
            "RLIMIT_RTPRIO of at least %d (ulimit -r %d; systemd: LimitRTPRIO=%d), which is %s here",
            PARENT_PRIORITY, PARENT_PRIORITY, PARENT_PRIORITY, limit_text(RLIMIT_RTPRIO, 1, limit));
    return refuse(why,
                  "--realtime: SCHED_FIFO is refused, though the right to it is here: %s; systemd's "
                  "RestrictRealtime=, a container's filter of system calls, or a control group without "
                  "cpu.rt_runtime_us does that",
                  strerror(errno));
}

bool vkd_realtime_parent(char why[VKD_REALTIME_WHY])
{
    return take_priority(PARENT_PRIORITY, why);
}

/* ---- memory ------------------------------------------------------------------------ */

/* Address space of this OS process. */
static uint64_t reserved_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu", &pages) != 1)
        pages = 0;
    if (file != NULL)
        (void)fclose(file);
    return (uint64_t)pages * VK_PAGE_BYTES;
}

static bool lock(int flags, char *why)
{
    char limit[24];
    if (mlockall(flags) == 0)
        return true;
    if (errno == ENOSYS)
        return refuse(why, "--realtime: this system cannot lock memory");
    return refuse(
        why,
        "--realtime: memory cannot be locked (%s): give the capability CAP_IPC_LOCK, or a limit "
        "RLIMIT_MEMLOCK (ulimit -l unlimited; systemd: LimitMEMLOCK=infinity) above the addresses that "
        "a worker reserves, now %lu MiB of them; it is %s MiB here",
        strerror(errno), (unsigned long)(reserved_bytes() / MIB), limit_text(RLIMIT_MEMLOCK, MIB, limit));
}

/* Large heaps give their pages back when their process ends; a system that cannot would lose them. */
static bool can_give_back(void)
{
    void *page = mmap(NULL, VK_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool can = page != MAP_FAILED;
    if (can && mlock(page, VK_PAGE_BYTES) == 0) /* else lock() says why not */
        can = plat_discard(page, VK_PAGE_BYTES) == 0;
    if (page != MAP_FAILED)
        (void)munmap(page, VK_PAGE_BYTES);
    return can;
}

bool vkd_realtime_begin(uint32_t index, char why[VKD_REALTIME_WHY])
{
    if (!can_give_back())
        return refuse(why, "--realtime: locked memory cannot be given back here; that takes Linux 5.18");
    return pin(index, why) && lock(MCL_CURRENT, why);
}

bool vkd_realtime_enter(char why[VKD_REALTIME_WHY])
{
    /* Not all at once: what is reserved for heaps is many times what will ever be touched. */
    return lock(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT, why) && take_priority(VKD_REALTIME_PRIORITY, why);
}

/* ---- words --------------------------------------------------------------------------- */

static long throttle_us(void)
{
    long us = 0;
    FILE *file = fopen("/proc/sys/kernel/sched_rt_runtime_us", "r");
    if (file == NULL || fscanf(file, "%ld", &us) != 1)
        us = 0;
    if (file != NULL)
        (void)fclose(file);
    return us;
}

void vkd_realtime_describe(uint32_t workers, char *text, size_t room)
{
    cpu_set_t set;
    size_t at = 0;
    CPU_ZERO(&set);
    (void)sched_getaffinity(0, sizeof set, &set);
    at += (size_t)snprintf(text, room, "realtime: worker%s on processor%s", workers > 1 ? "s" : "",
                           workers > 1 ? "s" : "");
    for (uint32_t i = 0; i < workers && at < room; i++)
        at += (size_t)snprintf(text + at, room - at, "%s %d", i > 0 ? "," : "", processor_of(&set, i));
    if (at < room)
        (void)snprintf(
            text + at, room - at,
            " with SCHED_FIFO %d, parent with %d; memory locked as it is touched; polling for %u us "
            "before a sleep%s",
            VKD_REALTIME_PRIORITY, PARENT_PRIORITY, VKD_REALTIME_POLL_NS / 1000,
            throttle_us() < 0 ? "; sched_rt_runtime_us is -1: while a worker has work, nothing else "
                                "runs on its processor"
                              : "");
}
