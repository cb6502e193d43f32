/* Saying what happened, see ctrlite/event.h. */
#include "ctrlite/event.h"

#include <errno.h>
#include <stdlib.h>

#include "ctrlite/container.h"
#include "event-line.h"
#include "fd.h"
#include "log.h"
#include "stamp.h"

static const char *const backend_words[] = {
	[CTR_EVENTS_FILE] = "file",
	[CTR_EVENTS_JOURNALD] = "journald",
	[CTR_EVENTS_NONE] = "none",
};

const char *ctr_events_backend_str(enum ctr_events_backend b)
{
	return backend_words[b];
}

int ctr_events_backend_parse(const char *s, enum ctr_events_backend *ret, struct err *e)
{
	auto_free char *quoted = NULL;

	for (size_t i = 0; i < sizeof(backend_words) / sizeof(backend_words[0]); i++) {
		if (streq(s, backend_words[i])) {
			*ret = (enum ctr_events_backend)i;
			return 0;
		}
	}
	quoted = str_quote(s);
	return err_set(e, ERR_INVALID, "--events-backend %s: file, journald or none is expected",
		       quoted ? quoted : "");
}

char *ctr_events_path(const struct ctr_engine *eng)
{
	return str_printf("%s/events/events.log", eng->store.run);
}

static int append(struct ctr_engine *eng, const struct strbuf *b)
{
	auto_free char *path = NULL;

	if (b->failed)
		return -ENOMEM;
	if (!b->len)
		return -E2BIG;
	if (eng->events == CTR_EVENTS_JOURNALD)
		return event_journal_send(b->data, b->len);
	path = ctr_events_path(eng);
	return path ? event_file_append(path, b->data, b->len) : -ENOMEM;
}

void ctr_event(struct ctr_engine *eng, const struct ctr_event *ev)
{
	const struct event_line line = {
		.time_ns = stamp_now(), .type = ev->type, .status = ev->status, .id = ev->id,
		.name = ev->name, .image = ev->image, .network = ev->network, .pod_id = ev->pod_id,
		.health = ev->health, .error = ev->error,
		.attrs = ev->attrs ? (const char *const *)ev->attrs->items : NULL,
		.n_attrs = ev->attrs ? ev->attrs->n : 0,
		.has_exit_code = ev->has_exit_code, .exit_code = ev->exit_code,
	};
	auto_strbuf struct strbuf b = STRBUF_INIT;
	int r;

	if (eng->events == CTR_EVENTS_NONE)
		return;
	event_line_add(&b, &line);
	r = append(eng, &b);
	if (r < 0)
		log_debug("the event %s %s %s was not written: %s", ev->type, ev->status,
			  ev->id ? ev->id : "", strerror(-r));
}

void ctr_event_of(struct ctr_engine *eng, const struct ctr_request *r, const char *status)
{
	const struct ctr_event ev = {
		.type = "container", .status = status, .id = r->id, .name = r->name,
		.image = r->image, .attrs = &r->labels,
	};

	ctr_event(eng, &ev);
}

void ctr_image_event(struct ctr_engine *eng, const char *status, const char *id, const char *name)
{
	const struct ctr_event ev = { .type = "image", .status = status, .id = id, .name = name };

	ctr_event(eng, &ev);
}

void ctr_event_of_id(struct ctr_engine *eng, const char *id, const char *status)
{
	struct ctr_request req = CTR_REQUEST_INIT;

	if (eng->events != CTR_EVENTS_NONE && ctr_container_load(eng, id, &req, NULL) == 0)
		ctr_event_of(eng, &req, status);
	ctr_request_done(&req);
}
