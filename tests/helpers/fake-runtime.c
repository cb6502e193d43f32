/*
 * An OCI runtime for tests of the monitor: takes the same command line as ours, but "the container"
 * is `/bin/sh -c` of the file "cmd" in the bundle, without namespaces.  Other files in the bundle
 * change what happens:
 *
 *	fail	"KIND TEXT": write that struct err and exit 1
 *	die	exit with this status without a word
 *	hang	never end
 *	nopid	exit 0 without having started anything
 *	deleted	is made by `delete`
 */
#include <fcntl.h>
#include <getopt.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "err.h"
#include "fd.h"

static int err_fd = -1;
static const char *root, *bundle, *pid_file, *console;
static char text[65536];

static bool slurp(const char *name)
{
	char path[4096];
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", bundle, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = fd_read_full(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	return true;
}

static int send_console(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct iovec iov = { .iov_base = text, .iov_len = 1 };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl = { 0 };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = ctl.room, .msg_controllen = sizeof(ctl.room),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
	char dir[4096];

	if (master < 0 || unlockpt(master) < 0)
		return -1;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	/* As our runtime: a path of any length. */
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(console, '/') - console), console);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d%.40s",
		       open(dir, O_PATH | O_CLOEXEC), strrchr(console, '/'));
	if (slave < 0 || connect(s, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -1;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &master, sizeof(int));
	if (sendmsg(s, &mh, 0) < 0)
		return -1;
	(void)close(master);
	/* The receiver sets the size and then hangs up: a runtime that does not wait for that has to
	 * go by consoleSize. */
	while (read(s, text, 1) > 0)
		;
	(void)close(s);
	return slave;
}

static void container(int tty, bool pdeathsig, pid_t parent)
{
	if (pdeathsig) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(91); /* it died before the line above */
	}
	(void)setsid();
	if (tty >= 0) {
		(void)ioctl(tty, TIOCSCTTY, 0);
		for (int fd = 0; fd < 3; fd++)
			(void)dup2(tty, fd);
	}
	if (!slurp("cmd"))
		_exit(96);
	(void)execl("/bin/sh", "sh", "-c", text, (char *)NULL);
	_exit(97);
}

static void state_dir(const char *id, bool make)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", root, id);
	if (!make)
		(void)rmdir(path);
	else if (mkdir(path, 0700) < 0)
		exit(90); /* as a real one, which knows the id already */
}

static int cmd_run(const char *id, bool pdeathsig)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	pid_t parent = getppid();
	int tty = -1;
	long pid;
	FILE *f;

	if (slurp("fail")) {
		struct err e = ERR_INIT;

		(void)err_set(&e, (enum err_kind)atoi(text), "%s", strchr(text, ' ') + 1);
		(void)err_send(err_fd, &e);
		return 1;
	}
	if (slurp("die"))
		return atoi(text);
	if (slurp("hang"))
		for (;;)
			(void)pause();
	if (slurp("nopid"))
		return 0;
	state_dir(id, true);
	if (console) {
		tty = send_console();
		if (tty < 0)
			return 95;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		container(tty, pdeathsig, parent);
	f = fopen(pid_file, "we");
	if (!f || fprintf(f, "%ld", pid) < 0 || fclose(f) < 0)
		return 94;
	return pid < 0;
}

int main(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "root", required_argument, NULL, 'r' },    { "err-fd", required_argument, NULL, 'e' },
		{ "log", required_argument, NULL, 'x' },     { "log-format", required_argument, NULL, 'x' },
		{ "detach", no_argument, NULL, 'x' },	     { "pdeathsig", no_argument, NULL, 'k' },
		{ "bundle", required_argument, NULL, 'b' },  { "pid-file", required_argument, NULL, 'p' },
		{ "console-socket", required_argument, NULL, 'c' }, { "force", no_argument, NULL, 'x' },
		{ 0 },
	};
	bool pdeathsig = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", opts, NULL)) > 0) {
		switch (opt) {
		case 'r':
			root = optarg;
			break;
		case 'e':
			err_fd = atoi(optarg);
			(void)fd_set_cloexec(err_fd, true);
			break;
		case 'b':
			bundle = optarg;
			break;
		case 'p':
			pid_file = optarg;
			break;
		case 'c':
			console = optarg;
			break;
		case 'k':
			pdeathsig = true;
			break;
		case 'x':
			break;
		default:
			return 93;
		}
	}
	if (argc - optind != 2)
		return 92;
	if (strcmp(argv[optind], "delete") == 0) {
		state_dir(argv[optind + 1], false);
		return 0;
	}
	return cmd_run(argv[optind + 1], pdeathsig);
}
