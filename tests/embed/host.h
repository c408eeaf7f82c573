/* SPDX-License-Identifier: Apache-2.0 */
/* What a host of these tests has: a module as bytes, and a client of its own server in one thread. */
#ifndef TESTS_EMBED_HOST_H
#define TESTS_EMBED_HOST_H

#include "include/vk.h"

#include <stdio.h>

#define HOST_FILE_MAX  (1u << 20)
#define HOST_REPLY_MAX 65536u

struct host_file {
    uint8_t *bytes; /* of malloc */
    size_t len;
};

/* The test fails when it cannot be read. */
struct host_file host_read(const char *path);

/* A connection to 127.0.0.1. */
int host_connect(uint16_t port);
void host_send(int fd, const char *text);

/*
 * Let the kernel run, by short steps, until something can be read from fd or
 * it is closed, and read it; 0: closed. The test fails after ten seconds.
 */
size_t host_receive(struct vk_kernel *kernel, int fd, char *text, size_t room);

/* The whole answer to a request whose connection ends with it, NUL behind it. */
void host_fetch(struct vk_kernel *kernel, uint16_t port, const char *request, char text[HOST_REPLY_MAX]);

/* Descriptors that this process has open. */
uint32_t host_descriptors(void);

#endif
