/* manifest.json of a docker-archive: what is accepted has full names and bounded lists. */
#include <string.h>

#include "fuzz.h"
#include "image/reference.h"
#include "layout.h"
#include "transport/docker-archive.h"

static void check_name(const char *name)
{
	struct ctr_reference ref;

	FUZZ_CHECK(ctr_reference_parse(name, &ref, NULL) == 0);
	FUZZ_CHECK(!ctr_reference_is_short(&ref) && ref.tag[0] && !ref.digest.hex[0]);
}

int fuzz_one(const uint8_t *data, size_t len)
{
	auto_docker_archive struct docker_archive a = DOCKER_ARCHIVE_INIT;
	struct err e = ERR_INIT;

	if (docker_archive_parse((const char *)data, len, &a, &e) < 0) {
		FUZZ_CHECK(e.kind != ERR_NONE && e.text[0]);
		return 0;
	}
	FUZZ_CHECK(a.n > 0 && a.n <= DOCKER_ARCHIVE_IMAGES_MAX);
	for (size_t i = 0; i < a.n; i++) {
		FUZZ_CHECK(a.images[i].config && a.images[i].config[0]);
		FUZZ_CHECK(a.images[i].layers.n <= LAYOUT_LAYERS_MAX);
		for (size_t j = 0; j < a.images[i].names.n; j++)
			check_name(a.images[i].names.items[j]);
	}
	return 1;
}
