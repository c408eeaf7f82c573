/* SPDX-License-Identifier: Apache-2.0 */
/* What `vkd test` prints of each test. */
#ifndef VKD_REPORT_H
#define VKD_REPORT_H

#include "compiler/text.h"
#include "vkd/trial.h"

struct vkd_report {
    const char *path; /* of the file whose tests run; the caller's */
    bool is_verbose;
    uint32_t passed;
    uint32_t failed;
    /* private */
    const char *name;
    uint32_t line;
    struct vkc_text log;  /* of the running test, as it will be printed */
    struct vkc_text trap; /* its own process's last words */
    uint32_t dropped;     /* lines beyond VKD_TRIAL_LOG_MAX_BYTES */
};

void vkd_report_begin(struct vkd_report *report, const char *name, uint32_t line);

/* A vkd_trial_log_fn; ctx is the report. */
void vkd_report_log(void *report, struct vk_span name, struct vk_span text);

/* Prints the test if it failed, or if the report is verbose. */
void vkd_report_end(struct vkd_report *report, const struct vkd_outcome *outcome);
void vkd_report_fini(struct vkd_report *report);

#endif
