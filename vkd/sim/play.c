/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/sim/play.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 120u /* of real time, for one run: one that takes more has no end */

struct vkd_told *vkd_told_new(void)
{
    void *memory =
        mmap(NULL, sizeof(struct vkd_told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

/* ---- one OS process ------------------------------------------------------------------------ */

struct player {
    pid_t pid;  /* 0: none */
    int errors; /* a file with what it wrote to standard error */
    struct vkd_told *told;
};

/* 0 in the child. */
static pid_t fork_player(struct player *player)
{
    player->errors = memfd_create("errors", MFD_CLOEXEC);
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0) {
        player->pid = pid;
        return pid;
    }
    if (player->errors >= 0)
        (void)dup2(player->errors, STDERR_FILENO);
    return 0;
}

/* What it wrote last, on one line, so that an assertion is told as what it is. */
static void take_errors(struct player *player, char *room, size_t room_len)
{
    ssize_t len = player->errors >= 0 ? pread(player->errors, room, room_len - 1, 0) : 0;
    room[len > 0 ? len : 0] = '\0';
    for (char *at = room; *at != '\0'; at++)
        *at = *at == '\n' ? ' ' : *at;
    if (player->errors >= 0)
        (void)close(player->errors);
}

/* It has ended with this status: what does that say of its run? */
static bool judge(struct player *player, int status)
{
    struct vkd_told *told = player->told;
    char errors[360];
    take_errors(player, errors, sizeof errors);
    player->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (told->is_broken)
        return false;
    told->is_broken = true;
    told->is_endless = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    if (told->is_endless)
        (void)snprintf(told->why, sizeof told->why, "it takes more than %u s", PATIENCE_S);
    else if (WIFSIGNALED(status))
        (void)snprintf(told->why, sizeof told->why, "ended by signal %d (%s): %s", WTERMSIG(status),
                       strsignal(WTERMSIG(status)), errors);
    else
        (void)snprintf(told->why, sizeof told->why, "ended with status %d: %s", WEXITSTATUS(status), errors);
    return false;
}

bool vkd_play(const struct vkd_script *script, struct vkd_told *told, bool has_tales)
{
    struct player player = {.told = told};
    int status;
    memset(told, 0, sizeof *told);
    told->has_tales = has_tales;
    pid_t pid = fork_player(&player);
    if (pid == 0) {
        alarm(PATIENCE_S);
        vkd_world_run(script, told);
        _exit(0);
    }
    if (pid < 0) {
        (void)snprintf(told->why, sizeof told->why, "no process: %s", strerror(errno));
        return false;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return judge(&player, status);
}

/* ---- many seeds -------------------------------------------------------------------------------- */

static void play_all(const struct vkd_plays *plays, struct vkd_told *told, uint32_t job)
{
    static struct vkd_script script;
    for (uint64_t i = job; i < plays->count; i += plays->jobs) {
        uint64_t seed = plays->first + i;
        alarm(PATIENCE_S);
        told->seed = seed;
        plays->draw(&script, seed);
        vkd_world_run(&script, told);
        uint64_t trace = told->trace;
        if (!plays->repeats)
            continue;
        vkd_world_run(&script, told);
        if (told->trace == trace)
            continue;
        (void)snprintf(told->why, sizeof told->why, "the same seed is not the same run");
        told->is_broken = true;
        _exit(1);
    }
    _exit(0);
}

static void add(struct vkd_told *sum, const struct vkd_told *of)
{
    sum->runs += of->runs;
    sum->ticks += of->ticks;
    sum->asked += of->asked;
    sum->answered += of->answered;
    sum->cpu_ns += of->cpu_ns;
    if (!of->is_broken || sum->is_broken)
        return;
    sum->is_broken = true;
    sum->seed = of->seed;
    sum->tick = of->tick;
    sum->now_ns = of->now_ns;
    memcpy(sum->why, of->why, sizeof sum->why);
}

static void start_all(const struct vkd_plays *plays, struct player *players)
{
    for (uint32_t i = 0; i < plays->jobs; i++) {
        players[i] = (struct player){.told = vkd_told_new()};
        if (players[i].told != NULL && fork_player(&players[i]) == 0)
            play_all(plays, players[i].told, i);
    }
}

/* One broke: the others need not go on. */
static void stop_all(const struct player *players, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (players[i].pid > 0)
            (void)kill(players[i].pid, SIGKILL);
}

bool vkd_play_seeds(const struct vkd_plays *plays, struct vkd_told *told)
{
    struct player players[VKD_JOBS_MAX];
    int status;
    memset(told, 0, sizeof *told);
    start_all(plays, players);
    for (pid_t pid; (pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR;)
        for (uint32_t i = 0; i < plays->jobs; i++) {
            if (pid <= 0 || players[i].pid != pid)
                continue;
            bool is_stopped = told->is_broken;
            if (judge(&players[i], status) || !is_stopped)
                add(told, players[i].told);
            if (told->is_broken)
                stop_all(players, plays->jobs);
        }
    for (uint32_t i = 0; i < plays->jobs; i++)
        if (players[i].told != NULL)
            (void)munmap(players[i].told, sizeof(struct vkd_told));
    return !told->is_broken;
}
