/* --health-cmd, and the Healthcheck of an image: what is accepted has a command or is none. */
#include <string.h>

#include "ctrlite/healthcheck.h"
#include "fuzz.h"
#include "json.h"

static void check_argv(const struct ctr_healthcheck *h)
{
	struct strv argv = STRV_INIT;

	if (ctr_healthcheck_defined(h) && ctr_healthcheck_argv(&h->test, &argv, NULL) == 0)
		FUZZ_CHECK(argv.n >= 1 && argv.items[0][0]);
	strv_done(&argv);
}

int fuzz_one(const uint8_t *data, size_t len)
{
	char *text;
	struct ctr_healthcheck h = { .retries = 0 };
	struct ctr_healthcheck_options o = { .none = false };
	struct err e = ERR_INIT;
	json_t *j;
	int r;

	while (len > 0 && data[len - 1] == '\n')
		len--;
	text = fuzz_string(data, len);
	if (!text)
		return 0;
	j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(j)) {
		r = ctr_healthcheck_read(j, &h, &e);
	} else {
		o.cmd = o.interval = text;
		if (ctr_healthcheck_apply(&h, &o, &e) == 0) /* "disable", or a time */
			check_argv(&h);
		ctr_healthcheck_done(&h);
		o.interval = NULL;
		r = ctr_healthcheck_apply(&h, &o, &e);
	}
	if (r == 0) {
		FUZZ_CHECK(h.interval_ns >= 0 && h.timeout_ns > 0 && h.retries > 0 && h.start_period_ns >= 0);
		check_argv(&h);
	}
	ctr_healthcheck_done(&h);
	json_decref(j);
	free(text);
	return r == 0;
}
