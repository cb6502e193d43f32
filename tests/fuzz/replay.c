/*
 * Replays corpus files through a fuzz target, and up to MUTATIONS changed copies of each (as many as
 * MUTATE_S seconds allow), from a fixed seed so that a failure happens again.  Each file is a child
 * of its own with a time limit.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define MUTATIONS 300
#define INPUT_MAX_BYTES (4u << 20)
#define MUTATE_MAX_BYTES (256u << 10)	/* larger inputs are only replayed as they are */
#define MUTATE_S 3
#define FILE_TIMEOUT_S 60

static uint32_t rnd_state;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * 1664525u + 1013904223u;
	return below ? (uint32_t)(((uint64_t)rnd_state * below) >> 32) : 0;
}

/* A few small changes: flipped bits, copied and removed runs, interesting bytes, a cut. */
static size_t mutate(uint8_t *buf, size_t len, size_t cap)
{
	static const uint8_t bytes[] = { 0, 0xff, 0x7f, 0x80, '/', '.', ':', '"', '\\', '\n', '0', '9' };

	for (uint32_t n = 1 + rnd(4); n > 0 && len > 0; n--) {
		size_t at = rnd((uint32_t)len), run = 1 + rnd(16);

		if (run > len - at)
			run = len - at;
		switch (rnd(5)) {
		case 0:
			buf[at] ^= (uint8_t)(1u << rnd(8));
			break;
		case 1:
			buf[at] = bytes[rnd(sizeof(bytes))];
			break;
		case 2:
			memmove(buf + at, buf + at + run, len - at - run);
			len -= run;
			break;
		case 3:
			if (len + run > cap)
				break;
			memmove(buf + at + run, buf + at, len - at);
			len += run;
			break;
		default:
			if (rnd(4) == 0)
				len = at;
			break;
		}
	}
	return len;
}

static int expected(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	if (strncmp(name, "accept-", 7) == 0)
		return 1;
	return strncmp(name, "refuse-", 7) == 0 ? 0 : -1;
}

/* A copy of exactly the input's size on the heap, so that ASan sees every byte read beyond it. */
static int run_exact(const uint8_t *data, size_t len)
{
	uint8_t *own = malloc(len ? len : 1);
	int r;

	if (!own)
		abort();
	memcpy(own, data, len);
	r = fuzz_one(own, len);
	free(own);
	return r;
}

static int replay_file(const char *path)
{
	static uint8_t input[INPUT_MAX_BYTES], work[MUTATE_MAX_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC), got;
	ssize_t n = fd < 0 ? -1 : read(fd, input, sizeof(input));
	const time_t begin = time(NULL);
	size_t len;

	if (n < 0 || (size_t)n == sizeof(input)) {
		(void)fprintf(stderr, "%s: cannot be read, or is too large\n", path);
		return 1;
	}
	len = (size_t)n;
	got = run_exact(input, len);
	if (expected(path) >= 0 && got != expected(path)) {
		(void)fprintf(stderr, "%s: was %s\n", path, got ? "accepted" : "refused");
		return 1;
	}
	for (int i = 0; i < MUTATIONS && len > 0 && len <= sizeof(work) / 2; i++) {
		if (time(NULL) - begin > MUTATE_S)
			break;
		rnd_state = (uint32_t)i * 7919u + (uint32_t)len;
		memcpy(work, input, len);
		(void)run_exact(work, mutate(work, len, sizeof(work)));
	}
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		int status;
		pid_t pid;

		(void)fflush(NULL); /* or the child prints it again */
		pid = fork();
		if (pid < 0)
			return 1;
		if (pid == 0) {
			(void)alarm(FILE_TIMEOUT_S);
			exit(replay_file(argv[i]));
		}
		if (waitpid(pid, &status, 0) != pid || status != 0) {
			(void)printf("FAIL %s\n", argv[i]);
			failed++;
		}
	}
	(void)printf("%d passed, %d failed, 0 skipped\n", argc - 1 - failed, failed);
	return failed > 0 || argc < 2;
}
