/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to standard error that never hold up whoever writes them: what a pipe
 * or a socket does not take at once is dropped and counted, and the count is
 * said before the next line that goes through. One counter for the OS process,
 * as there is one standard error.
 */
#ifndef VKD_LOG_H
#define VKD_LOG_H

#include "vk/bytes.h"

#define VKD_LINE_MAX 512u /* a line, newline included; longer ones are cut */

/*
 * Write one line (without its newline) in one piece, so that lines of several
 * OS processes never mix. SIGPIPE must be ignored. Not for two threads at once.
 */
void vkd_log(struct vk_span line);

/* After fork, in the child: what was dropped is the parent's to tell. */
void vkd_log_forked(void);

#endif
