/* The command ps: the host's ps(1), cut down to the container's processes. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"
#include "found.h"
#include "json.h"
#include "path.h"
#include "proc.h"
#include "runtime.h"

#define PS_MAX_BYTES (64u << 20)

static int add_pid(const struct proc *p, void *arg)
{
	return json_array_append_new(arg, json_integer(p->pid)) < 0 ? -ENOMEM : 0;
}

static bool is_listed(const json_t *pids, long pid)
{
	for (size_t i = 0; i < json_array_size(pids); i++)
		if (json_integer_value(json_array_get(pids, i)) == pid)
			return true;
	return false;
}

/* The column @column of @line, blanks between columns; NULL: there is none. */
static const char *find_column(const char *line, int column)
{
	for (;; column--) {
		while (isblank((unsigned char)*line))
			line++;
		if (!*line || column == 0)
			return *line ? line : NULL;
		while (*line && !isblank((unsigned char)*line))
			line++;
	}
}

static int pid_column(const char *header)
{
	for (int i = 0;; i++) {
		const char *at = find_column(header, i);

		if (!at)
			return -1;
		if (strncmp(at, "PID", 3) == 0 && (!at[3] || isblank((unsigned char)at[3])))
			return i;
	}
}

static int run_ps(const char *ps, const struct args *a, char **ret, struct err *e)
{
	auto_strv struct strv args = STRV_INIT;
	auto_close int rd = FD_NONE, wr = FD_NONE;
	struct proc_fd fd = { .to = STDOUT_FILENO };
	struct proc_spawn s = { .path = ps, .fds = &fd, .n_fds = 1, .dir_fd = FD_NONE };
	struct proc p = PROC_INIT;
	int fds[2], status = 0, r = strv_add(&args, "ps");

	for (int i = 1; r == 0 && i < a->argc; i++)
		r = strv_add(&args, a->argv[i]);
	if (r == 0 && a->argc == 1)
		r = strv_add(&args, "-ef");
	if (r < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, r < 0 ? r : errno, "run ps");
	rd = fds[0];
	wr = fds[1];
	fd.from = wr;
	s.argv = strv_argv(&args);
	r = proc_spawn(&s, &p, e);
	if (r < 0)
		return r;
	wr = fd_close(wr);
	r = fd_read_file(rd, PS_MAX_BYTES, ret, NULL);
	rd = fd_close(rd);
	if (proc_wait(&p, &status) < 0)
		status = 1;
	proc_done(&p);
	if (r < 0)
		return err_sys(e, r, "read what ps says");
	return status ? err_set(e, ERR_OS, "ps ended with status %d", proc_exit_code(status)) : 0;
}

static int print_table(const struct args *a, const json_t *pids, struct err *e)
{
	auto_free char *ps = path_find_program("ps"), *text = NULL;
	char *save = NULL, *line;
	int column, r;

	if (!ps) {
		(void)printf("PID\n");
		for (size_t i = 0; i < json_array_size(pids); i++)
			(void)printf("%lld\n",
				     (long long)json_integer_value(json_array_get(pids, i)));
		return 0;
	}
	r = run_ps(ps, a, &text, e);
	if (r < 0)
		return r;
	line = strtok_r(text, "\n", &save);
	column = line ? pid_column(line) : -1;
	if (column < 0)
		return err_set(e, ERR_INVALID, "what ps says has no column PID: use other options");
	(void)printf("%s\n", line);
	while ((line = strtok_r(NULL, "\n", &save))) {
		const char *at = find_column(line, column);

		if (at && is_listed(pids, strtol(at, NULL, 10)))
			(void)printf("%s\n", line);
	}
	return 0;
}

int cmd_ps(struct args *a, struct err *e)
{
	auto_found struct found f = FOUND_INIT;
	auto_json json_t *pids = json_array();
	auto_free char *text = NULL;
	bool json = a->format && streq(a->format, "json");
	int r;

	if (a->format && !json && !streq(a->format, "table"))
		return err_set(e, ERR_INVALID, "--format: \"%s\" is not table or json", a->format);
	r = found_open(a, &f, e);
	if (r == 0)
		r = found_check_alive(&f, "ps", e);
	if (r == 0)
		r = found_each_process(&f, "ps", add_pid, pids, e);
	if (r < 0)
		return r;
	if (!json)
		return print_table(a, pids, e);
	text = json_dumps(pids, JSON_COMPACT);
	if (!text)
		return err_sys(e, ENOMEM, "list processes");
	(void)printf("%s\n", text);
	return 0;
}
