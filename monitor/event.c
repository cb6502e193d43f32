/* Events of the container: what the engine cannot say because nobody of it is there any more. */
#include "event-line.h"
#include "mon.h"
#include "stamp.h"

static void add(const struct mon *m, struct strbuf *b, const char *status, bool has_exit_code)
{
	const struct event_line l = {
		.time_ns = stamp_now(), .type = "container", .status = status, .id = m->p.id,
		.name = m->p.name, .image = m->p.image, .attrs = m->p.label.items,
		.n_attrs = m->p.label.n, .has_exit_code = has_exit_code,
		.exit_code = has_exit_code ? m->exit.exit_code : 0,
	};

	event_line_add(b, &l);
}

/* What cannot be written is nobody's fault, and nobody is there to be told. */
static void write_lines(const struct mon *m, const struct strbuf *b)
{
	if (b->failed || !b->len)
		return;
	if (m->p.events == MON_EVENTS_FILE)
		(void)event_file_append(m->p.events_path, b->data, b->len);
	else
		(void)event_journal_send(b->data, b->len);
}

void mon_event(const struct mon *m, const char *status)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	if (m->p.events == MON_EVENTS_NONE)
		return;
	add(m, &b, status, false);
	write_lines(m, &b);
}

void mon_event_volume(const struct mon *m, const char *status, const char *name)
{
	const struct event_line l = {
		.time_ns = stamp_now(), .type = "volume", .status = status, .name = name,
	};
	auto_strbuf struct strbuf b = STRBUF_INIT;

	if (m->p.events == MON_EVENTS_NONE)
		return;
	event_line_add(&b, &l);
	write_lines(m, &b);
}

void mon_event_started(const struct mon *m)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	if (m->p.events == MON_EVENTS_NONE)
		return;
	add(m, &b, "init", false);
	if (!m->held)
		add(m, &b, "start", false);
	if (m->p.attach && !m->restarts)
		add(m, &b, "attach", false);
	write_lines(m, &b);
}

void mon_event_died(const struct mon *m)
{
	auto_strbuf struct strbuf b = STRBUF_INIT;

	if (m->p.events == MON_EVENTS_NONE)
		return;
	add(m, &b, "died", true);
	write_lines(m, &b);
}
