/*
 * What stands before the lines of etc/fstab and etc/crypttab that became comments: the tables write it, and who tells about these
 * lines looks for it.
 */
#pragma once

#define TABLE_MARK "# no "
#define TABLE_MARK_END "(tarboot pack): "
#define TABLE_NO_DISK TABLE_MARK "disk " TABLE_MARK_END
#define TABLE_NO_HOST TABLE_MARK "host " TABLE_MARK_END
