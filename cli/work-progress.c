/* Progress of long work, on stderr. */
#include "work-progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "fd.h"
#include "out.h"

static void tick(void *arg, uint64_t bytes, uint64_t files)
{
	struct work_progress *p = arg;
	auto_free char *size = out_size(bytes, 4, "");

	p->shown = true;
	fprintf(stderr, "\r%s: %s, %" PRIu64 " file%s\033[K", p->doing, size ? size : "", files,
		files == 1 ? "" : "s");
	(void)fflush(stderr);
}

void (*work_progress_tick(const struct work_progress *p))(void *arg, uint64_t bytes, uint64_t files)
{
	return p->quiet || !isatty(STDERR_FILENO) ? NULL : tick;
}

void work_progress_done(struct work_progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
