/* `export`: a container's files as a tar archive. */
#include "commands.h"

#include <unistd.h>

#include "cli.h"
#include "ctrlite/changes.h"
#include "out-file.h"
#include "targets.h"
#include "work-progress.h"

struct export_args {
	const char *output;
};

#define ARG(m) offsetof(struct export_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'o', "output", "FILE", OPT_STRING, ARG(output), "write to this file (default: the standard output, which must not be a terminal)", 0, COMPLETE_FILE },
	{ 0 },
};
/* clang-format on */

struct work {
	struct cmd *c;
	const char *id;
};

static int export_to(void *arg, int fd, const char *tmp, struct err *e)
{
	const struct work *w = arg;
	struct work_progress p = { .doing = "Exporting" };
	const struct ctr_export_opts o = { .tick = work_progress_tick(&p), .tick_arg = &p, .tmp = tmp };
	int r = ctr_container_export(w->c->eng, w->id, fd, &o, e);

	work_progress_done(&p);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct export_args *a = args;
	char id[65];
	struct work w = { c, id };
	size_t used;
	int r;

	if (!a->output && isatty(STDOUT_FILENO))
		return err_set(e, ERR_INVALID, "refusing to export to terminal. Use -o flag or redirect");
	r = target_one(c, false, NULL, id, &used, e);
	if (r < 0)
		return r;
	return a->output ? out_file_write(a->output, export_to, &w, e)
			 : export_to(&w, STDOUT_FILENO, NULL, e);
}

const struct command cmd_export = {
	.summary = "Export container's filesystem contents as a tar archive",
	.usage = "[options] CONTAINER",
	.description = "Writes all files of a container, whether it runs or not, as one tar archive. What "
		       "is mounted in it (volumes, binds, tmpfs) is left out; the directories that it is "
		       "mounted on are there.",
	.examples = "export -o web.tar web\nexport web | gzip >web.tar.gz\nexport web | ctr-lite import - flat",
	.run = run, .opts = opts, .args_size = sizeof(struct export_args), .min_args = 1, .max_args = 1,
	.needs = NEED_STORE, .complete = COMPLETE_CONTAINER,
};
