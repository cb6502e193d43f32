/* `run`: make a container, start it, and be its terminal until it ends. */
#include "commands.h"

#include <errno.h>

#include <ctrlite/image.h>

#include "attached.h"
#include "fd.h"
#include "log.h"
#include "run-opts.h"

#include <fcntl.h>
#include <unistd.h>

#define ARG(m) offsetof(struct run_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 'd', "detach",      NULL,   OPT_FLAG,    ARG(detach),      "run in the background and print the container's ID" },
	{ 0,   "detach-keys", "KEYS", OPT_STRING,  ARG(detach_keys), "keys that detach (default ctrl-p,ctrl-q; empty: none)" },
	{ 0,   "preserve-fds", "N",   OPT_U64,     ARG(preserve_fds), "pass on the descriptors from 3 to N+2" },
	{ 0,   "rmi",         NULL,   OPT_FLAG,    ARG(rmi),         "remove the container and its image when it ends, unless the image is used by others" },
	{ 0,   "sig-proxy",   NULL,   OPT_FLAG,    ARG(sig_proxy),   "pass signals on to the container (default true)" },
	{ .kind = OPT_INCLUDE, .table = run_common_opts },
	{ 0 },
};
/* clang-format on */

/* -a STREAM: only the named ones; without it stdout and stderr, and stdin with -i. */
static int choose_streams(const struct run_args *a, struct ctr_client_opts *co, struct err *e)
{
	co->want_stdout = co->want_stderr = a->attach.n == 0;
	co->want_stdin = a->attach.n == 0 && a->interactive;
	for (size_t i = 0; i < a->attach.n; i++) {
		if (streq(a->attach.items[i], "stdin") || streq(a->attach.items[i], "STDIN"))
			co->want_stdin = a->interactive;
		else if (streq(a->attach.items[i], "stdout") || streq(a->attach.items[i], "STDOUT"))
			co->want_stdout = true;
		else if (streq(a->attach.items[i], "stderr") || streq(a->attach.items[i], "STDERR"))
			co->want_stderr = true;
		else
			return err_set(e, ERR_INVALID, "invalid stream \"%s\" for --attach - must be one of "
				       "stdin, stdout, or stderr", a->attach.items[i]);
	}
	return 0;
}

/* The container has our stdio itself: we only wait, and pass signals on. */
static int passes_stdio(const struct run_args *a, struct ctr_client_opts *co, bool *ret, struct err *e)
{
	*ret = a->log_driver && str_starts(a->log_driver, "passthrough");
	if (*ret && a->attach.n)
		return err_set(e, ERR_INVALID, "cannot specify --attach with --log-driver=%s: invalid "
			       "argument", a->log_driver);
	if (*ret)
		co->want_stdin = co->want_stdout = co->want_stderr = false;
	return 0;
}

/* All of them are there: what the program finds at a number is what the caller meant. */
static int check_fds(const struct run_args *a, struct err *e)
{
	if (a->preserve_fds > CTR_PRESERVE_FDS_MAX)
		return err_set(e, ERR_INVALID, "--preserve-fds: expected 0..%d", CTR_PRESERVE_FDS_MAX);
	for (int fd = 3; fd < 3 + (int)a->preserve_fds; fd++)
		if (fcntl(fd, F_GETFD) != 0) /* not open, or close-on-exec: one of our own */
			return err_set(e, ERR_INVALID, "file descriptor %d is not available - the "
				       "preserve-fds option requires that file descriptors must be passed",
				       fd);
	return 0;
}

static bool host_network(const struct run_args *a)
{
	return a->networks.n && streq(a->networks.items[0], "host");
}

/* --rmi: the name that it was run by; one that others use stays. */
static void remove_image(struct cmd *c, const char *name)
{
	struct ctr_image_removed done = CTR_IMAGE_REMOVED_INIT;
	struct err e = ERR_INIT;
	int rc = ctr_image_remove(c->eng, name, &(struct ctr_image_remove_opts){ 0 }, &done, &e);

	if (rc < 0 && rc != -ENOENT)
		log_warn("the image stays: %s", e.text);
	ctr_image_removed_done(&done);
}

static int check_rmi(struct cmd *c, struct run_args *a, struct err *e)
{
	if (!a->rmi)
		return 0;
	if (opt_seen(c->opts, "rm") && !a->rm)
		return err_set(e, ERR_INVALID, "the --rmi option does not work without --rm");
	if (a->detach)
		return err_set(e, ERR_UNSUPPORTED, "--rmi with --detach is not supported yet: remove the "
			       "image with rmi when the container has ended");
	a->rm = true;
	return 0;
}

static int run_it(struct cmd *c, struct run_args *a, struct ctr_request *r, struct ctr_launch **l,
		  struct err *e)
{
	struct ctr_client_opts co = { .tty = a->tty, .sig_proxy = a->sig_proxy };
	struct ctr_start_opts so = { .attach = !a->detach, .preserve_fds = (uint32_t)a->preserve_fds };
	auto_close int sock = FD_NONE;
	bool passes;
	int rc = check_rmi(c, a, e);

	if (rc == 0)
		rc = check_fds(a, e);
	if (rc == 0)
		rc = choose_streams(a, &co, e);
	if (rc == 0)
		rc = passes_stdio(a, &co, &passes, e);
	if (rc == 0)
		rc = attached_keys(a->detach_keys, &co, e);
	/* The namespaces are made on the other processor while the image is looked up here. */
	if (rc == 0 && run_is_plain(a))
		rc = ctr_launch_begin(c->eng, host_network(a), l, e);
	if (rc == 0)
		rc = run_request(c, a, r, e);
	if (rc == 0)
		rc = run_replace(c, a, e);
	if (rc < 0)
		return rc;
	if (a->tty && co.want_stdin && !isatty(STDIN_FILENO))
		log_warn("The input device is not a TTY. The --tty and --interactive flags might not work "
			 "properly");
	if (a->tty)
		ctr_terminal_size(&so.rows, &so.cols);
	rc = ctr_container_run(c->eng, *l, r, &so, &sock, e);
	if (rc == 0)
		rc = run_write_cidfile(a, r->id, e);
	if (rc < 0)
		return rc;
	if (a->detach) {
		printf("%s\n", r->id);
		return 0;
	}
	rc = attached_run(c, r->id, sock, &co, e);
	if (a->rmi && rc >= 0)
		remove_image(c, r->image);
	return rc;
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct ctr_request r = CTR_REQUEST_INIT;
	struct ctr_launch *l = NULL;
	struct run_args *a = args;
	int rc = a->explain ? run_explain(c, a, &r, e) : run_it(c, args, &r, &l, e);

	ctr_launch_free(l);
	ctr_request_done(&r);
	return rc;
}

const struct command cmd_run = {
	.summary = "Run a command in a new container",
	.usage = "[options] IMAGE [COMMAND [ARG...]]",
	.description = "Makes a container from the image, pulling it when it is not there, and runs the "
		       "command in it. Ends with the command's exit code; 125 means that ctr-lite failed, "
		       "126 that the command could not be executed, 127 that it was not found.",
	.examples = "run --rm alpine ps aux\nrun -it --rm debian bash\n"
		    "run -d --name web -p 8080:80 nginx\nrun --rm -v .:/src -w /src python python3 x.py",
	.run = run, .opts = opts, .args_size = sizeof(struct run_args), .defaults = &run_defaults,
	.min_args = 1, .max_args = ARGS_ANY, .needs = NEED_STORE, .flags = CMD_STOP_AT_ARG,
	.complete = COMPLETE_IMAGE,
};
