/* Warnings about a root, on stderr. */
#include "root_warnings.h"

#include "say.h"

void root_warn_of_directory(const struct member *m)
{
	unsigned mode = m->mode & 07777;

	if ((mode & 0555) != 0555)
		say_warning(
			"the root directory has mode %04o: whoever is not root cannot enter it, so "
			"most services will fail: chmod 755 it and pack again",
			mode);
	else if (mode & 0022)
		say_warning(
			"the root directory has mode %04o: whoever is not root can write to it: "
			"chmod 755 it and pack again",
			mode);
	if (m->uid != 0)
		say_warning("the root directory belongs to user %u: systemd and sshd distrust what "
			    "lies "
			    "in it: chown root it and pack again",
			    (unsigned)m->uid);
}
