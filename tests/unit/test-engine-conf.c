/* containers.conf and storage.conf: what they mean for images and the store. */
#include "test.h"

#include <unistd.h>

#include "engine-conf.h"
#include "fd.h"
#include "str.h"
#include "storage-conf.h"

static const char *engine(const char *text, struct engine_conf *c)
{
	static char out[600];
	struct err e = ERR_INIT;

	CHECK(setenv("CONTAINERS_CONF", "containers.conf", 1) == 0);
	test_write("containers.conf", text);
	(void)snprintf(out, sizeof(out), "%s", engine_conf_load(c, &e) < 0 ? e.text : "");
	return out;
}

TEST(keys_of_containers_conf)
{
	auto_engine_conf struct engine_conf c = ENGINE_CONF_INIT;

	CHECK_STR(engine("[engine]\nenv = [\"H4_TEST=a=b\"]\nhelper_binaries_dir = [\"/x\", \"/y\"]\n"
			 "pull_policy = \"newer\"\nimage_default_format = \"v2s2\"\n"
			 "image_default_transport = \"oci:\"\ncompression_format = \"zstd:chunked\"\n"
			 "compression_level = 9\nretry = 0\nretry_delay = \"2s\"\nimage_parallel_copies = 5\n"
			 "no_such_key = 1\n", &c), "");
	CHECK_STR(c.pull_policy, "newer");
	CHECK_STR(c.image_format, "docker");
	CHECK_STR(c.transport, "oci:");
	CHECK_STR(c.compression, "zstd:chunked");
	CHECK_INT(c.compression_level, 9);
	CHECK_INT(c.retry, 0);
	CHECK_INT(c.retry_delay_ms, 2000);
	CHECK_INT(c.parallel_copies, 5);
	CHECK_INT(c.helper_dirs.n, 2);
	CHECK_INT(engine_conf_set_env(&c, NULL), 0);
	CHECK_STR(getenv("H4_TEST"), "a=b");
}

TEST(nothing_is_set)
{
	auto_engine_conf struct engine_conf c = ENGINE_CONF_INIT;

	CHECK_STR(engine("", &c), "");
	CHECK(!c.pull_policy && !c.image_format && !c.transport && !c.compression);
	CHECK_INT(c.retry, -1);
	CHECK_INT(c.compression_level, -1);
	CHECK_INT(c.parallel_copies, 0);
}

