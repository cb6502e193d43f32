/* `exec`: run another process in a running container. */
#include "commands.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "env.h"
#include "log.h"
#include "targets.h"

#define EXIT_SESSION 255	/* the session could not be made */

extern char **environ;

struct exec_args {
	bool detach, interactive, tty, privileged, latest, no_session;
	const char *user, *workdir, *cidfile, *detach_keys;
	uint64_t preserve_fds;
	struct strv env, env_file;
};

#define ARG(m) offsetof(struct exec_args, m)
/* clang-format off */
static const struct opt opts[] = {
	{ 0,   "cidfile",      "FILE",      OPT_STRING,  ARG(cidfile),      "read the container ID from the file", 0, COMPLETE_FILE },
	{ 'd', "detach",       NULL,        OPT_FLAG,    ARG(detach),       "leave it running and print the session's ID" },
	{ 0,   "detach-keys",  "KEYS",      OPT_STRING,  ARG(detach_keys),  "keys that detach (default ctrl-p,ctrl-q; empty: none)" },
	{ 'e', "env",          "KEY=VALUE", OPT_LIST,    ARG(env),          "set a variable; KEY alone copies it, PREFIX* copies all that start so" },
	{ 0,   "env-file",     "FILE",      OPT_LIST,    ARG(env_file),     "set the variables of a file", 0, COMPLETE_FILE },
	{ 'i', "interactive",  NULL,        OPT_FLAG,    ARG(interactive),  "keep stdin open" },
	{ 'l', "latest",       NULL,        OPT_FLAG,    ARG(latest),       "act on the newest container" },
	{ 0,   "no-session",   NULL,        OPT_FLAG,    ARG(no_session),   "leave no record of the session while it runs" },
	{ 0,   "preserve-fds", "N",         OPT_U64,     ARG(preserve_fds), "pass this many descriptors above 2 on" },
	{ 0,   "privileged",   NULL,        OPT_FLAG,    ARG(privileged),   "all capabilities" },
	{ 't', "tty",          NULL,        OPT_FLAG,    ARG(tty),          "give it a terminal" },
	{ 'u', "user",         "USER",      OPT_STRING,  ARG(user),         "UID|NAME[:GID|GROUP]" },
	{ 'w', "workdir",      "DIR",       OPT_STRING,  ARG(workdir),      "working directory" },
	{ 0 },
};
/* clang-format on */

static int run_session(struct cmd *c, const char *id, const struct exec_args *a,
		       struct ctr_exec_opts *o, struct ctr_exec_result *res, struct err *e)
{
	if (a->tty && a->interactive && !a->detach && !isatty(STDIN_FILENO))
		log_warn("The input device is not a TTY. The --tty and --interactive flags might not work "
			 "properly");
	if (a->tty)
		ctr_terminal_size(&o->rows, &o->cols);
	return ctr_container_exec(c->eng, id, o, res, e);
}

static int run(struct cmd *c, void *args, struct err *e)
{
	struct exec_args *a = args;
	struct ctr_exec_opts o = {
		.user = a->user, .cwd = a->workdir, .tty = a->tty, .interactive = a->interactive,
		.privileged = a->privileged, .preserve_fds = (uint32_t)a->preserve_fds, .detach = a->detach,
		.no_session = a->no_session,
	};
	struct ctr_exec_result res;
	struct spec_env_args ea = { .host = (const char *const *)environ, .files = &a->env_file,
				    .env = &a->env };
	char id[65];
	size_t used;
	bool asked = false, named = a->latest || a->cidfile || c->n_args;
	int r = named ? target_one(c, a->latest, a->cidfile, id, &used, e)
		      : err_set(e, ERR_INVALID, "exec requires the name or ID of a container or the "
				"--latest flag");

	if (r == 0 && a->preserve_fds > CTR_EXEC_FDS_MAX)
		r = err_set(e, ERR_INVALID, "--preserve-fds: expected 0..%d", CTR_EXEC_FDS_MAX);
	for (int fd = 3; r == 0 && fd < 3 + (int)a->preserve_fds; fd++)
		if (fcntl(fd, F_GETFD) != 0) /* not open, or close-on-exec: one of our own */
			r = err_set(e, ERR_INVALID, "file descriptor %d is not available - the "
				    "preserve-fds option requires that file descriptors must be "
				    "passed", fd);
	if (r == 0)
		r = ctr_detach_keys_parse(a->detach_keys ? a->detach_keys : CTR_DETACH_KEYS_DEFAULT,
					  &o.detach_keys, e);
	if (r == 0 && c->n_args <= used)
		r = err_set(e, ERR_INVALID, "must provide a non-empty command to start an exec session");
	if (r == 0 && a->workdir && a->workdir[0] != '/')
		r = err_set(e, ERR_INVALID, "the working directory %s must be absolute", a->workdir);
	for (size_t i = used; r == 0 && i < c->n_args; i++)
		r = strv_add(&o.args, c->args[i]) < 0 ? err_sys(e, 12, "run the process") : 0;
	if (r == 0)
		r = spec_env_build(&ea, &o.env, e);
	asked = r == 0;
	if (r == 0)
		r = run_session(c, id, a, &o, &res, e);
	strv_done(&o.args);
	strv_done(&o.env);
	if (r < 0 && asked && e->kind == ERR_NOT_FOUND) { /* the user, as podman has it */
		cmd_fail(c, e);
		return EXIT_SESSION;
	}
	if (r < 0 && a->detach && e->kind == ERR_BUSY) { /* which podman tells apart, too */
		cmd_fail(c, e);
		return EXIT_ENGINE;
	}
	if (r < 0 || !a->detach)
		return r < 0 ? r : res.hung_up ? 128 + SIGHUP : res.exit_code;
	printf("%s\n", res.id);
	return 0;
}

static const struct cmd_exit exits[] = {
	{ ERR_BUSY, EXIT_SESSION },
	{ ERR_NONE, 0 },
};

const struct command cmd_exec = {
	.summary = "Run a process in a running container",
	.usage = "[options] CONTAINER COMMAND [ARG...]",
	.description = "Runs the command in the namespaces of the container and ends with its exit code. "
		       "With -d, and after the detach keys, it goes on by itself.",
	.examples = "exec -it web sh\nexec -u www-data -e DEBUG=1 web env\n"
		    "exec -d web sh -c 'sleep 60; nginx -s reload'",
	.run = run, .opts = opts, .args_size = sizeof(struct exec_args),
	.max_args = ARGS_ANY, .needs = NEED_STORE, .flags = CMD_STOP_AT_ARG,
	.complete = COMPLETE_CONTAINER_RUNNING, .exits = exits,
};
