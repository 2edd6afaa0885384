#include "parameters/log_server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool log_server_parse(const char *text, struct url *ret)
{
	const char *bracket = strrchr(text, ']');
	char url[LOG_SERVER_MAX + 16];
	struct in6_addr unused;
	struct fail f;

	if (strpbrk(text, "/?")) /* a URL has more behind the port */
		return false;
	if (inet_pton(AF_INET6, text, &unused) == 1)
		snprintf(url, sizeof(url), "http://[%s]:514", text);
	else if (strchr(bracket ? bracket : text, ':'))
		snprintf(url, sizeof(url), "http://%s", text);
	else
		snprintf(url, sizeof(url), "http://%s:514", text);
	return url_parse(url, ret, &f) == 0;
}
