/* Headers of tar archives that are made here. */
#include "tar-header.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Where POSIX.1 "ustar Interchange Format" has them. */
enum { AT_NAME = 0, AT_MODE = 100, AT_UID = 108, AT_GID = 116, AT_SIZE = 124, AT_MTIME = 136,
       AT_SUM = 148, AT_TYPE = 156, AT_LINK = 157, AT_MAGIC = 257 };

#define SIZE_OCTAL_MAX 077777777777ull

static void put_octal(unsigned char *at, size_t len, uint64_t n)
{
	at[len - 1] = '\0';
	for (size_t i = len - 1; i > 0; n >>= 3)
		at[--i] = (unsigned char)('0' + (n & 7));
}

static void put_size(unsigned char *at, uint64_t n)
{
	if (n <= SIZE_OCTAL_MAX) {
		put_octal(at, 12, n);
		return;
	}
	at[0] = 0x80;
	for (size_t i = 12; i > 4; n >>= 8)
		at[--i] = (unsigned char)n;
}

void tar_header(const char *name, enum tar_write_kind kind, uint64_t size_bytes, const char *link,
		unsigned char ret[TAR_BLOCK_BYTES])
{
	static const struct {
		char type;
		unsigned int mode;
	} kinds[] = {
		[TAR_WRITE_FILE] = { '0', 0644 },
		[TAR_WRITE_DIR] = { '5', 0755 },
		[TAR_WRITE_SYMLINK] = { '2', 0777 },
	};
	size_t name_len = strlen(name), link_len = link ? strlen(link) : 0;
	unsigned int sum = 0;

	assert(name_len <= TAR_SHORT_NAME_MAX && link_len <= TAR_SHORT_NAME_MAX);
	memset(ret, 0, TAR_BLOCK_BYTES);
	memcpy(ret + AT_NAME, name, name_len);
	put_octal(ret + AT_MODE, 8, kinds[kind].mode);
	put_octal(ret + AT_UID, 8, 0);
	put_octal(ret + AT_GID, 8, 0);
	put_size(ret + AT_SIZE, size_bytes);
	put_octal(ret + AT_MTIME, 12, 0);
	ret[AT_TYPE] = (unsigned char)kinds[kind].type;
	if (link)
		memcpy(ret + AT_LINK, link, link_len);
	memcpy(ret + AT_MAGIC, "ustar\00000", 8);
	memset(ret + AT_SUM, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
		sum += ret[i];
	put_octal(ret + AT_SUM, 7, sum);
}
