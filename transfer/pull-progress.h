/*
 * What pull shows on stderr: plain lines, or on a terminal one bar for each blob, drawn over and
 * over.  The terminal's state is never changed, so there is nothing to restore.
 */
#ifndef TRANSFER_PULL_PROGRESS_H
#define TRANSFER_PULL_PROGRESS_H

#include <stdbool.h>

#include "pull.h"

struct pull_progress;

/* @quiet: nothing is shown.  NULL without memory. */
struct pull_progress *pull_progress_new(bool quiet);
/* @final: draw the final state first.  Not after a signal: whoever started us may be gone and what
 * is below the bars another program's. */
void pull_progress_free(struct pull_progress *p, bool final);
/* Fills the members of @ev that report. */
void pull_progress_events(struct pull_progress *p, struct ctr_pull_events *ev);

/* One line of at most @width columns (no newline) for a blob of which @done of @size bytes have
 * come; @buf has room for @width + 1 bytes at least.  Returns its length. */
size_t pull_progress_bar(char *buf, size_t width, const char *kind, const char *hex, uint64_t done,
			 uint64_t size, bool present);

#endif
