/*
 * The bare floor under every container engine here: the namespaces, the two map helpers side by
 * side, an overlay with an upper directory, pivot_root, exec, and nothing else: no monitor, no log,
 * no record, no seccomp filter, no /proc and no /dev.  What an engine takes beyond this is its own.
 *
 *	floor -u UIDMAP -g GIDMAP -l LOWER[:LOWER...] -d DIR [-H] -- COMMAND [ARG...]
 *
 * A map is what newuidmap(1) takes behind the pid, blank-separated: "0 1000 1 1 100000 65536".
 * A fresh upper and work directory are made in DIR and removed afterwards (a volatile overlay's
 * cannot be used twice); the overlay is mounted on the one that is there as DIR/merged.  -H keeps
 * the host's network.  The exit status is the command's, 128+n for a signal, 125 when the floor
 * itself fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAP_WORDS 64
#define LOWER_MAX 64

struct plan {
	char *uid_map, *gid_map, *lower, *dir;
	char upper[512], work[512], merged[512];
	char **argv;
	int host_net;
};

static void __attribute__((noreturn)) die(const char *what)
{
	(void)fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static pid_t start_map_helper(const char *program, pid_t pid, const char *map)
{
	static char words[2][1024];
	static int turn;
	char *argv[MAP_WORDS + 3], pid_text[16], *save = NULL;
	size_t n = 0;
	pid_t child;

	(void)snprintf(words[turn], sizeof(words[0]), "%s", map);
	(void)snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	argv[n++] = (char *)(uintptr_t)program;
	argv[n++] = pid_text;
	for (char *w = strtok_r(words[turn], " ", &save); w && n < MAP_WORDS;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	argv[n] = NULL;
	turn ^= 1;
	child = vfork();
	if (child < 0)
		die("vfork");
	if (child == 0) {
		(void)execv(program, argv);
		_exit(127);
	}
	return child;
}

static void fsconfig_or_die(int fs, unsigned int cmd, const char *key, const char *value)
{
	if (syscall(SYS_fsconfig, fs, cmd, key, value, 0) < 0)
		die(key ? key : "create the overlay");
}

static void mount_overlay(const struct plan *p)
{
	int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	char *save = NULL;
	int mnt;

	if (fs < 0)
		die("fsopen overlay");
	for (char *l = strtok_r(p->lower, ":", &save); l; l = strtok_r(NULL, ":", &save))
		fsconfig_or_die(fs, FSCONFIG_SET_STRING, "lowerdir+", l);
	fsconfig_or_die(fs, FSCONFIG_SET_STRING, "upperdir", p->upper);
	fsconfig_or_die(fs, FSCONFIG_SET_STRING, "workdir", p->work);
	fsconfig_or_die(fs, FSCONFIG_SET_FLAG, "userxattr", NULL);
	fsconfig_or_die(fs, FSCONFIG_SET_FLAG, "volatile", NULL);
	fsconfig_or_die(fs, FSCONFIG_CMD_CREATE, NULL, NULL);
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		die("fsmount");
	if (syscall(SYS_move_mount, mnt, "", AT_FDCWD, p->merged, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		die("move_mount");
	(void)close(mnt);
	(void)close(fs);
}

static void __attribute__((noreturn)) run_child(const struct plan *p, int go)
{
	char c;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go, &c, 1) != 1)
		_exit(125);
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		die("become root");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("make mounts private");
	mount_overlay(p);
	if (chdir(p->merged) < 0)
		die("chdir");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		die("pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		die("detach the old root");
	(void)execv(p->argv[0], p->argv);
	die(p->argv[0]);
}

static void wait_ok(pid_t pid, const char *what)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die(what);
	if (status != 0) {
		(void)fprintf(stderr, "floor: %s failed\n", what);
		_exit(125);
	}
}

static void make_dirs(struct plan *p)
{
	(void)snprintf(p->upper, sizeof(p->upper), "%s/upper-%d", p->dir, (int)getpid());
	(void)snprintf(p->work, sizeof(p->work), "%s/work-%d", p->dir, (int)getpid());
	(void)snprintf(p->merged, sizeof(p->merged), "%s/merged", p->dir);
	if (mkdir(p->upper, 0755) < 0 || mkdir(p->work, 0700) < 0)
		die(p->work);
}

/* What the kernel made in the work directory belongs to the namespace's root, which is us; but it
 * made the directories with mode 0. */
static void remove_dirs(const struct plan *p)
{
	static const char *const locked[] = { "work", "work/incompat", "work/incompat/volatile" };
	static const char *const inner[] = { "work/incompat/volatile/dirty", "work/incompat/volatile",
					     "work/incompat", "work", "index", "" };
	char path[600];

	for (size_t i = 0; i < sizeof(locked) / sizeof(locked[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", p->work, locked[i]);
		(void)chmod(path, 0700); /* if this fails the removal says why */
	}
	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", p->work, inner[i]);
		if (remove(path) < 0 && errno != ENOENT)
			die(path);
	}
	if (remove(p->upper) < 0)
		die(p->upper);
}

int main(int argc, char **argv)
{
	struct plan p = { 0 };
	struct clone_args args = { .exit_signal = SIGCHLD };
	int opt, go[2], status;
	pid_t pid, uid_helper, gid_helper;

	while ((opt = getopt(argc, argv, "+u:g:l:d:H")) != -1) {
		switch (opt) {
		case 'u': p.uid_map = optarg; break;
		case 'g': p.gid_map = optarg; break;
		case 'l': p.lower = optarg; break;
		case 'd': p.dir = optarg; break;
		case 'H': p.host_net = 1; break;
		default: return 125;
		}
	}
	p.argv = argv + optind;
	if (!p.uid_map || !p.gid_map || !p.lower || !p.dir || !p.argv[0]) {
		(void)fprintf(stderr, "usage: floor -u UIDMAP -g GIDMAP -l LOWER[:LOWER...] -d DIR"
				      " [-H] -- COMMAND [ARG...]\n");
		return 125;
	}
	make_dirs(&p);
	if (pipe2(go, O_CLOEXEC) < 0)
		die("pipe");
	args.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
		     CLONE_NEWCGROUP | (p.host_net ? 0 : CLONE_NEWNET);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		die("clone3");
	if (pid == 0)
		run_child(&p, go[0]);
	uid_helper = start_map_helper("/usr/bin/newuidmap", pid, p.uid_map);
	gid_helper = start_map_helper("/usr/bin/newgidmap", pid, p.gid_map);
	wait_ok(uid_helper, "newuidmap");
	wait_ok(gid_helper, "newgidmap");
	if (write(go[1], "x", 1) != 1)
		die("release the child");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("wait");
	remove_dirs(&p);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
