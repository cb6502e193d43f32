/* Ids in ACLs and file capabilities, by bytes as the kernel has them. */
#include "test.h"

#include "xattr-ids.h"

/* 0..999 to 1..1000, 1000 to 0, the rest as it is: what keep-id does to uids; gids by 5000. */
static const struct idmap shift = {
	.uid = { { 0, 1, 1000 }, { 1000, 0, 1 }, { 1001, 1001, 1000 } }, .n_uid = 3,
	.gid = { { 0, 5000, 100 } }, .n_gid = 1,
};
#define NONE 0xff, 0xff, 0xff, 0xff

struct row {
	const char *attribute;
	uint8_t in[48];
	size_t len;
	uint8_t out[48];
	size_t out_len;
	int r;
	uint32_t bad;
	bool bad_group;
};

static void check(const struct row *row)
{
	uint8_t v[64] = { 0 };
	size_t len = row->len;
	uint32_t bad = 77;
	bool group = !row->bad_group;

	memcpy(v, row->in, len);
	CHECK_INT(xattr_shift_ids(row->attribute, v, &len, sizeof(v), &shift, &bad, &group), row->r);
	if (row->r < 0) {
		CHECK_UINT(bad, row->bad);
		CHECK_INT(group, row->bad_group);
		return;
	}
	CHECK_UINT(len, row->out_len);
	CHECK(memcmp(v, row->out, len) == 0);
}

/* clang-format off */
#define ACL "system.posix_acl_access"
#define USER_OBJ 1, 0, 6, 0, NONE
#define OTHER 0x20, 0, 4, 0, NONE
#define USER(a, b) 2, 0, 7, 0, (a), (b), 0, 0
#define GROUP(a, b) 8, 0, 5, 0, (a), (b), 0, 0
#define V2 2, 0, 0, 0

TEST(acl)
{
	static const struct row rows[] = {
		{ ACL, { V2, USER_OBJ, OTHER }, 20, { V2, USER_OBJ, OTHER }, 20, 0, 0, false },
		{ ACL, { V2, USER_OBJ, USER(0, 0), GROUP(7, 0), OTHER }, 36,
		  { V2, USER_OBJ, USER(1, 0), GROUP(0x8f, 0x13), OTHER }, 36, 0, 0, false },
		{ "system.posix_acl_default", { V2, USER(0xe8, 3) }, 12, { V2, USER(0, 0) }, 12, 0, 0, false },
		{ ACL, { V2, USER(0xd1, 0x07) }, 12, { 0 }, 0, -EOVERFLOW, 2001, false },
		{ ACL, { V2, GROUP(100, 0) }, 12, { 0 }, 0, -EOVERFLOW, 100, true },
		/* Other versions, cut short, and other attributes: not ours to touch. */
		{ ACL, { 1, 0, 0, 0, USER(0, 0) }, 12, { 1, 0, 0, 0, USER(0, 0) }, 12, 0, 0, false },
		{ ACL, { V2, USER(0, 0) }, 11, { V2, USER(0, 0) }, 11, 0, 0, false },
		{ ACL, { 2 }, 1, { 2 }, 1, 0, 0, false },
		{ ACL, { 0 }, 0, { 0 }, 0, 0, 0, false },
		{ "user.x", { V2, USER(0, 0) }, 12, { V2, USER(0, 0) }, 12, 0, 0, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

#define CAP "security.capability"
#define DATA 0, 4, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0

TEST(capability)
{
	static const struct row rows[] = {
		/* Ours becomes that of the container's root, and the effective bit stays. */
		{ CAP, { 1, 0, 0, 2, DATA }, 20, { 1, 0, 0, 3, DATA, 1, 0, 0, 0 }, 24, 0, 0, false },
		{ CAP, { 0, 0, 0, 3, DATA, 0xe8, 3, 0, 0 }, 24, { 0, 0, 0, 3, DATA, 0, 0, 0, 0 }, 24, 0, 0, false },
		{ CAP, { 0, 0, 0, 3, DATA, 0xd1, 7, 0, 0 }, 24, { 0 }, 0, -EOVERFLOW, 2001, false },
		{ CAP, { 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0 }, 12, { 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0 }, 12, 0, 0, false },
		{ CAP, { 1, 0, 0, 3, DATA }, 20, { 1, 0, 0, 3, DATA }, 20, 0, 0, false },
		{ CAP, { 0 }, 0, { 0 }, 0, 0, 0, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}
/* clang-format on */

TEST(a_container_without_root_keeps_the_capabilities)
{
	static const struct idmap rootless = { .uid = { { 1000, 0, 1 } }, .n_uid = 1,
					       .gid = { { 1000, 0, 1 } }, .n_gid = 1 };
	uint8_t v[24] = { 1, 0, 0, 2, 0, 4 };
	size_t len = 20;
	uint32_t bad;
	bool group;

	CHECK_INT(xattr_shift_ids(CAP, v, &len, sizeof(v), &rootless, &bad, &group), 0);
	CHECK_UINT(len, 20);
	CHECK_INT(v[3], 2);
	/* No room to grow is no silent loss. */
	CHECK_INT(xattr_shift_ids(CAP, v, &len, 20, &shift, &bad, &group), -ERANGE);
}
