/* The table. Debian 12 has iPXE for x86 only, Debian 13 also for arm64. One for 32-bit UEFI must be built and put
 * there. */
#include "site/site_firmware.h"

#include <unistd.h>

static const struct firmware all[] = {
	{ "bios", { 0 }, 1, "undionly.kpxe", false, false },
	{ "ia32", { 6 }, 1, "ipxe-i386.efi", false, true },
	{ "x64", { 7, 9 }, 2, "ipxe.efi", false, false },
	{ "arm64", { 11 }, 1, "ipxe-arm64.efi", false, true },
	{ "ia32-http", { 15 }, 1, "ipxe-i386.efi", true, true },
	{ "x64-http", { 16 }, 1, "ipxe.efi", true, false },
	{ "arm64-http", { 19 }, 1, "ipxe-arm64.efi", true, true },
};

size_t firmware_all(const struct firmware **ret)
{
	*ret = all;
	return ARRAY_SIZE(all);
}

const char *firmware_path(const struct site *s, const struct firmware *w, char ret[PATH_MAX])
{
	return site_path(s, ret, "%s/%s", w->by_http ? "http" : "tftp", w->program);
}

size_t firmware_served(const struct site *s, const struct firmware *ret[FIRMWARE_MAX])
{
	char path[PATH_MAX];
	size_t n = 0;

	_Static_assert(ARRAY_SIZE(all) <= FIRMWARE_MAX, "room for all rows");
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (access(firmware_path(s, &all[i], path), F_OK) == 0)
			ret[n++] = &all[i];
	return n;
}
