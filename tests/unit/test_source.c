/* What of a file is taken from the file system that it lies on. */
#include "source/source_kinds.h"

#include "tap.h"

int main(void)
{
	static const char *const taken[] = { "user.note", "security.capability", "trusted.x",
					     "system.posix_acl_access",
					     "system.posix_acl_default" };
	static const char *const left[] = { "system.nfs4_acl",   "system.nfs4_dacl",
					    "system.cifs_acl",   "system.ntfs_acl",
					    "system.posix_acl",  "system.",
					    "btrfs.compression", "lustre.lov",
					    "trusted.lov",       "bcachefs.compression",
					    "users.x",           "user" };

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		ok(source_takes_xattr(taken[i]), "%s", taken[i]);
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		ok(!source_takes_xattr(left[i]), "not %s", left[i]);
	return done_testing();
}
