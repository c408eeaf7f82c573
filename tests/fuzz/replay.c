/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target run on files, by any compiler: what once was found stays
 * found. Its checks end the process.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

static uint8_t bytes[1u << 20];

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            perror(argv[i]);
            return 1;
        }
        size_t len = fread(bytes, 1, sizeof bytes, file);
        (void)fclose(file);
        printf("%s: %zu bytes\n", argv[i], len);
        (void)fflush(stdout);
        (void)LLVMFuzzerTestOneInput(bytes, len);
    }
    return argc > 1 ? 0 : 1;
}
