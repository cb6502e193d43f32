/* YAML: what is accepted can be written as JSON. */
#include <stdlib.h>

#include "fuzz.h"
#include "trust/yaml-read.h"

int fuzz_one(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	json_t *j = NULL;
	int ok = yaml_read((const char *)data, len, "input", &j, &e) == 0;
	char *text = ok ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	FUZZ_CHECK(ok ? text != NULL : e.kind != ERR_NONE && e.text[0]);
	free(text);
	json_decref(j);
	return ok;
}
