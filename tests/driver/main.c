/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the conformance suite on one driver, each case in an OS process of its
 * own with a fresh driver, and looks for descriptors left behind.
 *
 *     test_driver DRIVER [CASE] [--seed N]
 *
 * Exit: 0 all passed, 1 a case failed, 2 bad arguments, 77 the driver does not
 * work here (said on standard error).
 */
#include "tests/driver/main.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_SKIPPED 77
#define CASE_LIMIT_S 300 /* a case that hangs in the driver itself; nothing depends on it otherwise */

static const struct rig_case *const tables[] = {rig_cases_basic, rig_cases_stream, rig_cases_cancel,
                                                rig_cases_close, rig_cases_load};

static struct rig rig; /* large, mostly never touched */

static void fail_case(const char *where, const char *what) __attribute__((noreturn));
static void skip_case(const char *why) __attribute__((noreturn));

static void fail_case(const char *where, const char *what)
{
    fprintf(stderr, "  %s: %s\n", where, what);
    _exit(1);
}

static void skip_case(const char *why)
{
    fprintf(stderr, "  skipped: %s\n", why);
    _exit(EXIT_SKIPPED);
}

static void *wake_thread(void *arg)
{
    struct proc_io *io = arg;
    usleep(20000); /* most likely inside the wait by then; right either way */
    io->ops->wake(io);
    return NULL;
}

static void wake_soon(struct proc_io *io)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, wake_thread, io) != 0)
        fail_case(RIG_WHERE, "pthread_create");
    pthread_detach(thread);
}

static int create_other(const struct rig_host *host, struct proc_io **ret_io)
{
    const struct driver_factory *factory = host->create_ctx;
    return factory->create(NULL, host->seed, ret_io);
}

static uint32_t count_descriptors(void)
{
    uint32_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static _Noreturn void run_child(const struct driver_factory *factory, const char *arg, uint64_t seed,
                                const struct rig_case *c)
{
    bool is_real = factory->is_real;
    struct rig_host host = {
        .fail = fail_case,
        .skip = skip_case,
        .wake_soon = is_real ? wake_soon : NULL,
        .create_other = is_real ? create_other : NULL,
        .create_ctx = factory,
        .seed = seed,
    };
    struct proc_io *io;
    uint32_t before = count_descriptors();
    alarm(CASE_LIMIT_S);
    int err = factory->create(arg, seed, &io);
    if (err != 0)
        fail_case(factory->name, vk_err_text(err));
    rig_init(&rig, io, &host);
    c->run(&rig);
    if (!rig.is_abandoned)
        rig_settle(&rig);
    io->ops->destroy(io);
    if (count_descriptors() != before)
        fail_case(c->name, "descriptors are left after destroy");
    _exit(0);
}

int driver_run_case(const struct driver_factory *factory, const char *arg, uint64_t seed,
                    const struct rig_case *c)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        return 1;
    }
    if (pid == 0)
        run_child(factory, arg, seed, c);
    while (waitpid(pid, &status, 0) < 0)
        ;
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "  ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
        return 2;
    }
    return WEXITSTATUS(status);
}

const struct rig_case *driver_case_at(size_t index)
{
    for (size_t t = 0; t < VK_COUNT(tables); t++) {
        for (const struct rig_case *c = tables[t]; c->name != NULL; c++) {
            if (index-- == 0)
                return c;
        }
    }
    return NULL;
}

/* Why the driver is not asked to run this case; NULL: it is. */
static const char *reason_to_skip(const struct driver_factory *factory, const struct rig_case *c)
{
    for (const struct driver_skip *skip = factory->skips; skip != NULL && skip->name != NULL; skip++) {
        if (strcmp(skip->name, c->name) == 0)
            return skip->why;
    }
    return NULL;
}

static int run_suite(const struct driver_factory *factory, const char *only, uint64_t seed)
{
    unsigned failed = 0;
    unsigned passed = 0;
    unsigned skipped = 0;
    const struct rig_case *c;
    for (size_t i = 0; (c = driver_case_at(i)) != NULL; i++) {
        if (only != NULL && strcmp(only, c->name) != 0)
            continue;
        const char *why = reason_to_skip(factory, c);
        if (why != NULL)
            fprintf(stderr, "  skipped: %s\n", why);
        int rc = why != NULL ? EXIT_SKIPPED : driver_run_case(factory, NULL, seed, c);
        const char *word = rc == 0 ? "ok" : rc == EXIT_SKIPPED ? "skip" : "FAIL";
        printf("%-4s %s/%s\n", word, factory->name, c->name);
        passed += rc == 0;
        skipped += rc == EXIT_SKIPPED;
        failed += rc != 0 && rc != EXIT_SKIPPED;
    }
    printf("%s, seed %llu: %u passed, %u skipped, %u failed\n", factory->name, (unsigned long long)seed,
           passed, skipped, failed);
    if (passed + skipped + failed == 0)
        fprintf(stderr, "no such case: %s\n", only);
    return failed != 0 || passed + skipped == 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: test_driver DRIVER [CASE] [--seed N]\n       test_driver --mutants\ndrivers:");
    for (const struct driver_factory *f = driver_factories; f->name != NULL; f++)
        fprintf(stderr, " %s", f->name);
    fprintf(stderr, "\n");
    return 2;
}

static const struct driver_factory *find_factory(const char *name)
{
    for (const struct driver_factory *f = driver_factories; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

/* Whether the driver works here at all; tried in a process of its own. */
static int probe(const struct driver_factory *factory)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct proc_io *io;
        int err = factory->create(NULL, 1, &io);
        if (err != 0)
            fprintf(stderr, "%s does not work here: %s\n", factory->name, vk_err_text(err));
        _exit(err != 0);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    uint64_t seed = 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    raise_descriptor_limit();
    if (argc == 2 && strcmp(argv[1], "--mutants") == 0)
        return driver_run_mutants();
    const struct driver_factory *factory = argc < 2 ? NULL : find_factory(argv[1]);
    if (factory == NULL)
        return usage();
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 0);
        else if (argv[i][0] != '-' && only == NULL)
            only = argv[i];
        else
            return usage();
    }
    if (probe(factory) != 0)
        return EXIT_SKIPPED;
    return run_suite(factory, only, seed);
}
