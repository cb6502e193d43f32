/* health.json: what came of a container's checks. */
#include "health-priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "container/container-priv.h"
#include "ctrlite/inspect.h"
#include "file.h"
#include "json.h"
#include "path.h"

#define FILE_NAME "health.json"
#define FILE_MAX_BYTES (16u << 20)
#define LOG_COUNT_MAX 1000	/* "no limit" */
#define LOG_SIZE_MAX (8u << 10) /* the same, for each of them */

static const char *const status_words[] = {
	[CTR_HC_NONE] = "",
	[CTR_HC_STARTING] = "starting",
	[CTR_HC_HEALTHY] = "healthy",
	[CTR_HC_UNHEALTHY] = "unhealthy",
};
static_assert(sizeof(status_words) / sizeof(status_words[0]) == CTR_HC_COUNT_,
	      "a word for every state");

const char *ctr_hc_status_str(enum ctr_hc_status s)
{
	return status_words[s];
}

void health_state_done(struct health_state *s)
{
	json_decref(s->log);
	s->log = NULL;
}

static int read_doc(const json_t *j, struct health_state *ret, struct err *e)
{
	struct doc {
		uint64_t version;
		const char *status;
		const json_t *log;
	} d = { .version = 0 };
	static const struct json_field doc_rows[] = {
		{ "version", JSON_KIND_U64, offsetof(struct doc, version), JSON_REQUIRED, 1 },
		{ "status", JSON_KIND_STR, offsetof(struct doc, status), JSON_REQUIRED, 32 },
		{ "log", JSON_KIND_ARRAY, offsetof(struct doc, log), JSON_REQUIRED, LOG_COUNT_MAX },
		{ 0 },
	};
	static const struct json_field state_rows[] = {
		{ "run_ns", JSON_KIND_I64, offsetof(struct health_state, run_ns), JSON_REQUIRED,
		  0 },
		{ "streak", JSON_KIND_I64, offsetof(struct health_state, streak), 0, 0 },
		{ "started", JSON_KIND_BOOL, offsetof(struct health_state, started), 0, 0 },
		{ "startup_passes", JSON_KIND_I64, offsetof(struct health_state, startup_passes), 0,
		  0 },
		{ "startup_failures", JSON_KIND_I64,
		  offsetof(struct health_state, startup_failures), 0, 0 },
		{ 0 },
	};
	int r = json_read(j, doc_rows, &d, JSON_ALLOW_UNKNOWN, "$", e);

	r = r < 0 ? r : json_read(j, state_rows, ret, JSON_ALLOW_UNKNOWN, "$", e);
	if (r < 0)
		return r;
	for (int i = 1; i < CTR_HC_COUNT_; i++)
		if (streq(d.status, status_words[i]))
			ret->status = (enum ctr_hc_status)i;
	ret->log = json_incref((json_t *)(uintptr_t)d.log);
	return 0;
}

static bool is_of_run(const struct health_state *s, const struct ctr_status *st)
{
	return st->state != CTR_RUNNING || s->run_ns == st->started_ns;
}

int health_state_load(struct ctr_engine *eng, const struct ctr_request *r,
		      const struct ctr_status *st, struct health_state *ret, struct err *e)
{
	struct health_state s = HEALTH_STATE_INIT;
	auto_json json_t *j = NULL;
	auto_free char *text = NULL;
	char path[96];
	size_t len;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/" FILE_NAME, r->id);
	rc = file_read(eng->store.containers_fd, path, FILE_MAX_BYTES, &text, &len);
	if (rc == 0)
		rc = json_parse(text, len, FILE_MAX_BYTES, FILE_NAME, &j, e);
	else if (rc != -ENOENT)
		return err_sys(e, rc, "read the health of container %.12s", r->id);
	if (rc == 0)
		rc = read_doc(j, &s, e);
	if (rc < 0 && rc != -ENOENT)
		return err_wrap(e, rc, "the health of container %.12s", r->id);
	if (rc == -ENOENT || !is_of_run(&s, st)) {
		health_state_done(&s);
		s = (struct health_state){ .run_ns = st->started_ns,
					   .status = CTR_HC_STARTING,
					   .log = json_array() };
		if (!s.log)
			return err_sys(e, ENOMEM, "read the health of container %.12s", r->id);
	}
	*ret = s;
	return 0;
}

