/* Editing an index. */
#include "test.h"

#include "layout.h"
#include "list.h"

static struct digest digest(char c)
{
	struct digest d;

	memset(d.hex, c, DIGEST_HEX_LEN);
	d.hex[DIGEST_HEX_LEN] = '\0';
	return d;
}

static void add(json_t *list, char c, const char *media_type)
{
	const struct list_instance i = { .digest = digest(c), .size_bytes = 7, .media_type = media_type,
					 .platform = { .os = "linux", .arch = "amd64" } };

	CHECK(manifest_list_add(list, &i, NULL) == 0);
}

static void check_type(json_t *list, const char *want)
{
	auto_free char *text = NULL;
	const char *type = NULL;

	CHECK(manifest_list_text(list, &text, &type, NULL) == 0);
	CHECK_STR(type, want);
	CHECK(strstr(text, want) != NULL);
}

TEST(types)
{
	json_t *list = manifest_list_new();
	auto_strv struct strv note = STRV_INIT;
	struct digest d = digest('1');

	check_type(list, MEDIA_OCI_INDEX);
	add(list, '1', MEDIA_DOCKER_MANIFEST);
	check_type(list, MEDIA_DOCKER_LIST);
	/* a docker list has no annotations */
	CHECK(strv_add(&note, "a=b") == 0);
	CHECK(manifest_list_set_annotations(list, &d, &note, NULL) == 0);
	check_type(list, MEDIA_OCI_INDEX);
	strv_done(&note);
	CHECK(strv_add(&note, "a=") == 0);
	CHECK(manifest_list_set_annotations(list, &d, &note, NULL) == 0);
	check_type(list, MEDIA_DOCKER_LIST);
	add(list, '2', MEDIA_OCI_MANIFEST);
	check_type(list, MEDIA_OCI_INDEX);
	json_decref(list);
}

TEST(same_digest_once)
{
	json_t *list = manifest_list_new();
	struct digest d = digest('1'), other = digest('2');
	const struct list_platform p = { .arch = "arm64", .variant = "v8" };

	add(list, '1', MEDIA_OCI_MANIFEST);
	add(list, '1', MEDIA_OCI_MANIFEST);
	CHECK(json_array_size(json_object_get(list, "manifests")) == 1);
	CHECK(manifest_list_annotate(list, &d, &p, NULL) == 0);
	CHECK_STR(json_string_value(json_object_get(
			  json_object_get(manifest_list_find(list, &d), "platform"), "os")),
		  "linux");
	CHECK_STR(json_string_value(json_object_get(
			  json_object_get(manifest_list_find(list, &d), "platform"), "architecture")),
		  "arm64");
	CHECK(manifest_list_annotate(list, &other, &p, NULL) == -ENOENT);
	CHECK(manifest_list_remove(list, &other, NULL) == -ENOENT);
	CHECK(manifest_list_remove(list, &d, NULL) == 0);
	CHECK(!manifest_list_find(list, &d));
	json_decref(list);
}

TEST(refused_annotations)
{
	static const char *const bad[] = { "nothing", "=value", "", "k=\xff" };
	json_t *list = manifest_list_new();

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		auto_strv struct strv texts = STRV_INIT;

		CHECK(strv_add(&texts, bad[i]) == 0);
		CHECK(manifest_list_set_annotations(list, NULL, &texts, NULL) == -EINVAL);
	}
	json_decref(list);
}
