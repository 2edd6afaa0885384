/* What of a file is taken from the file system that it lies on. */
#include "source/source_kinds.h"

#include "tap.h"

int main(void)
{
	static const char *const taken[] = { "user.note", "security.capability", "trusted.x",
					     "system.posix_acl_access",
					     "system.posix_acl_default" };
	static const char *const left[] = { "system.nfs4_acl",
					    "system.nfs4_dacl",
					    "system.cifs_acl",
					    "system.ntfs_acl",
					    "system.posix_acl",
					    "system.",
					    "btrfs.compression",
					    "lustre.lov",
					    "users.x",
					    "bcachefs.compression",
					    "user" };
	static const char *const of_lustre[] = { "trusted.lov", "trusted.lma", "trusted.link",
						 "trusted.lmv" };

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		ok(source_takes_xattr(taken[i], false) && source_takes_xattr(taken[i], true), "%s",
		   taken[i]);
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		ok(!source_takes_xattr(left[i], false), "not %s", left[i]);
	for (size_t i = 0; i < ARRAY_SIZE(of_lustre); i++) {
		ok(source_takes_xattr(of_lustre[i], false), "%s", of_lustre[i]);
		ok(!source_takes_xattr(of_lustre[i], true), "not from Lustre: %s", of_lustre[i]);
	}
	return done_testing();
}
