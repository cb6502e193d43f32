/* Reading logs: the last lines found from the end are those that reading everything finds, over
 * files of every cut, with pieces, two streams and rubbish between them. */
#include "log/log-read.h"

#include "fd.h"
#include "test.h"

#define FILES 3

struct seen {
	struct strv lines;	/* "1text": the stream, and all of the line */
	struct strbuf pieces[2];
};

static int on_line(void *arg, const struct ctr_log_line *l)
{
	struct seen *s = arg;
	struct strbuf *b = &s->pieces[l->is_stderr];

	if (!b->len)
		strbuf_addc(b, l->is_stderr ? '2' : '1');
	strbuf_addn(b, l->text, l->len);
	if (l->partial)
		return 0;
	CHECK(strv_add_take(&s->lines, strbuf_take(b)) == 0);
	return 0;
}

static int on_idle(void *arg)
{
	(void)arg;
	return 0;
}

static void seen_done(struct seen *s)
{
	strv_done(&s->lines);
	strbuf_done(&s->pieces[0]);
	strbuf_done(&s->pieces[1]);
}

/* Read the log in the working directory; @tail -1: all. */
static void read_log(int64_t tail, struct seen *s)
{
	const struct ctr_logs_opts o = { .tail = tail };
	const struct ctr_logs_callbacks cb = { .line = on_line, .idle = on_idle, .arg = s };
	struct log_sink sink = { .o = &o, .cb = &cb };
	struct log_files f = LOG_FILES_INIT;
	char path[PATH_MAX + 16];

	*s = (struct seen){ 0 };
	(void)snprintf(path, sizeof(path), "%s/ctr.log", test_tmpdir());
	CHECK_INT(log_files_open(&f, path), 0);
	if (tail >= 0)
		CHECK_INT(log_files_tail(&f, tail), 0);
	CHECK_INT(log_files_drain(&f, &sink), 0);
	CHECK_INT(log_sink_flush(&sink), 0);
	log_files_done(&f);
	log_sink_done(&sink);
}

static uint32_t rnd_state = 1;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)rnd_state * below) >> 32);
}

/* Some records, oldest file first. */
static void write_logs(unsigned int files, unsigned int records)
{
	for (unsigned int i = files; i-- > 0;) {
		char name[16];
		FILE *f;

		(void)snprintf(name, sizeof(name), i ? "ctr.log.%u" : "ctr.log", i);
		f = fopen(name, "we");
		CHECK(f);
		for (unsigned int k = 0; k < records; k++) {
			uint32_t kind = rnd(20), len = rnd(rnd(10) ? 40 : 3000);

			if (kind == 0) {
				(void)fprintf(f, "rubbish\n\n");
				continue;
			}
			(void)fprintf(f, "2026-01-01T00:00:00.%09u+00:00 std%s %c ", k,
				      rnd(3) ? "out" : "err", kind < 6 ? 'P' : 'F');
			for (uint32_t n = 0; n < len + (kind < 6); n++) /* no piece is empty */
				(void)putc('a' + (int)rnd(26), f);
			(void)putc('\n', f);
		}
		if (rnd(4) == 0)
			(void)fprintf(f, "2026-01-01T00:00:00Z stdout F torn");
		(void)fclose(f);
	}
}

/* What is unfinished at the end counts as a line, too. */
static size_t finish(struct seen *s)
{
	for (int i = 0; i < 2; i++)
		if (s->pieces[i].len)
			CHECK(strv_add_take(&s->lines, strbuf_take(&s->pieces[i])) == 0);
	return s->lines.n;
}

static bool has_all(const struct strv *all, const struct strv *some)
{
	for (size_t i = 0; i < some->n; i++)
		if (!strv_has(all, some->items[i]))
			return false;
	return true;
}

TEST(the_last_lines_are_those_of_reading_everything)
{
	for (int round = 0; round < 60; round++) {
		unsigned int files = 1 + rnd(FILES);
		struct seen all;

		for (int i = 1; i < FILES; i++) {
			char name[16];

			(void)snprintf(name, sizeof(name), "ctr.log.%d", i);
			(void)unlink(name);
		}
		write_logs(files, rnd(60));
		read_log(-1, &all);
		{
			bool open_end = all.pieces[0].len || all.pieces[1].len;
			size_t n = finish(&all);

			for (size_t tail = 0; tail <= n + 1; tail += 1 + rnd(4)) {
				size_t want = tail < n ? tail : n, got;
				struct seen s;

				read_log((int64_t)tail, &s);
				got = finish(&s);
				CHECK_MSG(got == want, "round %d, tail %zu of %zu: got %zu", round, tail, n,
					  got);
				CHECK(has_all(&all.lines, &s.lines));
				/* In order where no line is without its end. */
				for (size_t i = 0; !open_end && i < want; i++)
					CHECK_STR(s.lines.items[i], all.lines.items[n - want + i]);
				seen_done(&s);
			}
		}
		seen_done(&all);
	}
}

TEST(records)
{
	static const struct {
		const char *text;
		bool ok, is_stderr, partial;
		const char *rest;
	} cases[] = {
		{ "2026-01-01T00:00:00.000000000+00:00 stdout F x y", true, false, false, "x y" },
		{ "2026-01-01T00:00:00.5Z stderr P ", true, true, true, "" },
		{ "t stdout F  ", true, false, false, " " },
		{ "t stdout F", false }, { "t stdout X x", false }, { "t stdin F x", false },
		{ "", false }, { "stdout F x", false }, { "t stdoutF x", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct log_record r;
		bool ok = log_record_parse(cases[i].text, strlen(cases[i].text), &r);

		CHECK_MSG(ok == cases[i].ok, "%s", cases[i].text);
		if (!ok)
			continue;
		CHECK_INT(r.is_stderr, cases[i].is_stderr);
		CHECK_INT(r.partial, cases[i].partial);
		CHECK_INT(r.len, strlen(cases[i].rest));
		CHECK(memcmp(r.text, cases[i].rest, r.len) == 0);
	}
}

TEST(what_is_no_regular_file_is_not_read)
{
	struct log_files f = LOG_FILES_INIT;
	char path[PATH_MAX + 16];

	(void)snprintf(path, sizeof(path), "%s/ctr.log", test_tmpdir());
	CHECK_INT(log_files_open(&f, path), -ENOENT);
	log_files_done(&f);
	f = (struct log_files)LOG_FILES_INIT;
	CHECK(mkfifo(path, 0600) == 0);
	CHECK_INT(log_files_open(&f, path), -EINVAL);
	log_files_done(&f);
	(void)unlink(path);
	test_symlink("/etc/hostname", path);
	f = (struct log_files)LOG_FILES_INIT;
	CHECK_INT(log_files_open(&f, path), -ELOOP);
	log_files_done(&f);
	(void)unlink(path);
}
