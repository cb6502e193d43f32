/* The store: opening it, staging directories and their locks, names, collection. */
#include "store-fixture.h"

#include <sys/file.h>

#include "proc.h"

TEST(open_makes_a_layout_that_is_complete)
{
	struct store s, again;
	struct stat st;

	fixture_open(&s);
	CHECK(stat("graph/images/oci-layout", &st) == 0 && stat("graph/images/index.json", &st) == 0);
	CHECK(stat("graph/images/blobs/sha256", &st) == 0 && S_ISDIR(st.st_mode));
	CHECK(stat("graph", &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK_INT(fixture_count(s.tmp_fd), 0);
	CHECK(s.root[0] == '/' && !s.read_only);
	fixture_open(&again);
	CHECK_STR(again.root, s.root);
	store_close(&s);
	store_close(&again);
	store_close(&again);
}

TEST(open_and_close_leave_no_descriptor)
{
	int before = test_open_fds();
	struct store s;

	fixture_open(&s);
	store_close(&s);
	CHECK_INT(test_open_fds(), before);
}

TEST(open_refuses_a_newer_version)
{
	struct store s = STORE_INIT;
	struct err e = ERR_INIT;
	char root[PATH_MAX + 8];

	fixture_open(&s);
	store_close(&s);
	CHECK(unlink("graph/version") == 0);
	test_symlink("99", "graph/version");
	(void)snprintf(root, sizeof(root), "%s/graph", test_tmpdir());
	CHECK_ERR(store_open(&s, root, root, &e), e, ERR_UNSUPPORTED);
	CHECK_CONTAINS(e.text, "99");
}

TEST(open_refuses_what_others_can_write)
{
	struct store s = STORE_INIT;
	struct err e = ERR_INIT;
	char root[PATH_MAX + 8], run[PATH_MAX + 8];

	(void)snprintf(root, sizeof(root), "%s/graph", test_tmpdir());
	(void)snprintf(run, sizeof(run), "%s/run", test_tmpdir());
	test_mkdir("run");
	CHECK(chmod("run", 0777) == 0);
	CHECK_ERR(store_open(&s, root, run, &e), e, ERR_DENIED);
	CHECK_CONTAINS(e.text, "run");
	CHECK(chmod("run", 0700) == 0);
	CHECK_OK(store_open(&s, root, run, &e), e);
	store_close(&s);
	CHECK_ERR(store_open(&s, "relative", run, &e), e, ERR_INVALID);
}

TEST(open_refuses_another_users_directory)
{
	struct store s = STORE_INIT;
	struct err e = ERR_INIT;
	char run[PATH_MAX + 8];

	if (geteuid() == 0)
		test_skip("everything belongs to root here");
	(void)snprintf(run, sizeof(run), "%s/run", test_tmpdir());
	CHECK_ERR(store_open(&s, "/usr", run, &e), e, ERR_DENIED);
}

TEST(stage_commit_and_drop)
{
	struct stage a = STAGE_INIT, b = STAGE_INIT;
	struct err e = ERR_INIT;
	struct store s;

	fixture_open(&s);
	CHECK_OK(store_stage_new(&s, &a, &e), e);
	CHECK_OK(store_stage_new(&s, &b, &e), e);
	CHECK(mkdirat(a.fd, "deep", 0700) == 0 && mkdirat(a.fd, "deep/er", 0500) == 0);
	CHECK_OK(store_stage_commit(&s, &a, s.volumes_fd, "v", &e), e);
	CHECK(access("graph/volumes/v/deep/er", F_OK) == 0);
	CHECK_ERR(store_stage_commit(&s, &b, s.volumes_fd, "v", &e), e, ERR_EXISTS);
	CHECK_OK(store_stage_drop(&s, &b, NULL, &e), e);
	CHECK_OK(store_stage_drop(&s, &b, NULL, &e), e);
	CHECK_INT(fixture_count(s.tmp_fd), 0);
	CHECK_OK(store_stage_take(&s, s.volumes_fd, "v", &a, &e), e);
	CHECK_INT(fixture_count(s.volumes_fd), 0);
	CHECK_OK(store_stage_drop(&s, &a, NULL, &e), e);
	CHECK_INT(fixture_count(s.tmp_fd), 0);
	CHECK_ERR(store_stage_take(&s, s.volumes_fd, "v", &a, &e), e, ERR_NOT_FOUND);
	store_close(&s);
}

TEST(take_waits_for_nobody)
{
	struct stage st = STAGE_INIT;
	struct err e = ERR_INIT;
	struct store s;
	int fd;

	fixture_open(&s);
	CHECK(mkdirat(s.volumes_fd, "v", 0700) == 0);
	fd = openat(s.volumes_fd, "v", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(flock(fd, LOCK_SH) == 0);
	CHECK_ERR(store_stage_take(&s, s.volumes_fd, "v", &st, &e), e, ERR_BUSY);
	CHECK(access("graph/volumes/v", F_OK) == 0);
	store_close(&s);
}

TEST(collect_takes_only_what_is_dead)
{
	struct stage live = STAGE_INIT, st = STAGE_INIT;
	struct err e = ERR_INIT;
	struct store s;
	struct proc p;
	int r;

	fixture_open(&s);
	CHECK_OK(store_collect(&s, NULL, NULL, &e), e);
	CHECK_OK(store_stage_new(&s, &live, &e), e);
	r = proc_fork(&p);
	CHECK(r >= 0);
	if (r == 0) {
		/* A maker that dies in the middle of its work. */
		(void)store_stage_new(&s, &st, NULL);
		(void)mkdirat(st.fd, "half", 0700);
		(void)symlinkat("/etc", st.fd, "half/link");
		_exit(0);
	}
	CHECK_INT(proc_wait(&p, NULL), 0);
	test_write("graph/tmp/file", "a stray file");
	CHECK_INT(fixture_count(s.tmp_fd), 3);
	CHECK_OK(store_collect(&s, NULL, NULL, &e), e);
	CHECK_INT(fixture_count(s.tmp_fd), 1);
	CHECK_OK(store_stage_drop(&s, &live, NULL, &e), e);
	store_close(&s);
}

TEST(collectors_at_once_do_not_fail_each_other)
{
	enum { COLLECTORS = 6, STAGES = 100, ROUNDS = 5 };
	struct proc p[COLLECTORS];
	struct store s;
	char name[40];

	fixture_open(&s);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < STAGES; i++) {
			(void)snprintf(name, sizeof(name), "dead-%d", i);
			CHECK_INT(mkdirat(s.tmp_fd, name, 0700), 0);
		}
		for (int i = 0; i < COLLECTORS; i++) {
			int r = proc_fork(&p[i]);

			CHECK(r >= 0);
			if (r == 0)
				_exit(store_collect(&s, NULL, NULL, NULL) < 0);
		}
		for (int i = 0; i < COLLECTORS; i++) {
			int status = -1;

			CHECK_INT(proc_wait(&p[i], &status), 0);
			CHECK_INT(status, 0);
		}
		CHECK_INT(fixture_count(s.tmp_fd), 0);
	}
	store_close(&s);
}

TEST(collect_takes_names_and_run_directories_of_the_dead)
{
	struct digest gone = fixture_digest('a'), here = fixture_digest('b'), busy = fixture_digest('c');
	char lock[80], id[65];
	struct stage live = STAGE_INIT;
	struct err e = ERR_INIT;
	struct store s;
	struct proc p;
	int r;
	int fd;

	fixture_open(&s);
	CHECK_OK(store_stage_new(&s, &live, &e), e);
	CHECK_OK(store_name_claim(&s, "being-made", busy.hex, &live, NULL, &e), e);
	CHECK(mkdirat(s.containers_fd, here.hex, 0700) == 0);
	CHECK_OK(store_name_claim(&s, "here", here.hex, NULL, NULL, &e), e);
	CHECK(mkdirat(s.run_containers_fd, here.hex, 0700) == 0);
	CHECK(mkdirat(s.run_containers_fd, gone.hex, 0700) == 0);
	CHECK(mkdirat(s.run_containers_fd, busy.hex, 0700) == 0);
	/* A monitor that cleans up after its container has gone. */
	(void)snprintf(lock, sizeof(lock), "%s/lock", busy.hex);
	fd = openat(s.run_containers_fd, lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && file_ofd_lock(fd, false) == 0);
	r = proc_fork(&p);
	CHECK(r >= 0);
	if (r == 0) {
		struct stage st = STAGE_INIT;

		_exit(store_stage_new(&s, &st, NULL) < 0 ||
		      store_name_claim(&s, "dead", gone.hex, &st, NULL, NULL) < 0);
	}
	CHECK_INT(proc_wait(&p, NULL), 0);
	CHECK_OK(store_collect(&s, NULL, NULL, &e), e);
	CHECK_INT(store_name_lookup(&s, "dead", id), -ENOENT);
	CHECK_INT(store_name_lookup(&s, "being-made", id), 0);
	CHECK_INT(store_name_lookup(&s, "here", id), 0);
	CHECK_INT(faccessat(s.run_containers_fd, gone.hex, F_OK, 0), -1);
	CHECK_INT(faccessat(s.run_containers_fd, here.hex, F_OK, 0), 0);
	CHECK_INT(faccessat(s.run_containers_fd, busy.hex, F_OK, 0), 0);
	(void)fd_close(fd);
	CHECK_OK(store_stage_drop(&s, &live, NULL, &e), e);
	store_close(&s);
}

TEST(names_are_unique_while_their_holder_lives)
{
	char id_a[65], id_b[65], holder[65] = "";
	struct stage st = STAGE_INIT;
	struct err e = ERR_INIT;
	struct store s;

	fixture_open(&s);
	memcpy(id_a, fixture_digest('a').hex, 65);
	memcpy(id_b, fixture_digest('b').hex, 65);
	CHECK_INT(store_name_lookup(&s, "web", holder), -ENOENT);
	CHECK_OK(store_stage_new(&s, &st, &e), e);
	CHECK_OK(store_name_claim(&s, "web", id_a, &st, holder, &e), e);
	CHECK_INT(store_name_lookup(&s, "web", holder), 0);
	CHECK_STR(holder, id_a);
	/* Its maker is at work... */
	CHECK_ERR(store_name_claim(&s, "web", id_b, NULL, holder, &e), e, ERR_EXISTS);
	CHECK_STR(holder, id_a);
	/* ... then the container exists... */
	CHECK_OK(store_stage_commit(&s, &st, s.containers_fd, id_a, &e), e);
	CHECK_ERR(store_name_claim(&s, "web", id_b, NULL, holder, &e), e, ERR_EXISTS);
	/* ... and somebody else's release does nothing. */
	store_name_release(&s, "web", id_b);
	CHECK_INT(store_name_lookup(&s, "web", holder), 0);
	store_name_release(&s, "web", id_a);
	CHECK_INT(store_name_lookup(&s, "web", holder), -ENOENT);
	store_close(&s);
}

TEST(a_dead_makers_name_is_taken_over)
{
	char id_a[65], id_b[65], holder[65];
	struct err e = ERR_INIT;
	struct store s;
	struct proc p;
	int r;

	fixture_open(&s);
	memcpy(id_a, fixture_digest('a').hex, 65);
	memcpy(id_b, fixture_digest('b').hex, 65);
	r = proc_fork(&p);
	CHECK(r >= 0);
	if (r == 0) {
		struct stage st = STAGE_INIT;

		(void)store_stage_new(&s, &st, NULL);
		_exit(store_name_claim(&s, "web", id_a, &st, NULL, NULL) < 0);
	}
	CHECK_INT(proc_wait(&p, NULL), 0);
	CHECK_INT(store_name_lookup(&s, "web", holder), 0);
	CHECK_OK(store_name_claim(&s, "web", id_b, NULL, holder, &e), e);
	CHECK_INT(store_name_lookup(&s, "web", holder), 0);
	CHECK_STR(holder, id_b);
	store_close(&s);
}

/* Claim the name, tell, and live until everybody has told: a dead winner's name is anybody's. */
static void __attribute__((noreturn)) race_for_name(struct store *s, char who, int tell, int hold)
{
	struct digest d = fixture_digest(who);
	struct stage st = STAGE_INIT;
	char won = store_stage_new(s, &st, NULL) == 0 &&
		   store_name_claim(s, "n", d.hex, &st, NULL, NULL) == 0;

	_exit(write(tell, &won, 1) == 1 && read(hold, &won, 1) == 0 ? 0 : 1);
}

TEST(one_of_many_gets_the_name)
{
	enum { RACERS = 8, ROUNDS = 40 };
	struct store s;

	fixture_open(&s);
	for (int round = 0; round < ROUNDS; round++) {
		struct proc p[RACERS];
		int tell[2], hold[2], wins = 0;

		CHECK(pipe2(tell, O_CLOEXEC) == 0 && pipe2(hold, O_CLOEXEC) == 0);
		for (int i = 0; i < RACERS; i++) {
			int r = proc_fork(&p[i]);

			CHECK(r >= 0);
			if (r == 0) {
				(void)close(hold[1]);
				race_for_name(&s, (char)('a' + i % 6), tell[1], hold[0]);
			}
		}
		for (int i = 0; i < RACERS; i++) {
			char won;

			CHECK_INT(read(tell[0], &won, 1), 1);
			wins += won;
		}
		for (int i = 0; i < 2; i++)
			(void)close(hold[1 - i]); /* the writing end first: the racers go */
		for (int i = 0; i < RACERS; i++) {
			int status = 1;

			CHECK(proc_wait(&p[i], &status) == 0 && status == 0);
			proc_done(&p[i]);
		}
		(void)close(tell[0]);
		(void)close(tell[1]);
		/* The name left by the last round's dead winner was taken over exactly once. */
		CHECK_INT(wins, 1);
	}
	store_close(&s);
}

TEST(names_that_are_no_names)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/", ".hidden" };
	struct err e = ERR_INIT;
	struct store s;

	fixture_open(&s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_ERR(store_name_claim(&s, bad[i], fixture_digest('a').hex, NULL, NULL, &e), e,
			  ERR_INVALID);
	CHECK_INT(fixture_count(s.names_fd), 0);
	store_close(&s);
}
