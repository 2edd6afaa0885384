/* The table. Debian 12 has iPXE for x86 only, Debian 13 also for arm64. One for 32-bit UEFI must be built and put
 * there. */
#include "site/site_firmware.h"

#include <unistd.h>

#include "site/site_file.h"

static const struct firmware all[] = {
	{ "bios", { 0 }, 1, "undionly.kpxe", false, false, NULL },
	{ "ia32", { 6 }, 1, "ipxe-i386.efi", false, true, NULL },
	{ "x64", { 7, 9 }, 2, "ipxe.efi", false, false, "uki-x86-64.efi" },
	{ "arm64", { 11 }, 1, "ipxe-arm64.efi", false, true, "uki-aarch64.efi" },
	{ "ia32-http", { 15 }, 1, "ipxe-i386.efi", true, true, NULL },
	{ "x64-http", { 16 }, 1, "ipxe.efi", true, false, "uki-x86-64.efi" },
	{ "arm64-http", { 19 }, 1, "ipxe-arm64.efi", true, true, "uki-aarch64.efi" },
};

size_t firmware_all(const struct firmware **ret)
{
	*ret = all;
	return ARRAY_SIZE(all);
}

const char *firmware_directory(const struct firmware *w)
{
	return w->by_http ? "http" : "tftp";
}

static bool has_program(const struct site *s, const struct firmware *w, const char *program)
{
	char path[PATH_MAX];

	return program &&
	       access(site_path(s, path, "%s/%s", firmware_directory(w), program), F_OK) == 0;
}

size_t firmware_served(const struct site *s, struct firmware ret[FIRMWARE_MAX])
{
	size_t n = 0;

	_Static_assert(ARRAY_SIZE(all) <= FIRMWARE_MAX, "room for all rows");
	for (const struct firmware *w = all; w < all + ARRAY_SIZE(all); w++) {
		bool has_uki = has_program(s, w, w->uki);

		if (!has_uki && !has_program(s, w, w->program))
			continue;
		ret[n] = *w;
		if (has_uki)
			ret[n].program = w->uki;
		n++;
	}
	return n;
}
