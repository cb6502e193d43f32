/* Events as lines, see event-line.h. */
#include "event-line.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "journal.h"
#include "stamp.h"

/* The length of the UTF-8 sequence at @s, or 0. */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, and what is beyond U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void add_text(struct strbuf *b, const char *s, size_t len)
{
	const char *end = s + len;

	strbuf_addc(b, '"');
	while (s < end) {
		size_t n = utf8_len((const unsigned char *)s);

		if (n == 0 || n > (size_t)(end - s)) {
			strbuf_add(b, "\xef\xbf\xbd");
			n = 1;
		} else if ((unsigned char)*s < 0x20) {
			strbuf_addf(b, "\\u%04x", (unsigned int)*s);
		} else {
			if (*s == '"' || *s == '\\')
				strbuf_addc(b, '\\');
			strbuf_addn(b, s, n);
		}
		s += n;
	}
	strbuf_addc(b, '"');
}

static void add_member(struct strbuf *b, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	strbuf_addf(b, "\"%s\":", name);
	add_text(b, value, strlen(value));
	strbuf_addc(b, ',');
}

static void add_attrs(struct strbuf *b, const struct event_line *l)
{
	strbuf_add(b, "\"Attributes\":{");
	for (size_t i = 0; i < l->n_attrs; i++) {
		const char *a = l->attrs[i], *eq = strchr(a, '=');
		size_t key = eq ? (size_t)(eq - a) : strlen(a);

		if (i)
			strbuf_addc(b, ',');
		add_text(b, a, key);
		strbuf_addc(b, ':');
		add_text(b, eq ? eq + 1 : "", eq ? strlen(eq + 1) : 0);
	}
	strbuf_add(b, "},");
}

void event_line_add(struct strbuf *b, const struct event_line *l)
{
	size_t before = b->len;
	char time[STAMP_LEN];

	strbuf_addc(b, '{');
	if (l->has_exit_code)
		strbuf_addf(b, "\"ContainerExitCode\":%d,", l->exit_code);
	add_member(b, "ID", l->id);
	add_member(b, "Image", l->image);
	add_member(b, "Name", l->name);
	add_member(b, "network", l->network);
	add_member(b, "Status", l->status);
	stamp_format(l->time_ns, time);
	strbuf_add(b, "\"Time\":\"");
	strbuf_addn(b, time, sizeof(time));
	strbuf_add(b, "Z\",");
	add_member(b, "health_status", l->health);
	add_member(b, "error", l->error);
	add_member(b, "PodID", l->pod_id);
	if (l->n_attrs)
		add_attrs(b, l);
	strbuf_add(b, "\"Type\":");
	add_text(b, l->type, strlen(l->type));
	strbuf_add(b, "}\n");
	if (!b->failed && b->len - before > EVENT_LINE_MAX_BYTES) {
		b->len = before;
		b->data[before] = '\0';
	}
}

static int open_file(const char *path)
{
	/* O_NONBLOCK: opening what turns out to be a FIFO must not hang. */
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
				    O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

/* Whoever holds the file's lock, and finds it still under its name, may rename it. */
static void rotate(const char *path, int fd, const struct stat *mine)
{
	char old[PATH_MAX];
	struct stat now;

	if (snprintf(old, sizeof(old), "%s.1", path) >= (int)sizeof(old))
		return;
	if (file_lock(fd, true, false) < 0)
		return;
	if (lstat(path, &now) == 0 && now.st_ino == mine->st_ino && now.st_dev == mine->st_dev)
		(void)rename(path, old); /* the next writer tries again */
}

int event_file_append(const char *path, const char *lines, size_t len)
{
	auto_close int fd = open_file(path);
	struct stat st;
	ssize_t n;

	if (fd == -ENOENT) {
		char dir[PATH_MAX];
		const char *slash = strrchr(path, '/');

		if (!slash || snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path) >=
				      (int)sizeof(dir))
			return -ENOENT;
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = open_file(path);
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	n = write(fd, lines, len);
	if (n < 0)
		return -errno;
	if ((uint64_t)st.st_size + len > EVENT_FILE_MAX_BYTES)
		rotate(path, fd, &st);
	return n == (ssize_t)len ? 0 : -ENOSPC;
}

int event_journal_send(const char *lines, size_t len)
{
	int r = 0;

	while (len > 0) {
		const char *nl = memchr(lines, '\n', len);
		size_t n = nl ? (size_t)(nl - lines) : len;
		const struct journal_field fields[] = {
			{ "SYSLOG_IDENTIFIER", "ctr-lite", 8 },
			{ "PRIORITY", "6", 1 },
			{ "MESSAGE", lines, n },
			{ EVENT_JOURNAL_FIELD, lines, n },
		};
		int one = journal_send(fields, sizeof(fields) / sizeof(fields[0]));

		r = r < 0 ? r : one;
		lines += n + (nl != NULL);
		len -= n + (nl != NULL);
	}
	return r;
}
