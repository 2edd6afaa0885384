#include "root/firmware.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#define UUID_LENGTH 36

void firmware_read(const char *name, char ret[FIRMWARE_TEXT_MAX])
{
	_cleanup_close_ int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/dmi/id/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, ret, FIRMWARE_TEXT_MAX - 1);
	while (n > 0 && isspace((unsigned char)ret[n - 1]))
		n--;
	ret[n > 0 ? n : 0] = '\0';
	for (char *c = ret; *c && strcmp(name, "product_uuid") == 0; c++)
		*c = (char)tolower((unsigned char)*c);
}

bool firmware_machine_id(const char *uuid, char ret[MACHINE_ID_MAX])
{
	/* The same bytes, as the kernel prints them from SMBIOS 2.6 on, and before. */
	static const char *const not_unique[] = { "03000200040005000006000700080009",
						  "00020003000400050006000700080009" };
	char id[MACHINE_ID_MAX];
	size_t n = 0;

	if (strlen(uuid) != UUID_LENGTH)
		return false;
	for (size_t i = 0; i < UUID_LENGTH; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? uuid[i] != '-' : !isxdigit((unsigned char)uuid[i]))
			return false;
		if (!is_dash)
			id[n++] = (char)tolower((unsigned char)uuid[i]);
	}
	id[n] = '\0';
	if (strspn(id, (const char[]){ id[0], '\0' }) == n)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(not_unique); i++)
		if (strcmp(id, not_unique[i]) == 0)
			return false;
	strcpy(ret, id);
	return true;
}
