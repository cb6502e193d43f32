/* The overlay of a root filesystem, mounted in namespaces of the test's own. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#include "mnt.h"
#include "str.h"
#include "test.h"
#include "userns.h"

/* Become root of fresh user and mount namespaces (root needs only the latter). */
static void enter_namespaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct err e = ERR_INIT;
	char text[40];

	if (unshare(CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)) < 0)
		test_skip("namespaces are not permitted here: %s", strerror(errno));
	if (uid) {
		test_write("/proc/self/setgroups", "deny");
		(void)snprintf(text, sizeof(text), "0 %u 1", uid);
		test_write("/proc/self/uid_map", text);
		(void)snprintf(text, sizeof(text), "0 %u 1", gid);
		test_write("/proc/self/gid_map", text);
	}
	CHECK_OK(mnt_propagation(false, &e), e);
	/* An overlay cannot have another as its upper, which /tmp may be. */
	test_mkdir("t");
	CHECK(mount("tmpfs", "t", "tmpfs", 0, NULL) == 0);
	CHECK(chdir("t") == 0);
}

static const char *abs_path(const char *name)
{
	static char bufs[128][PATH_MAX + 64];
	static unsigned int next;
	char *buf = bufs[next++ % 128];

	(void)snprintf(buf, sizeof(bufs[0]), "%s/t/%s", test_tmpdir(), name);
	return buf;
}

TEST(layers_are_stacked_topmost_first)
{
	struct mnt_overlay o = { .n_lower = 2 };
	struct err e = ERR_INIT;

	enter_namespaces();
	test_mkdir("l1");
	test_mkdir("l2");
	test_mkdir("up");
	test_mkdir("work");
	test_mkdir("m");
	test_write("l1/f", "top");
	test_write("l2/f", "bottom");
	test_write("l2/g", "below");
	o.lower = (const char *const[]){ abs_path("l1"), abs_path("l2") };
	o.upper = abs_path("up");
	o.work = abs_path("work");
	o.volatile_ = true;
	CHECK_OK(mnt_overlay(&o, abs_path("m"), &e), e);
	CHECK_INT(access("m/g", F_OK), 0);
	{
		char text[8] = "";
		int fd = open("m/f", O_RDONLY | O_CLOEXEC);

		CHECK(read(fd, text, 7) == 3);
		CHECK_STR(text, "top");
		(void)close(fd);
	}
	test_write("m/new", "x");
	CHECK_INT(access("up/new", F_OK), 0);
	CHECK(umount("m") == 0);
}

TEST(names_with_colons_commas_and_backslashes)
{
	static const char *const names[] = { "a:b", "c,d", "e\\f", "g h", "i=j" };
	const char *lower[5];
	struct mnt_overlay o = { .lower = lower, .n_lower = 5 };
	struct err e = ERR_INIT;
	char path[64];

	enter_namespaces();
	test_mkdir("up:1,2");
	test_mkdir("work\\:");
	test_mkdir("m");
	for (size_t i = 0; i < 5; i++) {
		test_mkdir(names[i]);
		(void)snprintf(path, sizeof(path), "%s/f%zu", names[i], i);
		test_write(path, "x");
		lower[i] = abs_path(names[i]);
	}
	o.upper = abs_path("up:1,2");
	o.work = abs_path("work\\:");
	CHECK_OK(mnt_overlay(&o, abs_path("m"), &e), e);
	for (size_t i = 0; i < 5; i++) {
		(void)snprintf(path, sizeof(path), "m/f%zu", i);
		CHECK_INT(access(path, F_OK), 0);
	}
	CHECK(umount("m") == 0);
}

TEST(one_layer_without_upper_is_read_only)
{
	struct mnt_overlay o = { .n_lower = 1 };
	struct err e = ERR_INIT;

	enter_namespaces();
	test_mkdir("l1");
	test_write("l1/f", "x");
	test_mkdir("m");
	o.lower = (const char *const[]){ abs_path("l1") };
	CHECK_OK(mnt_overlay(&o, abs_path("m"), &e), e);
	CHECK_INT(access("m/f", F_OK), 0);
	CHECK(open("m/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EROFS);
}

TEST(two_layers_without_upper_are_read_only)
{
	struct mnt_overlay o = { .n_lower = 2 };
	struct err e = ERR_INIT;

	enter_namespaces();
	test_mkdir("l1");
	test_mkdir("l2");
	test_mkdir("m");
	o.lower = (const char *const[]){ abs_path("l1"), abs_path("l2") };
	CHECK_OK(mnt_overlay(&o, abs_path("m"), &e), e);
	CHECK(open("m/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EROFS);
}

TEST(a_hundred_layers)
{
	const char *lower[100];
	struct mnt_overlay o = { .lower = lower, .n_lower = 100 };
	struct err e = ERR_INIT;
	char name[16];

	enter_namespaces();
	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "layer%d", i);
		test_mkdir(name);
		lower[i] = abs_path(name);
	}
	test_mkdir("m");
	CHECK_OK(mnt_overlay(&o, abs_path("m"), &e), e);
	CHECK(umount("m") == 0);
}

TEST(failures_say_what_and_leave_nothing)
{
	struct mnt_overlay o = { .n_lower = 0 };
	struct err e = ERR_INIT;
	int fds;

	enter_namespaces();
	test_mkdir("m");
	fds = test_open_fds();
	CHECK_ERR(mnt_overlay(&o, abs_path("m"), &e), e, ERR_INVALID);
	o.n_lower = 2;
	o.lower = (const char *const[]){ abs_path("nosuch"), abs_path("m") };
	e = (struct err)ERR_INIT;
	CHECK(mnt_overlay(&o, abs_path("m"), &e) < 0 && e.text[0]);
	CHECK_INT(test_open_fds(), fds);
	CHECK(umount("m") < 0 && errno == EINVAL);
}
