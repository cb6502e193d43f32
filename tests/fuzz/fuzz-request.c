/* container.json: what the quick scanner takes the full parser takes too, and reads the same. */
#include <string.h>

#include "container/container-priv.h"
#include "fuzz.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	struct ctr_request quick = CTR_REQUEST_INIT, full = CTR_REQUEST_INIT;
	char *a = NULL, *b = NULL, *text = malloc(len ? len : 1);
	struct err e = ERR_INIT;
	bool scanned;
	int r;

	if (!text)
		return 0;
	memcpy(text, data, len); /* exactly as long as it is: reading beyond it is seen */
	scanned = request_scan(text, len, &quick);
	r = request_parse(text, len, &full, &e);
	free(text);
	FUZZ_CHECK(r == 0 || e.text[0]);
	if (scanned) {
		FUZZ_CHECK(r == 0);
		FUZZ_CHECK(request_text(&quick, &a, &e) == 0 && request_text(&full, &b, &e) == 0);
		FUZZ_CHECK(strcmp(a, b) == 0);
	}
	free(a);
	free(b);
	ctr_request_done(&quick);
	ctr_request_done(&full);
	return r == 0;
}
