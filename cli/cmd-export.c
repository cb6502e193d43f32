/* `export`: a container's files as a tar archive. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "ctrlite/changes.h"
#include "fd.h"
#include "str.h"
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

static int export_to(struct cmd *c, const char *id, int fd, const char *tmp, struct err *e)
{
	struct work_progress p = { .doing = "Exporting" };
	const struct ctr_export_opts o = { .tick = work_progress_tick(&p), .tick_arg = &p, .tmp = tmp };
	int r = ctr_container_export(c->eng, id, fd, &o, e);

	work_progress_done(&p);
	return r;
}

/* The file appears when it is whole, unless something else than a file is there already. */
static int export_file(struct cmd *c, const char *id, const char *name, struct err *e)
{
	auto_free char *tmp = NULL;
	auto_close int fd = FD_NONE;
	struct stat st;
	char hex[17];
	int r;

	if (stat(name, &st) == 0 && !S_ISREG(st.st_mode)) {
		fd = open(name, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		return fd < 0 ? err_sys(e, errno, "open %s", name) : export_to(c, id, fd, NULL, e);
	}
	r = str_random_hex(8, hex);
	tmp = r == 0 ? str_printf("%s.%s.tmp", name, hex) : NULL;
	if (!tmp)
		return err_sys(e, r < 0 ? r : ENOMEM, "create %s", name);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_sys(e, errno, "creating file \"%s\"", name);
	r = export_to(c, id, fd, tmp, e);
	if (r == 0 && rename(tmp, name) < 0)
		r = err_sys(e, errno, "create %s", name);
	if (r < 0)
		(void)unlink(tmp); /* a half archive: the failure is what counts */
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	const struct export_args *a = args;
	char id[65];
	size_t used;
	int r;

	if (!a->output && isatty(STDOUT_FILENO))
		return err_set(e, ERR_INVALID, "refusing to export to terminal. Use -o flag or redirect");
	r = target_one(c, false, NULL, id, &used, e);
	if (r < 0)
		return r;
	return a->output ? export_file(c, id, a->output, e) : export_to(c, id, STDOUT_FILENO, NULL, e);
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
