/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first and only process of the emulated machine: runs each line of /list
 * as a command, says how each ended, and switches the machine off.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 8u

static void split(char *line, char **args)
{
    uint32_t count = 0;
    for (char *word = strtok(line, " \n"); word != NULL && count < ARGS_MAX - 1; word = strtok(NULL, " \n"))
        args[count++] = word;
    args[count] = NULL;
}

/* Exit status of the command, 128 and the signal that ended it, or 127. */
static int run(char **args)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (args[0] != NULL)
            execv(args[0], args);
        perror(args[0] != NULL ? args[0] : "an empty line of /list");
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
    char line[256], *args[ARGS_MAX];
    uint32_t number = 0;
    (void)mount("none", "/proc", "proc", 0, NULL);
    FILE *list = fopen("/list", "r");
    while (list != NULL && fgets(line, sizeof line, list) != NULL) {
        split(line, args);
        printf("\n# %u begins\n", number);
        (void)fflush(stdout);
        int status = run(args);
        printf("\n# %u ended with %d\n", number, status);
        (void)fflush(stdout);
        number++;
    }
    printf("# all done\n");
    (void)fflush(stdout);
    sync();
    (void)reboot(RB_POWER_OFF);
    return 1;
}