/* For people, beside what we keep. */
static void store_copy(const struct ctr_request *r, const char *text, size_t len)
{
	auto_close int dir = FD_NONE;
	auto_free char *name = NULL;

	if (!r->health.log_destination || r->health.log_destination[0] != '/')
		return;
	dir = open(r->health.log_destination, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	name = str_printf("%s-healthcheck.log", r->id);
	if (dir >= 0 && name)
		(void)file_replace(dir, name, text, len, 0600, FILE_SYNC_NONE);
}

int health_state_store(struct ctr_engine *eng, const struct ctr_request *r,
		       const struct health_state *s, struct err *e)
{
	auto_json json_t *j =
		json_pack("{s:i, s:I, s:s, s:I, s:b, s:I, s:I, s:O}", "version", 1, "run_ns",
			  (json_int_t)s->run_ns, "status", status_words[s->status], "streak",
			  (json_int_t)s->streak, "started", s->started, "startup_passes",
			  (json_int_t)s->startup_passes, "startup_failures",
			  (json_int_t)s->startup_failures, "log", s->log);
	auto_free char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	auto_close int dir = container_dir(eng, r->id, e);
	int rc;

	if (dir < 0)
		return dir;
	if (!text)
		return err_sys(e, ENOMEM, "write the health of container %.12s", r->id);
	rc = file_replace(dir, FILE_NAME, text, strlen(text), 0600, FILE_SYNC_NONE);
	if (rc < 0)
		return err_sys(e, rc, "write the health of container %.12s", r->id);
	store_copy(r, text, strlen(text));
	return 0;
}

int ctr_health_status(struct ctr_engine *eng, const struct ctr_request *r,
		      const struct ctr_status *s, enum ctr_hc_status *ret, struct err *e)
{
	struct health_state st = HEALTH_STATE_INIT;
	int rc;

	*ret = CTR_HC_NONE;
	if (!ctr_healthcheck_defined(&r->health))
		return 0;
	rc = health_state_load(eng, r, s, &st, e);
	if (rc == 0)
		*ret = st.status;
	health_state_done(&st);
	return rc;
}

static json_t *entry_json(const json_t *x)
{
	auto_free char *start = ctr_time_str(json_integer_value(json_object_get(x, "start_ns")));
	auto_free char *end = ctr_time_str(json_integer_value(json_object_get(x, "end_ns")));
	const char *out = json_string_value(json_object_get(x, "output"));

	return start && end ? json_pack("{s:s, s:s, s:I, s:s}", "Start", start, "End", end,
					"ExitCode", json_integer_value(json_object_get(x, "code")),
					"Output", out ? out : "")
			    : NULL;
}

int ctr_health_json(struct ctr_engine *eng, const struct ctr_request *r, const struct ctr_status *s,
		    json_t **ret, struct err *e)
{
	struct health_state st = HEALTH_STATE_INIT;
	auto_json json_t *log = NULL, *j = NULL;
	int rc;

	rc = health_state_load(eng, r, s, &st, e);
	if (rc < 0)
		return rc;
	log = json_array();
	for (size_t i = 0; log && i < json_array_size(st.log); i++)
		if (json_array_append_new(log, entry_json(json_array_get(st.log, i))) < 0)
			rc = -ENOMEM;
	j = json_pack("{s:s, s:I, s:O}", "Status", status_words[st.status], "FailingStreak",
		      (json_int_t)st.streak, "Log",
		      log && json_array_size(log) ? log : json_null());
	health_state_done(&st);
	if (rc < 0 || !log || !j)
		return err_sys(e, ENOMEM, "describe the health");
	*ret = json_incref(j);
	return 0;
}

static size_t limit(int64_t asked, size_t standard, size_t most)
{
	return asked == 0 ? standard : asked < 0 || (uint64_t)asked > most ? most : (size_t)asked;
}

int health_log_add(struct health_state *s, const struct ctr_healthcheck *h,
		   const struct health_entry *x, struct err *e)
{
	size_t size = limit(h->log_size, CTR_HC_LOG_SIZE, LOG_SIZE_MAX);
	size_t count = limit(h->log_count, CTR_HC_LOG_COUNT, LOG_COUNT_MAX);
	auto_strbuf struct strbuf b = STRBUF_INIT;
	json_t *entry;

	for (size_t i = 0; i < x->len && i < size; i++) {
		unsigned char c = (unsigned char)x->output[i];

		strbuf_addc(&b, c ? (char)c : '?');
	}
	if (b.failed)
		return err_sys(e, ENOMEM, "log the health check");
	strbuf_addc(&b, '\0'); /* also when nothing was said */
	entry = json_string(b.data);
	for (size_t i = 0; !entry && i + 1 < b.len; i++) /* cut within a character, or no UTF-8 */
		if ((unsigned char)b.data[i] >= 0x80)
			b.data[i] = '?';
	entry = entry ? entry : json_string(b.data);
	entry = entry ? json_pack("{s:I, s:I, s:i, s:o}", "start_ns", (json_int_t)x->start_ns,
				  "end_ns", (json_int_t)x->end_ns, "code", x->exit_code, "output",
				  entry)
		      : NULL;
	if (!entry || json_array_append_new(s->log, entry) < 0)
		return err_sys(e, ENOMEM, "log the health check");
	while (json_array_size(s->log) > count)
		(void)json_array_remove(s->log, 0);
	return 0;
}
