/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a C library that lwIP uses and metal does not have yet. */
#include "metal/lwip/libc/stdlib.h"
#include "metal/lwip/libc/string.h"

#include <stdint.h>

size_t strlen(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0')
        len++;
    return len;
}

int strncmp(const char *a, const char *b, size_t max)
{
    for (size_t i = 0; i < max; i++) {
        if (a[i] != b[i])
            return (unsigned char)a[i] - (unsigned char)b[i];
        if (a[i] == '\0')
            break;
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

/* lwIP gives it the digits of an interface's name only. */
int atoi(const char *text)
{
    int value = 0;
    for (; *text >= '0' && *text <= '9' && value < 1000; text++)
        value = value * 10 + (*text - '0');
    return value;
}
