/* What the kernel says of devices: messages and uevent files, whole, cut, and hostile. */
#include "devices/uevent.h"

#include "tap.h"

/* As one line; "" when nothing is said. Blanks in the text stand for NUL, as messages have it. */
static const char *parse(const char *text, char separator)
{
	static char line[512];
	char copy[512];
	struct uevent u;
	size_t n = strlen(text);

	memcpy(copy, text, n + 1);
	for (size_t i = 0; i < n; i++)
		if (copy[i] == ' ')
			copy[i] = separator;
	if (!uevent_parse(copy, n, &u))
		return "";
	snprintf(line, sizeof(line), "%s|%s|%s|%s|", u.action ? u.action : "",
		 u.subsystem ? u.subsystem : "", u.modalias ? u.modalias : "",
		 u.devname ? u.devname : "");
	n = strlen(line);
	if (u.devname)
		snprintf(line + n, sizeof(line) - n, "%u:%u %o", u.major, u.minor, u.mode);
	return line;
}

static const struct {
	const char *text, *want;
} cases[] = {
	{ "add@/devices/x ACTION=add DEVPATH=/devices/x SUBSYSTEM=usb MODALIAS=usb:v1p2 SEQNUM=9",
	  "add|usb|usb:v1p2||" },
	{ "ACTION=add SUBSYSTEM=block MAJOR=8 MINOR=1 DEVNAME=sda1 DEVTYPE=partition",
	  "add|block||sda1|8:1 600" },
	{ "MAJOR=1 MINOR=3 DEVNAME=null DEVMODE=0666", "|||null|1:3 666" },
	{ "DEVNAME=bus/usb/001/002 MAJOR=189 MINOR=1", "|||bus/usb/001/002|189:1 600" },
	{ "MAJOR=10 MINOR=1048575 DEVNAME=a..b/.c", "|||a..b/.c|10:1048575 600" },
	{ "DRIVER=pcieport MODALIAS=pci:v8086 MODALIAS=", "||||" },

	/* nothing to act on */
	{ "", "" },
	{ "ACTION=add DEVPATH=/devices/x", "" },
	{ "DEVNAME=sda", "" },
	{ "DEVNAME=sda MAJOR=8", "" },
	{ "DEVNAME=sda MINOR=8", "" },
	{ "XMODALIAS=a MODALIASX=b modalias=c MODALIAS", "" },

	/* names that would leave /dev, numbers that are none */
	{ "MAJOR=1 MINOR=3 DEVNAME=../etc/passwd", "" },
	{ "MAJOR=1 MINOR=3 DEVNAME=/etc/passwd", "" },
	{ "MAJOR=1 MINOR=3 DEVNAME=a//b", "" },
	{ "MAJOR=1 MINOR=3 DEVNAME=a/..", "" },
	{ "MAJOR=1 MINOR=3 DEVNAME=a/./b", "" },
	{ "MAJOR=1 MINOR=3 DEVNAME=a/", "" },
	{ "MAJOR=1 MINOR=3 DEVNAME=", "" },
	{ "MAJOR=-1 MINOR=3 DEVNAME=a", "" },
	{ "MAJOR=1x MINOR=3 DEVNAME=a", "" },
	{ "MAJOR= MINOR=3 DEVNAME=a", "" },
	{ "MAJOR=1 MINOR=99999999999 DEVNAME=a", "" },
	{ "MAJOR=1 MINOR=3 DEVNAME=.. MODALIAS=m", "||m||" },
	{ "MAJOR=1 MINOR=3 DEVNAME=a DEVMODE=07777", "|||a|1:3 777" },
	{ "MAJOR=1 MINOR=3 DEVNAME=a DEVMODE=9", "|||a|1:3 600" },
};

int main(void)
{
	char whole[] = "add@/x\0ACTION=add\0MODALIAS=m\0", cut[sizeof(whole)];
	struct uevent u;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		is_str(parse(cases[i].text, '\0'), cases[i].want, "message: %s", cases[i].text);
		is_str(parse(cases[i].text, '\n'), cases[i].want, "file: %s", cases[i].text);
	}
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		memcpy(cut, whole, n);
		cut[n] = '\0';
		ok(uevent_parse(cut, n, &u) == (n >= strlen("add@/x.ACTION=add.MODALIAS=")),
		   "cut after %zu bytes", n);
	}
	return done_testing();
}