TEST(wrong_values_are_named)
{
	static const char *const table[][2] = {
		{ "pull_policy = \"sometimes\"", "pull_policy" }, { "retry = 100", "retry" },
		{ "retry = \"x\"", "retry" }, { "retry_delay = \"soon\"", "retry_delay" },
		{ "compression_format = \"rar\"", "compression_format" },
		{ "compression_level = 99", "compression_level" },
		{ "image_default_format = \"v1\"", "image_default_format" },
		{ "image_parallel_copies = 1000", "image_parallel_copies" },
		{ "env = [\"novalue\"]", "env" }, { "env = \"A=b\"", "env" },
		{ "helper_binaries_dir = 3", "helper_binaries_dir" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		auto_engine_conf struct engine_conf c = ENGINE_CONF_INIT;
		auto_free char *text = str_printf("[engine]\n%s\n", table[i][0]);

		CHECK_CONTAINS(engine(text, &c), table[i][1]);
	}
}

static const char *storage(const char *text, struct storage_conf *c)
{
	static char out[600];
	struct err e = ERR_INIT;

	CHECK(setenv("CONTAINERS_STORAGE_CONF", "storage.conf", 1) == 0);
	test_write("storage.conf", text);
	(void)snprintf(out, sizeof(out), "%s", storage_conf_load(c, &e) < 0 ? e.text : "");
	return out;
}

TEST(places)
{
	auto_storage_conf struct storage_conf c = STORAGE_CONF_INIT, none = STORAGE_CONF_INIT;
	auto_storage_conf struct storage_conf usual = STORAGE_CONF_INIT;
	auto_free char *text = NULL, *podman = NULL;

	CHECK(setenv("HOME", "/home/of/me", 1) == 0 && setenv("H4_DISK", "big", 1) == 0);
	CHECK(unsetenv("XDG_DATA_HOME") == 0);
	CHECK_STR(storage("[storage]\ndriver = \"vfs\"\ngraphroot = \"/${H4_DISK}/$HOME/./x\"\n"
			  "runroot = \"/run/my\"\n[storage.options]\nadditionalimagestores = [\"/a\", \"$HOME/b\"]\n"
			  "[storage.options.pull_options]\nenable_partial_images = \"false\"\n", &c), "");
	CHECK_STR(c.root, "/big/home/of/me/x/ctr-lite");
	CHECK_STR(c.podman_root, "/big/home/of/me/x");
	CHECK_STR(c.run, "/run/my/ctr-lite");
	CHECK_STR(c.driver, "vfs");
	CHECK_INT(c.additional.n, 2);
	CHECK_STR(c.additional.items[1], "/home/of/me/b");
	CHECK(c.no_partial_images);
	/* nothing is configured, and what is usual */
	podman = geteuid() == 0 ? strdup("/var/lib/containers/storage")
				: strdup("/home/of/me/.local/share/containers/storage");
	CHECK_STR(storage("", &none), "");
	CHECK(!none.root && !none.run && !none.no_partial_images);
	CHECK_STR(none.podman_root, podman);
	text = str_printf("[storage]\ngraphroot = \"%s\"\n", podman);
	CHECK_STR(storage(text, &usual), "");
	CHECK(!usual.root);
}

TEST(storage_refused)
{
	static const char *const table[][2] = {
		{ "[storage]\ngraphroot = \"relative\"", "no absolute path" },
		{ "[storage]\ngraphroot = \"/$NO_SUCH_H4_VARIABLE\"", "not set" },
		{ "[storage]\ngraphroot = 3", "graphroot" },
		{ "[storage.options]\nadditionalimagestores = [\"x\"]", "additionalimagestores" },
		{ "[storage", "line 1" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		auto_storage_conf struct storage_conf c = STORAGE_CONF_INIT;

		CHECK_CONTAINS(storage(table[i][0], &c), table[i][1]);
	}
}

TEST(storage_options)
{
	auto_storage_conf struct storage_conf c = STORAGE_CONF_INIT, bad = STORAGE_CONF_INIT;
	struct err e = ERR_INIT;

	CHECK(setenv("STORAGE_OPTS", "overlay.imagestore=/shared,overlay.mountopt=nodev", 1) == 0);
	CHECK(setenv("STORAGE_DRIVER", "overlay", 1) == 0);
	CHECK_STR(storage("[storage]\ndriver = \"vfs\"\n", &c), "");
	CHECK_STR(c.driver, "overlay");
	CHECK_INT(c.additional.n, 1);
	CHECK_STR(c.additional.items[0], "/shared");
	CHECK_INT(storage_conf_option(&c, "additionalimagestore=/more", &e), 0);
	CHECK_STR(c.additional.items[1], "/more");
	CHECK_ERR(storage_conf_option(&c, "overlay.size=10G", &e), e, ERR_UNSUPPORTED);
	CHECK_ERR(storage_conf_option(&c, "zfs.mountopt=x", &e), e, ERR_UNSUPPORTED);
	CHECK_ERR(storage_conf_option(&c, "nonsense", &e), e, ERR_INVALID);
	CHECK(setenv("STORAGE_OPTS", "overlay.quota=1", 1) == 0);
	CHECK_CONTAINS(storage("", &bad), "STORAGE_OPTS");
	CHECK(unsetenv("STORAGE_OPTS") == 0 && unsetenv("STORAGE_DRIVER") == 0);
}
