/* Where signatures of images of registries come from, see signatures.h. */
#include "signatures.h"

#include <errno.h>
#include <stdlib.h>

#include "attachments.h"
#include "check.h"
#include "fd.h"
#include "lookaside.h"
#include "registries-d.h"
#include "str.h"

#define STEP_MS 250	/* so often is a signal noticed at the latest */

/* Lookaside over HTTP.  Its server is none of the registry's: it gets no credentials. */

struct fetch {
	struct strbuf buf;
	bool ended;
	int result;
};

static int fetch_body(void *arg, const void *data, size_t len, struct err *e)
{
	struct fetch *f = arg;

	strbuf_addn(&f->buf, data, len);
	return f->buf.failed ? err_sys(e, ENOMEM, "read a signature") : 0;
}

static void fetch_rewind(void *arg)
{
	struct fetch *f = arg;

	strbuf_done(&f->buf);
}

static void fetch_done(struct http_request *q, int r)
{
	struct fetch *f = q->arg;

	f->ended = true;
	f->result = r;
}

static int wait_for(struct registry *reg, struct http_request *q, const struct fetch *f, struct err *e)
{
	int r = http_start(reg->http, q, e);

	while (r == 0 && !f->ended) {
		r = reg->opts.interrupted ? reg->opts.interrupted(e) : 0;
		if (r == 0)
			r = http_step(reg->http, NULL, 0, STEP_MS, e);
	}
	if (r == 0 && f->result < 0) {
		r = f->result;
		if (e)
			*e = q->err;
	}
	if (r < 0 && http_active(q))
		http_cancel(q);
	return r;
}

/* 1, or 0 when there is none (also where the server does not let us know). */
static int fetch_url(struct registry *reg, const char *url, struct image_signatures *s, struct err *e)
{
	const struct http_peer peer = { .insecure = reg->opts.insecure };
	struct fetch f = { .buf = STRBUF_INIT };
	struct http_request q = {
		.url = url, .peer = &peer, .retries = reg->opts.retries,
		.retry_delay_ms = reg->opts.retry_delay_ms, .document = true,
		.max_bytes = SIGNATURE_MAX_BYTES, .expect_bytes = UINT64_MAX, .body = fetch_body,
		.rewind = fetch_rewind, .done = fetch_done, .arg = &f,
	};
	int r = wait_for(reg, &q, &f, e);

	if (r == 0 && q.status == 200) {
		r = image_signatures_add(s, f.buf.data ? f.buf.data : "", f.buf.len, e);
		r = r < 0 ? r : 1;
	} else if (r == 0 && q.status != 404) {
		r = err_set(e, ERR_REMOTE, "status %ld", q.status);
	}
	http_request_done(&q);
	strbuf_done(&f.buf);
	return r < 0 ? err_wrap(e, r, "read the signature %s", url) : r;
}

static int read_lookaside(struct registry *reg, const char *base, const struct digest *d,
			  struct image_signatures *s, struct err *e)
{
	int r = 1;

	for (size_t i = 1; r == 1; i++) {
		auto_free char *url = lookaside_url(base, d, i);
		const char *path = url ? str_after(url, "file://") : NULL;

		if (!url)
			return err_sys(e, ENOMEM, "read the signatures");
		r = path ? lookaside_read_file(path, s, e) : fetch_url(reg, url, s, e);
	}
	return r;
}

int registry_signatures(struct registry *reg, const struct ctr_reference *ref, const struct digest *d,
			struct image_signatures *ret, struct err *e)
{
	auto_registries_d struct registries_d conf = REGISTRIES_D_INIT;
	auto_free char *base = NULL;
	int r = registries_d_load(NULL, &conf, e);

	if (r == 0)
		r = registries_d_lookaside(&conf, ref, false, &base, e);
	if (r == 0)
		r = read_lookaside(reg, base, d, ret, e);
	if (r == 0 && registries_d_attachments(&conf, ref))
		r = attachments_read(reg, d, ret, e);
	return r;
}

/* Judging */

struct question {
	struct registry *reg;
	const struct ctr_reference *ref;
	const struct digest *digest;
};

static int get_signatures(void *arg, struct image_signatures *ret, struct err *e)
{
	const struct question *q = arg;

	return registry_signatures(q->reg, q->ref, q->digest, ret, e);
}

int registry_trust(struct store *s, const struct policy *p, struct registry *reg,
		   const struct ctr_reference *ref, const struct ctr_reference *full,
		   const struct digest *d, struct err *e)
{
	struct question q = { reg, ref, d };
	char name[REF_STR_MAX];
	const struct trust_subject t = {
		.where = { .transport = "docker", .ref = ctr_reference_str(full, name) },
		.intended = full, .manifest = *d, .signatures = get_signatures, .arg = &q,
	};

	return trust_check(s, p, &t, e);
}

/* Putting */

static int put_one(struct registry *reg, const struct registries_d *conf, const struct ctr_reference *ref,
		   const struct digest *d, const struct image_signature *sig, struct err *e)
{
	auto_free char *base = NULL;
	char name[REF_STR_MAX];
	int r;

	if (sig->sigstore && !registries_d_attachments(conf, ref))
		return err_set(e, ERR_DENIED, "attaching sigstore signatures to images of %s is not enabled: a "
			       "file of registries.d must say \"docker: {%s: {use-sigstore-attachments: true}}\"",
			       ctr_reference_name(ref, name), ref->domain);
	if (sig->sigstore)
		return attachments_add(reg, d, sig, e);
	r = registries_d_lookaside(conf, ref, true, &base, e);
	return r < 0 ? r : lookaside_add(base, d, sig, e);
}

int registry_put_signatures(struct registry *reg, const struct ctr_reference *ref, const struct digest *d,
			    const struct image_signatures *sigs, struct err *e)
{
	auto_registries_d struct registries_d conf = REGISTRIES_D_INIT;
	int r = registries_d_load(NULL, &conf, e);

	for (size_t i = 0; r == 0 && i < sigs->n; i++)
		r = put_one(reg, &conf, ref, d, &sigs->items[i], e);
	return r;
}
