#include "parameters/log_server.h"

#include <stdio.h>
#include <string.h>

bool log_server_parse(const char *text, struct url *ret)
{
	const char *bracket = strrchr(text, ']');
	char url[LOG_SERVER_MAX + 16];
	struct fail f;

	if (strpbrk(text, "/?")) /* a URL has more behind the port */
		return false;
	snprintf(url, sizeof(url),
		 strchr(bracket ? bracket : text, ':') ? "http://%s" : "http://%s:514", text);
	return url_parse(url, ret, &f) == 0;
}
