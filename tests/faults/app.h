/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The native program that is asked, and that faults are done to.
 *
 * GET /id?n=N         the digits of N
 * GET /wait?ms=M&n=N  the same, after M milliseconds
 * POST /echo          the body
 * GET /big?n=N        N bytes, streamed
 * GET /crash          a write through a null pointer
 * GET /fail           ends without an answer
 */
#ifndef TESTS_FAULTS_APP_H
#define TESTS_FAULTS_APP_H

#include "proc/program.h"

extern const struct proc_program app_program;
void app_init(void);

#endif
