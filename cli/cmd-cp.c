/* `cp`: copy files between the host and containers, or between containers. */
#include "commands.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "ctrlite/container.h"
#include "ctrlite/copy.h"
#include "fd.h"
#include "work-progress.h"

struct cp_args {
	bool archive, overwrite, follow, quiet;
};

#define ARG(m) offsetof(struct cp_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'a', "archive",     NULL, OPT_FLAG, ARG(archive),   "chown copied files to the container's user; with =false they keep their owner (default true)" },
	{ 0,   "extract",     NULL, OPT_FLAG, ARG(follow),    "archives are copied, not extracted; \"-\" extracts", OPT_HIDDEN | OPT_COMPAT },
	{ 'L', "follow-link", NULL, OPT_FLAG, ARG(follow),    "follow the links that a source ends with, as cp always does", OPT_COMPAT },
	{ 0,   "overwrite",   NULL, OPT_FLAG, ARG(overwrite), "let directories replace other files, and other files directories" },
	{ 0,   "pause",       NULL, OPT_FLAG, ARG(follow),    "cp never pauses a container", OPT_HIDDEN | OPT_COMPAT },
	{ 'q', "quiet",       NULL, OPT_FLAG, ARG(quiet),     "show no progress" },
	{ 0 },
};
/* clang-format on */
static const struct cp_args defaults = { .archive = true };

/* CONTAINER:PATH.  What begins with '.' or '/' is a path of the host, whatever follows. */
struct cp_end {
	char *name;		/* owned; NULL: the host */
	const char *path;	/* borrowed */
	char id[65];
};

static int parse_end(const char *arg, struct cp_end *end, struct err *e)
{
	const char *colon = strchr(arg, ':');

	end->path = arg;
	if (!arg[0])
		return err_set(e, ERR_INVALID, "a path is empty");
	if (!colon || colon == arg || arg[0] == '.' || arg[0] == '/')
		return 0;
	if (!colon[1])
		return err_set(e, ERR_INVALID, "invalid argument \"%s\": you must specify a path in the "
			       "container", arg);
	end->name = strndup(arg, (size_t)(colon - arg));
	end->path = colon + 1;
	return end->name ? 0 : err_sys(e, ENOMEM, "copy");
}

/* A name that is no container's is a file's, if there is such a file: podman looks so too. */
static int find_end(struct cmd *c, const char *arg, struct cp_end *end, struct err *e)
{
	struct stat st;
	int r;

	if (!end->name)
		return 0;
	r = ctr_container_find(c->eng, end->name, end->id, e);
	if (r == -ENOENT && lstat(arg, &st) == 0) {
		*e = (struct err)ERR_INIT;
		free(take_ptr(&end->name));
		end->path = arg;
		return 0;
	}
	if (r == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "container \"%s\" does not exist: no such container",
			       end->name);
	return r;
}

static bool is_std(const struct cp_end *end, const char *dev)
{
	return !end->name && (streq(end->path, "-") || streq(end->path, dev));
}

static int copy_all(struct cmd *c, const struct cp_args *a, const struct cp_end *from,
		    const struct cp_end *to, struct err *e)
{
	struct work_progress p = { .doing = "Copying", .quiet = a->quiet };
	const struct ctr_copy_opts o = { .archive = a->archive, .overwrite = a->overwrite,
					 .tick = work_progress_tick(&p), .tick_arg = &p };
	const struct ctr_copy_end src = { from->name ? from->id : NULL, from->name, from->path };
	const struct ctr_copy_end dst = { to->name ? to->id : NULL, to->name, to->path };
	int r;

	if (!src.id && !dst.id)
		return err_set(e, ERR_INVALID, "invalid arguments \"%s\", \"%s\" you must use at least one "
			       "container: give it as CONTAINER:PATH", from->path, to->path);
	if (is_std(to, "/dev/stdout")) {
		if (isatty(STDOUT_FILENO))
			return err_set(e, ERR_INVALID, "refusing to write an archive to a terminal: "
				       "redirect the output");
		r = ctr_copy_out(c->eng, &src, STDOUT_FILENO, &o, e);
	} else if (is_std(from, "/dev/stdin")) {
		r = ctr_copy_in(c->eng, &dst, &o, e);
	} else {
		r = ctr_copy(c->eng, &src, &dst, &o, e);
	}
	work_progress_done(&p);
	return r;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct cp_end from = { .name = NULL }, to = { .name = NULL };
	int r = parse_end(c->args[0], &from, e);

	if (r == 0)
		r = parse_end(c->args[1], &to, e);
	if (r == 0)
		r = find_end(c, c->args[0], &from, e);
	if (r == 0)
		r = find_end(c, c->args[1], &to, e);
	if (r == 0)
		r = copy_all(c, args, &from, &to, e);
	free(from.name);
	free(to.name);
	return r;
}

const struct command cmd_cp = {
	.summary = "Copy files/folders between a container and the local filesystem",
	.usage = "[options] [CONTAINER:]SRC_PATH [CONTAINER:]DEST_PATH",
	.description = "Copies files and directories into a container, out of it, or from one to another; "
		       "the containers need not run. A directory is copied into one that exists, or "
		       "becomes the one that does not; with \"/.\" at its end what is in it is copied. The "
		       "directory above the destination must exist. Links that a path ends with are "
		       "followed; links inside of a copied directory stay links. A source of \"-\" is a tar "
		       "archive on the standard input, a destination of \"-\" one on the standard output. "
		       "Files that go into a container belong to its user. Devices and sockets are left "
		       "out. Of a container that does not run the volumes and bind mounts are there, but "
		       "no tmpfs. A host path with a colon is given with ./ before it.",
	.examples = "cp page.html web:/usr/share/nginx/html/\ncp web:/etc/nginx/nginx.conf .\n"
		    "cp ./site/. web:/srv/site\ncp web:/var/log - | tar -tv\ncp a:/data b:/data",
	.run = run, .opts = opts, .args_size = sizeof(struct cp_args), .defaults = &defaults,
	.min_args = 2, .max_args = 2, .needs = NEED_STORE,
	.complete = COMPLETE_CONTAINER,
};
