/* A command is printed with the directory of the site and the file behind it. */
#include "site/site_units.h"

void site_units_print(const struct site_config *c, const char *what, const char *command,
		      const char *file)
{
	char serve[PATH_MAX + 8];

	snprintf(serve, sizeof(serve), "%s serve", c->tarboot);
	fprintf(c->out,
		"# /etc/systemd/system/; the program's own unit must be off\n"
		"[Unit]\nDescription=%s for tarboot\nWants=network-online.target\n"
		"After=network-online.target\n"
		"# The address may come late, or tarboot netboot be at work.\n"
		"StartLimitIntervalSec=0\n\n"
		"[Service]\nExecStart=%s %s%s\nRestart=on-failure\nRestartSec=5\n"
		"LimitNOFILE=65536\n\n"
		"[Install]\nWantedBy=multi-user.target\n",
		what, command ? command : serve, c->directory, file);
}
