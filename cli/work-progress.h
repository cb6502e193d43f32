/* One line on a terminal that says how far long work with files is. */
#ifndef CLI_WORK_PROGRESS_H
#define CLI_WORK_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct work_progress {
	const char *doing;	/* "Copying" */
	bool quiet;
	bool shown;		/* private */
};

/* The function to call now and then with a struct work_progress, NULL where nobody would see it. */
void (*work_progress_tick(const struct work_progress *p))(void *arg, uint64_t bytes, uint64_t files);
/* Take the line away again. */
void work_progress_done(struct work_progress *p);

#endif
