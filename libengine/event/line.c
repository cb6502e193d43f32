/* Lines to events. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "event-line.h"
#include "event-read.h"
#include "fd.h"
#include "json.h"
#include "stamp.h"

#define RESYNC_MAX 64	/* places at which a line is tried that is none from its beginning */

struct fields {
	const char *type, *status, *id, *name, *image, *time, *health, *network, *pod_id, *error;
	const json_t *attrs;
	int64_t exit_code;
};

static const json_t *as_object(const struct event_reader *rd, const json_t *j, json_t **ret_inner)
{
	const char *text;

	if (!rd->field)
		return j;
	text = json_string_value(json_object_get(j, rd->field));
	if (!text || json_parse(text, strlen(text), EVENT_LINE_MAX_BYTES, "event", ret_inner, NULL) < 0)
		return NULL;
	return *ret_inner;
}

static int read_attrs(const json_t *attrs, struct strv *ret)
{
	const char *key;
	json_t *value;

	/* jansson iterates without changing what it iterates over */
	json_object_foreach((json_t *)(uintptr_t)attrs, key, value)
		if (json_is_string(value) &&
		    strv_addf(ret, "%s=%s", key, json_string_value(value)) < 0)
			return -ENOMEM;
	return 0;
}

/* 1: it is an event and was handed out (or left out by its time), 0: it is none. */
static int try_object(struct event_reader *rd, const char *s, size_t len, int *ret)
{
	static const struct json_field rows[] = {
		{ "Type", JSON_KIND_STR, offsetof(struct fields, type), JSON_REQUIRED, 64 },
		{ "Status", JSON_KIND_STR, offsetof(struct fields, status), JSON_REQUIRED, 64 },
		{ "Time", JSON_KIND_STR, offsetof(struct fields, time), JSON_REQUIRED, 64 },
		{ "ID", JSON_KIND_STR, offsetof(struct fields, id), 0, 0 },
		{ "Name", JSON_KIND_STR, offsetof(struct fields, name), 0, 0 },
		{ "Image", JSON_KIND_STR, offsetof(struct fields, image), 0, 0 },
		{ "health_status", JSON_KIND_STR, offsetof(struct fields, health), 0, 0 },
		{ "network", JSON_KIND_STR, offsetof(struct fields, network), 0, 0 },
		{ "PodID", JSON_KIND_STR, offsetof(struct fields, pod_id), 0, 0 },
		{ "error", JSON_KIND_STR, offsetof(struct fields, error), 0, 0 },
		{ "Attributes", JSON_KIND_OBJECT, offsetof(struct fields, attrs), 0, 0 },
		{ "ContainerExitCode", JSON_KIND_I64, offsetof(struct fields, exit_code), 0, 0 },
		{ 0 },
	};
	auto_json json_t *j = NULL, *inner = NULL;
	auto_strv struct strv attrs = STRV_INIT;
	struct fields f = { .exit_code = INT64_MIN };
	const json_t *obj;
	struct ctr_event ev;
	int64_t time_ns;

	if (json_parse(s, len, EVENT_BUF_BYTES, "event", &j, NULL) < 0)
		return 0;
	obj = as_object(rd, j, &inner);
	if (!obj || json_read(obj, rows, &f, JSON_ALLOW_UNKNOWN, "$", NULL) < 0 ||
	    !stamp_parse(f.time, strlen(f.time), &time_ns))
		return 0;
	*ret = 0;
	if (rd->o->since_ns && time_ns < rd->o->since_ns)
		return 1;
	if (rd->o->until_ns && time_ns > rd->o->until_ns) {
		/* Clocks may be set back: only a stream is over now. */
		rd->past_until = rd->o->stream;
		return 1;
	}
	*ret = read_attrs(f.attrs, &attrs);
	if (*ret < 0)
		return 1;
	ev = (struct ctr_event){
		.type = f.type, .status = f.status, .id = f.id, .name = f.name, .image = f.image,
		.attrs = &attrs, .has_exit_code = f.exit_code != INT64_MIN,
		.exit_code = f.exit_code != INT64_MIN ? (int)f.exit_code : 0, .health = f.health,
		.network = f.network, .pod_id = f.pod_id, .error = f.error, .time_ns = time_ns,
	};
	*ret = rd->fn(rd->arg, &ev);
	return 1;
}

int event_read_line(struct event_reader *rd, const char *line, size_t len)
{
	const char *end = line + len, *p = line;
	int r = 0;

	/* A full disk tears a line, and the next event then follows behind its stump. */
	for (int i = 0; p && i < RESYNC_MAX; i++) {
		if (try_object(rd, p, (size_t)(end - p), &r))
			return r;
		p = end - p > 1 ? memmem(p + 1, (size_t)(end - p - 1), "{\"", 2) : NULL;
	}
	return 0;
}

/* Hand out the whole lines and keep the rest. */
static int take_lines(struct event_reader *rd, struct event_buf *b)
{
	size_t start = 0;
	char *nl;
	int r = 0;

	while (r == 0 && !rd->past_until &&
	       (nl = memchr(b->data + start, '\n', b->len - start))) {
		size_t n = (size_t)(nl - b->data) - start;

		if (!b->skipping)
			r = event_read_line(rd, b->data + start, n);
		b->skipping = false;
		start += n + 1;
	}
	memmove(b->data, b->data + start, b->len - start);
	b->len -= start;
	if (b->len == EVENT_BUF_BYTES) { /* no line of ours */
		b->skipping = true;
		b->len = 0;
	}
	return r;
}

int event_read_fd(struct event_reader *rd, struct event_buf *b, int fd)
{
	if (!b->data && !(b->data = malloc(EVENT_BUF_BYTES)))
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, b->data + b->len, EVENT_BUF_BYTES - b->len);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		b->len += (size_t)n;
		r = take_lines(rd, b);
		if (r != 0 || rd->past_until)
			return r;
	}
}

int event_wait_ms(const struct ctr_events_opts *o, int max)
{
	int64_t left = o->until_ns ? (o->until_ns - stamp_now()) / 1000000 + 1 : -1;

	if (!o->until_ns)
		return max;
	if (left < 0)
		left = 0;
	return max >= 0 && left > max ? max : left > 60000 ? 60000 : (int)left;
}
