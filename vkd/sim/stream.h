/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies by pieces, for the native programs that are tested with: a request
 * that is sent back, and a body of a known pattern.
 */
#ifndef VKD_SIM_STREAM_H
#define VKD_SIM_STREAM_H

#include "net/request.h"
#include "proc/native.h"

/* Part of a fiber's state; zeroed at its start. */
struct vkd_stream {
    uint32_t piece; /* offset */
    uint32_t piece_len;
    uint32_t written; /* of the piece */
    uint64_t left;
    struct proc_op op;
};

/* Steps of a fiber that does nothing else from here on: they answer with 200. */
enum proc_step vkd_stream_echo(struct proc_self *self, struct proc_fiber *fiber, struct vkd_stream *stream,
                               const struct net_request *request);

/* len_bytes of which each is the low byte of how many were left before it. */
enum proc_step vkd_stream_big(struct proc_self *self, struct proc_fiber *fiber, struct vkd_stream *stream,
                              const struct net_request *request, uint64_t len_bytes);

#endif
