/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WORD_LEN    4u  /* "rip " */
#define ADDRESS_LEN 16u /* as metal_console_hex writes it */

static bool is_word(const char *at, const char *word)
{
    size_t digits = 0;
    if (strncmp(at, word, WORD_LEN) != 0)
        return false;
    while (strchr("0123456789abcdef", at[WORD_LEN + digits]) != NULL && at[WORD_LEN + digits] != '\0')
        digits++;
    return digits == ADDRESS_LEN;
}

/* The line of the last function that begins at address or before; NULL: the address is not in the code. */
static const char *find(const char *names, unsigned long long address, unsigned long long *ret_start)
{
    const char *found = NULL;
    for (const char *at = names; *at != '\0'; at = strchr(at, '\n') + 1) {
        char *name;
        unsigned long long start = strtoull(at, &name, 16);
        if (start > address)
            return found;
        *ret_start = start;
        found = *name == ' ' ? name + 1 : NULL;
    }
    return NULL;
}

static void print_name(const char *names, unsigned long long address, bool is_return, FILE *to)
{
    unsigned long long start = 0;
    /* A call that does not return may be its function's last instruction. */
    const char *name = find(names, address - is_return, &start);
    if (name != NULL)
        fprintf(to, " <%.*s+0x%llx>", (int)strcspn(name, "\n"), name, address - start);
}

void vkd_names_print(const char *names, const char *line, FILE *to)
{
    for (const char *at = line; *at != '\0'; at++) {
        bool is_return = is_word(at, "ret ");
        if (!is_return && !is_word(at, "rip ")) {
            fputc(*at, to);
            continue;
        }
        fprintf(to, "%.*s", (int)(WORD_LEN + ADDRESS_LEN), at);
        at += WORD_LEN;
        print_name(names, strtoull(at, NULL, 16), is_return, to);
        at += ADDRESS_LEN - 1;
    }
}
