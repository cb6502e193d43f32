/* Id maps and user namespaces. */
#include <grp.h>
#include <sched.h>

#include "str.h"
#include "test.h"
#include "userns.h"

static struct idmap_range ranges[IDMAP_MAX];
static uint32_t n_ranges;

TEST(maps_parse_and_format)
{
	static const char *const good[] = { "0:1000:1", "0:1000:1,1:100000:65536", "0:0:4294967294" };
	char text[100];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_INT(idmap_parse(good[i], ranges, &n_ranges), 0);
		CHECK_INT(idmap_format(ranges, n_ranges, text, sizeof(text)), 0);
		CHECK_STR(text, good[i]);
	}
	CHECK_INT(idmap_format(ranges, 1, text, 5), -E2BIG);
}

TEST(bad_maps_are_refused)
{
	static const char *const bad[] = {
		"", ",", "0", "0:1", "0:1:", "0:1:1,", "0:1:1,,1:2:1", "0:1:0", "-1:1:1", "+0:1:1", " 0:1:1",
		"0:1:1 ", "a:1:1", "0:1:1:1", "0x0:1:1", "4294967295:1:1", "0:4294967295:1", "0:1:4294967295",
		"4294967294:1:2", "0:4294967290:6", "0:1:99999999999", "0:10:5,4:20:5", "0:10:5,5:14:5",
		"5:10:5,0:30:6", "0:1:1;1:2:1", "0:1:1\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_MSG(idmap_parse(bad[i], ranges, &n_ranges) == -EINVAL, "\"%s\" is accepted", bad[i]);
}

TEST(too_many_ranges)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	for (int i = 0; i < IDMAP_MAX; i++)
		strbuf_addf(&b, "%s%d:%d:1", i ? "," : "", 2 * i, 2 * i);
	CHECK_INT(idmap_parse(b.data, ranges, &n_ranges), 0);
	CHECK_INT(n_ranges, IDMAP_MAX);
	strbuf_add(&b, ",9999:9999:1");
	CHECK_INT(idmap_parse(b.data, ranges, &n_ranges), -E2BIG);
}

TEST(ids_translate_both_ways)
{
	uint32_t id = 77;

	CHECK_INT(idmap_parse("0:1000:1,1:100000:65536", ranges, &n_ranges), 0);
	CHECK(idmap_to_host(ranges, n_ranges, 0, &id) && id == 1000);
	CHECK(idmap_to_host(ranges, n_ranges, 1, &id) && id == 100000);
	CHECK(idmap_to_host(ranges, n_ranges, 65536, &id) && id == 165535);
	id = 77;
	CHECK(!idmap_to_host(ranges, n_ranges, 65537, &id) && id == 77);
	CHECK(idmap_to_container(ranges, n_ranges, 1000, &id) && id == 0);
	CHECK(idmap_to_container(ranges, n_ranges, 165535, &id) && id == 65536);
	CHECK(!idmap_to_container(ranges, n_ranges, 165536, &id));
	CHECK(!idmap_to_container(ranges, n_ranges, 0, &id));
}

static bool userns_works(void)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) < 0);
	(void)waitpid(pid, &status, 0);
	return status == 0;
}

/* As root any ids can be mapped; a user has the single-id map without ranges. */
static void a_map(struct idmap *m)
{
	bool root = geteuid() == 0;

	*m = (struct idmap){ .n_uid = 1, .n_gid = 1 };
	m->uid[0] = (struct idmap_range){ 0, root ? 5000 : geteuid(), root ? 10 : 1 };
	m->gid[0] = (struct idmap_range){ 0, root ? 6000 : getegid(), root ? 10 : 1 };
	CHECK(idmap_is_single(m) == !root);
}

TEST(a_forked_child_is_root_there)
{
	static struct idmap m;
	struct proc p = PROC_INIT;
	struct err e = ERR_INIT;
	int status, r, fds;

	if (!userns_works())
		test_skip("user namespaces are not permitted here");
	a_map(&m);
	fds = test_open_fds();
	r = userns_fork(&m, CLONE_NEWNS, &p, &e);
	CHECK_OK(r, e);
	if (r == 0) {
		auto_close int status_fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);

		_exit(getuid() != 0 || getgid() != 0 || geteuid() != 0 ? 1 :
		      status_fd < 0 ? 2 : getgroups(0, NULL) > 0 && m.uid[0].count > 1 ? 3 : 42);
	}
	CHECK_INT(proc_wait(&p, &status), 0);
	proc_done(&p);
	CHECK_INT(proc_exit_code(status), 42);
	CHECK_INT(test_open_fds(), fds);
}

TEST(a_map_that_the_kernel_refuses_leaves_no_child)
{
	static struct idmap m;
	struct proc p = PROC_INIT;
	struct err e = ERR_INIT;
	int fds = test_open_fds(), r;

	if (!userns_works())
		test_skip("user namespaces are not permitted here");
	m = (struct idmap){ .n_uid = 2, .n_gid = 1 };
	m.uid[0] = (struct idmap_range){ 0, 1, 5 };
	m.uid[1] = (struct idmap_range){ 3, 100, 5 }; /* overlaps */
	m.gid[0] = (struct idmap_range){ 0, 0, 1 };
	r = userns_fork(&m, 0, &p, &e);
	if (r == 0)
		_exit(0);
	CHECK(r < 0 && e.kind != ERR_NONE && e.text[0]);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	CHECK_INT(test_open_fds(), fds);
}

TEST(the_mappers_run_for_a_user)
{
	static struct idmap m;
	struct proc p = PROC_INIT;
	struct err e = ERR_INIT;
	auto_free char *mapper = path_find_program("newuidmap");
	int r;

	if (geteuid() == 0)
		test_skip("root maps by itself");
	if (!userns_works() || !mapper)
		test_skip("no user namespaces or no newuidmap");
	m = (struct idmap){ .n_uid = 1, .n_gid = 1 };
	m.uid[0] = (struct idmap_range){ 0, geteuid(), 1 };
	m.gid[0] = (struct idmap_range){ 7, getegid(), 1 };
	m.uid[1] = (struct idmap_range){ 1, 0, 1 }; /* host root: never ours to map */
	m.n_uid = 2;
	r = userns_fork(&m, 0, &p, &e);
	if (r == 0)
		_exit(0);
	CHECK_ERR(r, e, ERR_DENIED);
	CHECK_CONTAINS(e.text, "newuidmap");
	CHECK_CONTAINS(e.text, "/etc/subuid");
}

TEST(a_missing_mapper_is_named_with_its_package)
{
	static struct idmap m;
	struct userns_mapping mapping;
	struct err e = ERR_INIT;

	if (geteuid() == 0)
		test_skip("root maps by itself");
	m = (struct idmap){ .n_uid = 1, .n_gid = 1 };
	m.uid[0] = (struct idmap_range){ 0, 100000, 10 };
	m.gid[0] = (struct idmap_range){ 0, 100000, 10 };
	if (access("/usr/bin/newuidmap", X_OK) == 0)
		test_skip("newuidmap is in a directory that is always searched");
	CHECK_ERR(userns_map_begin(getpid(), &m, &mapping, &e), e, ERR_UNSUPPORTED);
	CHECK_CONTAINS(e.text, "apt-get install uidmap");
}
