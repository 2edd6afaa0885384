/* What the kernel says of a device never names a node outside /dev. */
#include "devices/uevent.h"

#include "fuzz.h"

static bool is_inside(const char *text, const char *part)
{
	return !part || (part >= text && memchr(part, '\0', 1 + strlen(part)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);
	struct uevent u;

	if (uevent_parse(text, size, &u)) {
		fuzz_accepted++;
		promise(u.modalias || u.devname);
		promise(is_inside(text, u.action) && is_inside(text, u.modalias));
		promise(is_inside(text, u.subsystem));
		promise(u.mode <= 0777);
		if (u.devname)
			promise(*u.devname && *u.devname != '/' && !strstr(u.devname, "//") &&
				strcmp(u.devname, "..") != 0 && strncmp(u.devname, "../", 3) != 0 &&
				!strstr(u.devname, "/../"));
	}
	free(text);
	return 0;
}
