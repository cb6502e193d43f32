/* Namespaces as descriptors: kinds, owners, ancestors, and processes that have ended. */
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "fd.h"
#include "ns.h"
#include "test.h"
#include "userns.h"

static void single_map(struct idmap *m, uint32_t uid, uint32_t gid)
{
	m->uid[0] = (struct idmap_range){ 0, uid, 1 };
	m->gid[0] = (struct idmap_range){ 0, gid, 1 };
	m->n_uid = m->n_gid = 1;
}

/* A process in a user and a network namespace of its own; with @deeper one below them. */
static void start(struct proc *ret, bool deeper)
{
	static struct idmap m;
	struct err e = ERR_INIT;
	int r;

	single_map(&m, geteuid(), getegid());
	r = userns_fork(&m, CLONE_NEWNET, ret, &e);
	if (r < 0 && (e.kind == ERR_UNSUPPORTED || e.kind == ERR_DENIED))
		test_skip("no user namespaces here");
	CHECK_MSG(r >= 0, "%s", e.text);
	if (r == 0) {
		if (deeper && unshare(CLONE_NEWUSER) < 0)
			_exit(1);
		for (;;)
			(void)pause();
	}
	if (deeper)
		(void)usleep(50000);
}

static void stop(struct proc *p)
{
	(void)proc_signal(p, SIGKILL);
	(void)proc_wait(p, NULL);
	proc_done(p);
}

static int open_ours(const char *name)
{
	char path[40];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

TEST(kinds)
{
	auto_close int net = open_ours("net"), user = open_ours("user");
	auto_close int none = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK_INT(ns_kind(net), CLONE_NEWNET);
	CHECK_INT(ns_kind(user), CLONE_NEWUSER);
	CHECK_INT(ns_kind(none), -EINVAL);
	CHECK_INT(ns_kind(null), -EINVAL);
	CHECK(ns_same(net, net) && !ns_same(net, user));
}

TEST(our_own_is_not_below_us)
{
	auto_close int user = open_ours("user");
	int fd = -7;

	CHECK_INT(ns_below_ours(user, &fd), 0);
	CHECK_INT(fd, -7);
}

TEST(a_child_is_found_from_itself_and_from_what_it_owns)
{
	struct proc p = PROC_INIT;
	auto_close int user = FD_NONE, net = FD_NONE, owner = FD_NONE, below = FD_NONE;

	start(&p, false);
	user = ns_open(&p, "user");
	net = ns_open(&p, "net");
	CHECK(user >= 0 && net >= 0);
	owner = ns_owner(net);
	CHECK(owner >= 0 && ns_same(owner, user));
	CHECK_INT(ns_below_ours(owner, &below), 1);
	CHECK(ns_same(below, user));
	stop(&p);
}

TEST(a_grandchild_leads_to_the_child)
{
	struct proc p = PROC_INIT;
	auto_close int user = FD_NONE, net = FD_NONE, owner = FD_NONE, below = FD_NONE;

	start(&p, true);
	user = ns_open(&p, "user");
	net = ns_open(&p, "net");
	owner = ns_owner(net);
	CHECK_INT(ns_below_ours(user, &below), 1);
	CHECK(!ns_same(below, user) && ns_same(below, owner));
	stop(&p);
}

TEST(a_dead_process_has_none)
{
	struct proc p = PROC_INIT;

	start(&p, false);
	(void)proc_signal(&p, SIGKILL);
	CHECK_INT(proc_poll(&p, 10000), 1); /* a zombie: its number is taken, it has ended */
	CHECK_INT(ns_open(&p, "net"), -ESRCH);
	CHECK_INT(ns_open(&p, "user"), -ESRCH);
	stop(&p);
}
