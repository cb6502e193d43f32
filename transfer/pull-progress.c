/* Progress of a pull on stderr. */
#include "pull-progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "str.h"

#define DRAW_MS 100		/* between two drawings */
#define WIDTH_MAX 120
#define WIDTH_DEFAULT 80
#define SLOTS_MAX 512		/* blobs that are shown */
#define SHORT_HEX 12

struct slot {
	char kind[8];
	char hex[DIGEST_HEX_LEN + 1];
	uint64_t size, done;
	bool present;
};

struct pull_progress {
	bool quiet, terminal;
	struct slot *slots;
	size_t n;
	size_t drawn;		/* lines of bars on the screen, the cursor is below them */
	int64_t drawn_ms;
	bool dirty;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void human(uint64_t bytes, char buf[16])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)bytes;
	size_t u = 0;

	for (; v >= 1000 && u + 1 < sizeof(units) / sizeof(*units); u++)
		v /= 1024;
	(void)snprintf(buf, 16, u ? "%.1f%s" : "%.0f%s", v, units[u]);
}

size_t pull_progress_bar(char *buf, size_t width, const char *kind, const char *hex, uint64_t done,
			 uint64_t size, bool present)
{
	char line[WIDTH_MAX * 2], have[16], all[16], tail[48];
	size_t cells, filled, n, len;
	int head;

	human(done, have);
	human(size, all);
	if (present)
		(void)snprintf(tail, sizeof(tail), "] skipped: already exists");
	else if (done >= size)
		(void)snprintf(tail, sizeof(tail), "] done, %s", all);
	else
		(void)snprintf(tail, sizeof(tail), "] %s / %s", have, all);
	if (width > WIDTH_MAX)
		width = WIDTH_MAX;
	head = snprintf(line, sizeof(line), "Copying %s %.*s ", kind, SHORT_HEX, hex);
	n = (size_t)head;
	len = strlen(tail);
	/* Too narrow for a bar: without it; too narrow for that: cut. */
	cells = width > n + len + 1 + 3 ? width - n - len - 1 : 0;
	if (cells > 40)
		cells = 40;
	if (cells > 0) {
		filled = present || done >= size ? cells
			 : (size_t)((double)done / (double)size * (double)cells);
		line[n++] = '[';
		for (size_t i = 0; i < cells; i++)
			line[n++] = i < filled ? '=' : i == filled ? '>' : '-';
	}
	n += (size_t)snprintf(line + n, sizeof(line) - n, "%s", tail + (cells > 0 ? 0 : 2));
	n = n < width ? n : width;
	memcpy(buf, line, n);
	buf[n] = '\0';
	return n;
}

static void screen_size(size_t *width, size_t *height)
{
	struct winsize ws = { 0 };

	*width = WIDTH_DEFAULT;
	*height = 24;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0) {
		*width = ws.ws_col;
		*height = ws.ws_row > 1 ? ws.ws_row : 2;
	}
}

/* Rows that fit: the running ones matter most, so finished ones at the top are left out first. */
static size_t first_shown(const struct pull_progress *p, size_t rows)
{
	size_t first = 0;

	while (p->n - first > rows && (p->slots[first].present ||
				       p->slots[first].done >= p->slots[first].size))
		first++;
	return first;
}

static void draw(struct pull_progress *p)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;
	size_t width, height, first, rows = 0;

	screen_size(&width, &height);
	first = first_shown(p, height - 1);
	if (p->drawn > 0)
		strbuf_addf(&b, "\033[%zuA", p->drawn);
	for (size_t i = first; i < p->n && rows < height - 1; i++, rows++) {
		const struct slot *s = &p->slots[i];
		char line[WIDTH_MAX + 1];

		/* one column stays free: a full line would wrap on some terminals */
		pull_progress_bar(line, width - 1, s->kind, s->hex, s->done, s->size, s->present);
		strbuf_addf(&b, "\r\033[K%s\n", line);
	}
	/* A screen that became lower: what was drawn below is erased. */
	strbuf_add(&b, "\033[J");
	if (!b.failed)
		(void)fd_write_all(STDERR_FILENO, b.data, b.len); /* progress is not worth failing for */
	p->drawn = rows;
	p->drawn_ms = now_ms();
	p->dirty = false;
}

static void on_message(void *arg, const char *text)
{
	struct pull_progress *p = arg;
	auto_free char *clean = str_printable(text);

	if (p->quiet || !clean)
		return;
	if (p->terminal && p->dirty)
		draw(p);
	p->drawn = 0; /* what is above stays where it is */
	(void)fprintf(stderr, "%s\n", clean);
}

static void on_blob(void *arg, size_t slot, const char *kind, const struct digest *d, uint64_t size,
		    bool present)
{
	struct pull_progress *p = arg;
	struct slot *s;

	if (p->quiet)
		return;
	if (!p->terminal) {
		(void)fprintf(stderr, "Copying %s sha256:%s%s\n", kind, d->hex,
			      present ? " skipped: already exists" : "");
		return;
	}
	if (slot >= SLOTS_MAX)
		return;
	s = &p->slots[slot];
	*s = (struct slot){ .size = size, .present = present };
	(void)snprintf(s->kind, sizeof(s->kind), "%s", kind);
	memcpy(s->hex, d->hex, sizeof(s->hex));
	if (p->n <= slot)
		p->n = slot + 1;
	p->dirty = true;
}

static void on_progress(void *arg, size_t slot, uint64_t bytes)
{
	struct pull_progress *p = arg;

	if (!p->terminal || slot >= p->n)
		return;
	p->slots[slot].done = bytes;
	p->dirty = true;
}

static void on_tick(void *arg)
{
	struct pull_progress *p = arg;

	if (p->terminal && p->dirty && now_ms() - p->drawn_ms >= DRAW_MS)
		draw(p);
}

static void on_restart(void *arg)
{
	struct pull_progress *p = arg;

	if (p->terminal && p->dirty)
		draw(p);
	p->n = p->drawn = 0;
	p->dirty = false;
}

struct pull_progress *pull_progress_new(bool quiet)
{
	struct pull_progress *p = calloc(1, sizeof(*p));
	const char *term = getenv("TERM");

	if (!p)
		return NULL;
	p->quiet = quiet;
	p->terminal = !quiet && isatty(STDERR_FILENO) && !(term && streq(term, "dumb"));
	if (p->terminal) {
		p->slots = calloc(SLOTS_MAX, sizeof(*p->slots));
		if (!p->slots)
			p->terminal = false;
	}
	return p;
}

void pull_progress_free(struct pull_progress *p, bool final)
{
	if (!p)
		return;
	if (final && p->terminal && p->dirty)
		draw(p);
	free(p->slots);
	free(p);
}

void pull_progress_events(struct pull_progress *p, struct ctr_pull_events *ev)
{
	ev->arg = p;
	ev->message = on_message;
	ev->blob = on_blob;
	ev->progress = on_progress;
	ev->tick = on_tick;
	ev->restart = on_restart;
}
