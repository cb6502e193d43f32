/* Files from URLs. */
#include "fetch-file.h"

#include <errno.h>
#include <stdlib.h>

#include "fd.h"
#include "http.h"
#include "str.h"

#define RETRIES 3
#define STEP_MS 500

struct fetch {
	int fd;
	bool ended;
	int result;
};

bool fetch_file_is_url(const char *s)
{
	return str_starts(s, "http://") || str_starts(s, "https://");
}

static int on_body(void *arg, const void *data, size_t len, struct err *e)
{
	const struct fetch *f = arg;
	int r = fd_write_all(f->fd, data, len);

	return r < 0 ? err_sys(e, r, "write the temporary file") : 0;
}

static void on_done(struct http_request *q, int r)
{
	struct fetch *f = q->arg;

	f->ended = true;
	f->result = r;
}

static int run(struct http *h, struct http_request *q, int (*stop)(struct err *e), struct err *e)
{
	const struct fetch *f = q->arg;
	int r = http_start(h, q, e);

	while (r == 0 && !f->ended) {
		r = stop ? stop(e) : 0;
		if (r == 0)
			r = http_step(h, NULL, 0, STEP_MS, e);
	}
	if (r < 0) {
		http_cancel(q);
		return r;
	}
	if (f->result < 0 && e)
		*e = q->err;
	if (f->result == 0 && q->status != 200 && q->status != 206)
		return err_set(e, q->status == 404 ? ERR_NOT_FOUND : ERR_REMOTE,
			       "the server answers with status %ld", q->status);
	return f->result;
}

int fetch_file(const char *url, int fd, uint64_t max_bytes, int (*stop)(struct err *e),
	       struct err *e)
{
	const struct http_peer peer = { .insecure = str_starts(url, "http://") };
	auto_free char *clean = http_url_without_user(url), *shown = http_url_show(url);
	struct fetch f = { .fd = fd };
	struct http *h = NULL;
	int r;

	if (!clean || !shown)
		return err_set(e, ERR_INVALID, "it is no URL that can be fetched");
	struct http_request q = {
		.url = clean, .peer = &peer, .retries = RETRIES, .max_bytes = max_bytes,
		.expect_bytes = UINT64_MAX, .body = on_body, .done = on_done, .arg = &f,
	};
	r = http_new(&h, e);
	if (r == 0)
		r = run(h, &q, stop, e);
	http_request_done(&q);
	if (h)
		http_free(h);
	return r < 0 ? err_wrap(e, r, "get %s", shown) : 0;
}
