/* Go templates: whatever the text, parsing and executing end, and failures are explained. */
#include <string.h>

#include "fuzz.h"
#include "template.h"

static const char data_text[] =
	"{\"ID\": \"0123\", \"Names\": [\"a\", \"b\"], \"Labels\": {\"k\": \"v\"}, \"Size\": 12,"
	" \"Ratio\": 0.5, \"On\": true, \"None\": null, \"State\": {\"Status\": \"up\"},"
	" \"Created\": \"2026-11-22T16:32:34.5Z\", \"Ports\": {\"80/tcp\": [{\"HostPort\": "
	"\"1\"}]}}";

static const struct tmpl_field fields[] = {
	{ "Labels", NULL, TMPL_MAP },	   { "Label", "Labels", TMPL_MAP | TMPL_METHOD },
	{ "Ports", NULL, TMPL_MAP },	   { "Created", NULL, TMPL_TIME },
	{ "Health", NULL, TMPL_OPTIONAL }, { NULL, NULL, 0 },
};

static void run(const struct tmpl *t, json_t *root, bool headings)
{
	const struct tmpl_data d = { .root = root, .fields = fields, .headings = headings };
	auto_strbuf struct strbuf out = STRBUF_INIT;
	struct err e = ERR_INIT;
	int r = tmpl_exec(t, &d, &out, &e);

	FUZZ_CHECK(r == 0 || (r < 0 && e.kind != ERR_NONE && e.text[0]));
	FUZZ_CHECK(out.len <= 2u * TMPL_OUT_MAX_BYTES);
}

int fuzz_one(const uint8_t *data, size_t len)
{
	auto_tmpl struct tmpl *t = NULL;
	char *text = strndup((const char *)data, len);
	json_t *root = json_loads(data_text, 0, NULL);
	struct err e = ERR_INIT;
	int ok;

	FUZZ_CHECK(text && root);
	ok = tmpl_parse("fuzz", text, &t, &e) == 0;
	if (ok) {
		run(t, root, false);
		run(t, root, true);
	} else {
		FUZZ_CHECK(t == NULL && e.kind != ERR_NONE && e.text[0]);
	}
	free(text);
	json_decref(root);
	return ok;
}
