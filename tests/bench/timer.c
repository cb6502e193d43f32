/*
 * Times commands against one another: A B C A B C ..., so that a slow second of the machine hits
 * all of them, from before fork to after wait.
 *
 *	timer [-n ROUNDS] [-w WARM-UPS] [-j JOBS] -- COMMAND... [--- COMMAND...]...
 *
 * One line per command: median, minimum and 90th percentile in microseconds, and how many runs
 * exited non-zero (their times do not count).  With -j the rounds of one command run JOBS at a time
 * instead, and the first two columns are the wall time of all rounds divided by their number.
 * "@N@" in an argument becomes the number of the run: for programs that want a new name each time.
 * Output of the commands is dropped; stderr of the first failing run of each is shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 16
#define ARGS_MAX 128
#define ARG_BYTES 512
#define ROUNDS_MAX 100000

struct command {
	char **argv;
	double *us;
	int n, failed;
	char *complaint;
};

extern char **environ;

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* argv with the run's number filled in; valid until the next call. */
static char **numbered(char **argv)
{
	static char text[ARGS_MAX][ARG_BYTES];
	static char *out[ARGS_MAX + 1];
	static unsigned int serial;
	int n = 0;

	for (serial++; argv[n] && n < ARGS_MAX; n++) {
		const char *at = strstr(argv[n], "@N@");

		out[n] = argv[n];
		if (!at)
			continue;
		(void)snprintf(text[n], ARG_BYTES, "%.*s%u%s", (int)(at - argv[n]), argv[n], serial,
			       at + 3);
		out[n] = text[n];
	}
	out[n] = NULL;
	return out;
}

static pid_t start(char **template, int err_fd)
{
	char **argv = numbered(template);
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int r;

	if (posix_spawn_file_actions_init(&fa) != 0 ||
	    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0) != 0 ||
	    posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0) != 0 ||
	    posix_spawn_file_actions_adddup2(&fa, err_fd, 2) != 0)
		abort();
	r = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (r != 0) {
		(void)fprintf(stderr, "timer: %s: %s\n", argv[0], strerror(r));
		exit(1);
	}
	return pid;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void note_failure(struct command *c, int err_fd)
{
	c->failed++;
	if (!c->complaint) {
		char buf[2001];
		ssize_t n = pread(err_fd, buf, sizeof(buf) - 1, 0);

		buf[n > 0 ? n : 0] = '\0';
		c->complaint = strdup(buf);
	}
}

static int run_once(struct command *c, int err_fd, double *ret_us)
{
	double begin;
	int status;
	pid_t pid;

	(void)!ftruncate(err_fd, 0);
	(void)lseek(err_fd, 0, SEEK_SET);
	begin = now_us();
	pid = start(c->argv, err_fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_us = now_us() - begin;
	return status;
}

static void run_parallel(struct command *c, int rounds, int jobs, int err_fd)
{
	double begin = now_us();
	int started = 0, running = 0, status;

	while (started < rounds || running > 0) {
		if (started < rounds && running < jobs) {
			(void)start(c->argv, err_fd);
			started++;
			running++;
			continue;
		}
		if (wait(&status) < 0)
			continue;
		running--;
		if (status != 0)
			note_failure(c, err_fd);
	}
	c->us[c->n++] = (now_us() - begin) / rounds;
}

static void report(struct command *c)
{
	qsort(c->us, (size_t)c->n, sizeof(*c->us), by_value);
	if (c->n == 0)
		(void)printf("- - - %d\n", c->failed);
	else
		(void)printf("%.0f %.0f %.0f %d\n", c->us[c->n / 2], c->us[0],
			     c->us[(int)((double)(c->n - 1) * 0.9)], c->failed);
	if (c->complaint)
		(void)fprintf(stderr, "timer: %s failed %d times, first: %s\n", c->argv[0], c->failed,
			      c->complaint);
}

int main(int argc, char **argv)
{
	struct command cmds[COMMANDS_MAX] = { 0 };
	int rounds = 20, warm = 2, jobs = 0, n_cmds = 0, opt, err_fd;
	FILE *tmp = tmpfile();

	while ((opt = getopt(argc, argv, "+n:w:j:")) != -1) {
		switch (opt) {
		case 'n': rounds = atoi(optarg); break;
		case 'w': warm = atoi(optarg); break;
		case 'j': jobs = atoi(optarg); break;
		default: return 2;
		}
	}
	if (!tmp || optind >= argc || rounds < 1 || rounds > ROUNDS_MAX || warm < 0)
		return 2;
	err_fd = fcntl(fileno(tmp), F_DUPFD_CLOEXEC, 3);
	cmds[n_cmds++].argv = argv + optind;
	for (int i = optind; i < argc; i++) {
		if (strcmp(argv[i], "---") != 0)
			continue;
		argv[i] = NULL;
		if (n_cmds == COMMANDS_MAX || i + 1 >= argc)
			return 2;
		cmds[n_cmds++].argv = argv + i + 1;
	}
	for (int i = 0; i < n_cmds; i++)
		cmds[i].us = calloc((size_t)rounds, sizeof(double));
	for (int round = -warm; round < rounds; round++) {
		if (jobs && round >= 0)
			break;
		for (int i = 0; i < n_cmds; i++) {
			double us;
			int status = run_once(&cmds[i], err_fd, &us);

			if (round < 0)
				continue;
			if (status != 0)
				note_failure(&cmds[i], err_fd);
			else
				cmds[i].us[cmds[i].n++] = us;
		}
	}
	for (int i = 0; jobs && i < n_cmds; i++)
		run_parallel(&cmds[i], rounds, jobs, err_fd);
	for (int i = 0; i < n_cmds; i++)
		report(&cmds[i]);
	return 0;
}
