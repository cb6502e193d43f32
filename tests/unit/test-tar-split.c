/* A tar archive put together from tar-split's list and files. */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "tar-split.h"

/* The result, or the message. */
static const char *assemble(const char *list, uint64_t max)
{
	static char out[1000];
	auto_close int split = FD_NONE, root = FD_NONE, to = FD_NONE;
	auto_free char *text = NULL;
	struct err e = ERR_INIT;
	size_t len;

	test_write("list", list);
	split = open("list", O_RDONLY | O_CLOEXEC);
	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	to = open("out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(split >= 0 && root >= 0 && to >= 0);
	if (tar_split_assemble_here(split, root, to, max, &e) < 0) {
		(void)snprintf(out, sizeof(out), "error: %s", e.text);
		return out;
	}
	CHECK_INT(file_read_path("out", 10000, &text, &len), 0);
	(void)snprintf(out, sizeof(out), "%s", text);
	return out;
}

static void make_root(void)
{
	test_mkdir("root");
	test_mkdir("root/d");
	test_write("root/d/f", "content");
	test_write("secret", "secret!");
	CHECK(symlink("d", "root/link") == 0);
	CHECK(symlink("../secret", "root/out") == 0);
}

TEST(segments_and_files)
{
	make_root();
	/* "head", then the file, then "tail" */
	CHECK_STR(assemble("{\"type\":2,\"payload\":\"aGVhZA==\",\"position\":0}\n"
			   "{\"type\":1,\"name\":\"d/f\",\"size\":7,\"payload\":\"AAAAAAAAAAA=\",\"position\":1}\n"
			   "{\"type\":2,\"payload\":\"dGFpbA==\",\"position\":2}\n", 100), "headcontenttail");
	/* through a link inside, by a name in base64, and without a last newline */
	CHECK_STR(assemble("{\"type\":1,\"name\":\"link/f\",\"size\":7}\n"
			   "{\"type\":1,\"name_raw\":\"ZC9m\",\"size\":7}", 100), "contentcontent");
	/* directories and the like have no content */
	CHECK_STR(assemble("{\"type\":1,\"name\":\"nosuch\",\"size\":0}\n\n", 100), "");
	CHECK_STR(assemble("", 100), "");
}

TEST(refused)
{
	static const char *const table[][2] = {
		{ "{\"type\":1,\"name\":\"d/f\",\"size\":8}", "has changed" },
		{ "{\"type\":1,\"name\":\"d/f\",\"size\":6}", "has changed" },
		{ "{\"type\":1,\"name\":\"d\",\"size\":7}", "has changed" },
		{ "{\"type\":1,\"name\":\"nosuch\",\"size\":7}", "nosuch" },
		{ "{\"type\":1,\"name\":\"../secret\",\"size\":7}", "secret" },
		{ "{\"type\":1,\"name\":\"/../secret\",\"size\":7}", "secret" },
		{ "{\"type\":1,\"name\":\"out\",\"size\":7}", "out" },
		{ "{\"type\":1,\"size\":7}", "without a name" },
		{ "{\"type\":1,\"name_raw\":\"!\",\"size\":7}", "damaged name" },
		{ "{\"type\":1,\"name_raw\":\"ZABm\",\"size\":7}", "damaged name" },
		{ "{\"type\":2,\"payload\":\"!\"}", "damaged" },
		{ "{\"type\":1,\"name\":\"d/f\",\"size\":-1}", "size" },
		{ "{\"type\":\"x\"}", "type" },
		{ "{}", "type" },
		{ "not json\n", "error" },
		{ "{\"type\":2,\"payload\":\"aGVhZGhlYWQ=\"}", "larger" },
	};

	make_root();
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const char *got = assemble(table[i][0], 7);

		CHECK_CONTAINS(got, "error: ");
		CHECK_CONTAINS(got, table[i][1]);
	}
}
