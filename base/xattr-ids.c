/* Ids that stand inside extended attributes. */
#include "xattr-ids.h"

#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "str.h"

/* As the kernel has it in linux/posix_acl_xattr.h. */
#define ACL_VERSION 2
#define ACL_USER 0x02
#define ACL_GROUP 0x08
struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

static int shift_acl(void *value, size_t len, const struct idmap *shift, uint32_t *ret_id,
		     bool *ret_group)
{
	struct acl_entry en;
	uint32_t version;

	if (len < sizeof(version) || (len - sizeof(version)) % sizeof(en))
		return 0;
	memcpy(&version, value, sizeof(version));
	if (le32toh(version) != ACL_VERSION)
		return 0;
	for (size_t at = sizeof(version); at < len; at += sizeof(en)) {
		bool group;
		uint32_t id;

		memcpy(&en, (char *)value + at, sizeof(en));
		group = le16toh(en.tag) == ACL_GROUP;
		if (!group && le16toh(en.tag) != ACL_USER)
			continue;
		if (!idmap_to_host(group ? shift->gid : shift->uid,
				   group ? shift->n_gid : shift->n_uid, le32toh(en.id), &id)) {
			*ret_id = le32toh(en.id);
			*ret_group = group;
			return -EOVERFLOW;
		}
		en.id = htole32(id);
		memcpy((char *)value + at, &en, sizeof(en));
	}
	return 0;
}

/*
 * Capabilities count in the user namespace whose root they name, and in those below it
 * (capabilities(7), "Namespaced file capabilities").  The kernel shows those of our own root
 * without naming it (version 2); for the root of the namespace below us it must be named.
 */
static int shift_capability(void *value, size_t *len, size_t cap, const struct idmap *shift,
			    uint32_t *ret_id, bool *ret_group)
{
	struct vfs_ns_cap_data c = { 0 };
	uint32_t magic, version, id;

	if (*len != XATTR_CAPS_SZ_2 && *len != XATTR_CAPS_SZ_3)
		return 0;
	memcpy(&c, value, *len);
	magic = le32toh(c.magic_etc);
	version = magic & VFS_CAP_REVISION_MASK;
	if (*len == XATTR_CAPS_SZ_2 ? version != VFS_CAP_REVISION_2 : version != VFS_CAP_REVISION_3)
		return 0;
	if (!idmap_to_host(shift->uid, shift->n_uid, le32toh(c.rootid), &id)) {
		/* A container without a root runs programs with the capabilities that its parent
		 * namespace's root has given them. */
		if (version == VFS_CAP_REVISION_2)
			return 0;
		*ret_id = le32toh(c.rootid);
		*ret_group = false;
		return -EOVERFLOW;
	}
	if (cap < XATTR_CAPS_SZ_3)
		return -ERANGE;
	c.magic_etc = htole32((magic & ~(uint32_t)VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_3);
	c.rootid = htole32(id);
	memcpy(value, &c, XATTR_CAPS_SZ_3);
	*len = XATTR_CAPS_SZ_3;
	return 0;
}

int xattr_shift_ids(const char *name, void *value, size_t *len, size_t cap,
		    const struct idmap *shift, uint32_t *ret_id, bool *ret_group)
{
	if (streq(name, "system.posix_acl_access") || streq(name, "system.posix_acl_default"))
		return shift_acl(value, *len, shift, ret_id, ret_group);
	if (streq(name, "security.capability"))
		return shift_capability(value, len, cap, shift, ret_id, ret_group);
	return 0;
}
