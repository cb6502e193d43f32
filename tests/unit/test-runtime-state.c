/* State files and IDs. */
#include "test.h"

#include "file.h"
#include "json.h"
#include "state.h"

TEST(ids)
{
	static const char *const taken[] = { "a", "abc-1.2_x+y", "0123456789abcdef", "A" };
	static const char *const refused[] = { "", ".", "..", ".a", "a/b", "/", "a b", "a\n", "a\033[0m",
					       "\xc3\xa4", "a:b", "a%" };
	char huge[NAME_MAX + 2];
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		CHECK_OK(state_check_id(taken[i], &e), e);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		CHECK_ERR(state_check_id(refused[i], &e), e, ERR_INVALID);
	memset(huge, 'a', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	CHECK_ERR(state_check_id(huge, &e), e, ERR_INVALID);
}

static struct state sample(void)
{
	struct state s = {
		.id = "x",
		.bundle = "/b",
		.rootfs = "/b/r",
		.created = "2026-01-01T00:00:00Z",
		.pid = (uint64_t)getpid(),
	};

	CHECK_INT(proc_start_time(getpid(), &s.pid_start), 0);
	return s;
}

TEST(round_trip)
{
	int dir = open(test_tmpdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_json json_t *notes = json_loads("{\"a\":\"b\"}", 0, NULL);
	struct state s = sample();
	auto_state struct state got = { 0 };
	struct proc p = PROC_INIT;
	struct err e = ERR_INIT;

	s.annotations = notes;
	s.has_filter = true;
	CHECK_OK(state_write(dir, &s, &e), e);
	CHECK_OK(state_read(dir, &got, &e), e);
	CHECK_STR(got.id, "x");
	CHECK_STR(got.rootfs, "/b/r");
	CHECK(got.has_filter && got.pid == s.pid && got.pid_start == s.pid_start);
	CHECK_STR(json_string_value(json_object_get(got.annotations, "a")), "b");
	CHECK_INT(state_status(dir, &got, &p), STATUS_RUNNING);
	CHECK_INT(p.pid, getpid());
	proc_done(&p);
}

TEST(a_reused_pid_is_not_the_container)
{
	int dir = open(test_tmpdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct state s = sample();

	s.pid_start++;
	CHECK_INT(state_status(dir, &s, NULL), STATUS_STOPPED);
	s.pid = 0;
	CHECK_INT(state_status(dir, &s, NULL), STATUS_CREATING);
}

TEST(a_zombie_has_stopped)
{
	int dir = open(test_tmpdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct state s = sample();
	siginfo_t si;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	s.pid = (uint64_t)pid;
	CHECK_INT(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
	CHECK_INT(proc_start_time(pid, &s.pid_start), 0);
	CHECK_INT(state_status(dir, &s, NULL), STATUS_STOPPED);
}

TEST(damaged_states_are_refused)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"version\":1}",
		"{\"version\":2,\"id\":\"x\",\"bundle\":\"/\",\"rootfs\":\"/\",\"created\":\"\",\"pid\":1,"
		"\"pid_start\":1,\"uid\":0,\"has_filter\":false}",
		"{\"version\":1,\"id\":\"x\",\"bundle\":\"/\",\"rootfs\":\"/\",\"created\":\"\",\"pid\":-1,"
		"\"pid_start\":1,\"uid\":0,\"has_filter\":false}",
		"{\"version\":0,\"id\":\"x\",\"bundle\":\"/\",\"rootfs\":\"/\",\"created\":\"\",\"pid\":1,"
		"\"pid_start\":1,\"uid\":0,\"has_filter\":false}",
		"{\"id\":\"x\",\"bundle\":\"/\",\"rootfs\":\"/\",\"created\":\"\",\"pid\":1,"
		"\"pid_start\":1,\"uid\":0,\"has_filter\":false}",
	};
	int dir = open(test_tmpdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct state s = { 0 };
		struct err e = ERR_INIT;

		CHECK_INT(file_replace(dir, "state.json", bad[i], strlen(bad[i]), 0600, FILE_SYNC_NONE), 0);
		CHECK_MSG(state_read(dir, &s, &e) < 0, "taken: %s", bad[i]);
		CHECK(e.kind != ERR_NONE);
	}
}

static int read_text(const char *text, struct state *ret, struct err *e)
{
	int dir = open(test_tmpdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK_INT(file_replace(dir, "state.json", text, strlen(text), 0600, FILE_SYNC_NONE), 0);
	return state_read(dir, ret, e);
}

TEST(members_of_later_runtimes_are_passed_over)
{
	auto_state struct state s = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(read_text("{\"version\":1,\"id\":\"x\",\"bundle\":\"/\",\"rootfs\":\"/\",\"created\":\"\","
			   "\"pid\":1,\"pid_start\":1,\"uid\":0,\"has_filter\":false,\"more\":{\"a\":[1]}}",
			   &s, &e), e);
	CHECK_STR(s.id, "x");
}

TEST(a_later_version_is_named_and_not_read)
{
	struct state s = { 0 };
	struct err e = ERR_INIT;

	/* Whatever else it may hold. */
	CHECK_ERR(read_text("{\"version\":2,\"id\":7}", &s, &e), e, ERR_UNSUPPORTED);
	CHECK(strstr(e.text, "version 2"));
	CHECK(strstr(e.text, "a later one"));
}

TEST(state_directories_of_others_are_refused)
{
	struct err e = ERR_INIT;
	auto_close int ok = state_root_open(test_tmpdir(), false, &e);

	CHECK(ok >= 0);
	CHECK_INT(chmod(test_tmpdir(), 0777), 0);
	CHECK_ERR(state_root_open(test_tmpdir(), false, &e), e, ERR_DENIED);
}
