/* Records to lines: pieces are joined, times are compared. */
#include <errno.h>

#include "log-read.h"

bool log_sink_wants(struct log_sink *s, int64_t stamp_ns)
{
	if (s->o->until_ns && stamp_ns > s->o->until_ns) {
		s->past_until = true;
		return false;
	}
	return stamp_ns >= s->o->since_ns;
}

static int hand_out(struct log_sink *s, bool is_stderr, bool partial, int64_t stamp_ns,
		    const char *text, size_t len)
{
	const struct ctr_log_line l = { .container = s->container, .stamp_ns = stamp_ns,
					.is_stderr = is_stderr, .partial = partial, .text = text,
					.len = len };

	return s->cb->line(s->cb->arg, &l);
}

static int keep(struct log_sink *s, bool is_stderr, int64_t stamp_ns, const char *text, size_t len)
{
	struct log_join *j = &s->join[is_stderr];
	int r;

	if (!j->text.len)
		j->stamp_ns = stamp_ns;
	strbuf_addn(&j->text, text, len);
	if (j->text.failed)
		return -ENOMEM;
	if (j->text.len < LOG_JOIN_MAX_BYTES)
		return 0;
	r = hand_out(s, is_stderr, true, j->stamp_ns, j->text.data, j->text.len);
	j->text.len = 0;
	j->shown = true;
	return r;
}

int log_sink_add(struct log_sink *s, bool is_stderr, bool partial, int64_t stamp_ns, const char *text,
		 size_t len)
{
	struct log_join *j = &s->join[is_stderr];
	int r;

	if (partial)
		return keep(s, is_stderr, stamp_ns, text, len);
	j->shown = false;
	if (!j->text.len)
		return hand_out(s, is_stderr, false, stamp_ns, text, len);
	strbuf_addn(&j->text, text, len);
	if (j->text.failed)
		return -ENOMEM;
	r = hand_out(s, is_stderr, false, j->stamp_ns, j->text.data, j->text.len);
	j->text.len = 0;
	return r;
}

int log_sink_flush(struct log_sink *s)
{
	int r = 0;

	for (int i = 0; r == 0 && i < 2; i++) {
		struct log_join *j = &s->join[i];

		if (!j->text.len)
			continue;
		r = hand_out(s, i, true, j->stamp_ns, j->text.data, j->text.len);
		j->text.len = 0;
		j->shown = true;
	}
	return r;
}

void log_sink_done(struct log_sink *s)
{
	strbuf_done(&s->join[0].text);
	strbuf_done(&s->join[1].text);
}
