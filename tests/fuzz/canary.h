/* A file beside the one that a target works in: nothing may change it. */
#ifndef TESTS_FUZZ_CANARY_H
#define TESTS_FUZZ_CANARY_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

static void canary_check(const char *dir)
{
	char path[300];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/canary", dir);
	FUZZ_CHECK(lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0640 &&
		   st.st_size == 0 && st.st_mtime == 981173106);
}

static void canary_new(const char *dir)
{
	struct timespec t[2] = { { .tv_sec = 981173106 }, { .tv_sec = 981173106 } };
	char path[300];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/canary", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	FUZZ_CHECK(fd >= 0 && fchmod(fd, 0640) == 0 && futimens(fd, t) == 0);
	(void)close(fd);
}

#endif
