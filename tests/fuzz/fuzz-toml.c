/* TOML: what is accepted is an object that can be written as JSON. */
#include "conf/toml.h"
#include "fuzz.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	json_t *doc = NULL;
	int ok = toml_parse((const char *)data, len, "input", &doc, &e) == 0;

	if (ok) {
		char *text = json_dumps(doc, JSON_COMPACT);

		FUZZ_CHECK(json_is_object(doc));
		FUZZ_CHECK(text != NULL);
		free(text);
	} else {
		FUZZ_CHECK(doc == NULL && e.kind != ERR_NONE && e.text[0]);
	}
	json_decref(doc);
	return ok;
}
