/* A table of reasons, and those that have numbers in them. */
#include "fetch/receive_fail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"

static const struct {
	int error;
	const char *why, *todo;
} reasons[FETCH_N_REASONS] = {
	[FETCH_NO_NAME] = { EHOSTUNREACH, "the server's name cannot be resolved",
			    "Correct the name, or the name server that this machine is given." },
	[FETCH_NO_ROUTE] = { EHOSTUNREACH, "there is no route to the server",
			     "Check address, netmask and gateway of this machine." },
	[FETCH_REFUSED] = { ECONNREFUSED, "nobody listens there",
			    "Start the server, or correct the port in the URL." },
	[FETCH_NO_ANSWER] = { ETIMEDOUT, "the server does not answer",
			      "Check that the server runs, and that no firewall is in between." },
	[FETCH_STALLED] = { ETIMEDOUT, "the server stopped sending",
			    "Look at the load of the server and of the network." },
	[FETCH_CUT] = { EPIPE, "the connection ended early",
			"Look at the server's log: the file may have been replaced meanwhile." },
	[FETCH_STATUS] = { EREMOTEIO, "the server refuses it", "Look at the server's log." },
	[FETCH_WRONG_SIZE] = { EBADMSG, "it is another file than the manifest describes",
			       "Publish boot part and payload of the same version." },
	[FETCH_NO_FILE] = { EBADMSG, "a page came instead of the file",
			    "Correct the URL; a proxy or a login page of the network may have "
			    "answered." },
	[FETCH_REDIRECTS] = { ELOOP, "it is redirected in a circle, or to what is not http:",
			      "Give the URL where the file lies." },
	[FETCH_LONG_HEADERS] = { EBADMSG, "the server's answer has too many headers",
				 "Correct the URL: this is no usual HTTP server." },
	[FETCH_NOT_HTTP] = { EBADMSG, "what answers there does not speak HTTP",
			     "Correct host and port in the URL." },
	[FETCH_OTHER] = { EIO, "it cannot be fetched", "Look at the server's log." },
};

static int explain_status(uint32_t status, const char *what, struct fail *ret)
{
	if (status == 404 || status == 410)
		return fail_set(ret, ENOENT, what, "Publish it there, or correct the URL.",
				"the server does not have it (%u)", status);
	if (status == 401 || status == 403 || status == 407)
		return fail_set(ret, EACCES, what, "Let the server give it to everybody.",
				"the server refuses to give it (%u)", status);
	return fail_set(ret, EREMOTEIO, what, "Look at the server's log.",
			"the server answers with status %u", status);
}

static int explain_size(const struct fetch_message *m, uint64_t size, const char *what,
			struct fail *ret)
{
	if (m->size == FETCH_SIZE_UNKNOWN || size == FETCH_SIZE_UNKNOWN)
		return fail_set(ret, EBADMSG, what,
				"Publish files under new names, and leave the old ones until "
				"nobody boots from them.",
				"it changed while it was fetched");
	return fail_set(ret, EBADMSG, what, "Publish boot part and payload of the same version.",
			"it is %s than its manifest says: %llu bytes, not %llu",
			m->size < size ? "shorter" : "longer", (unsigned long long)m->size,
			(unsigned long long)size);
}

void receive_explain(const struct fetch_message *m, const struct url *url, uint64_t size,
		     struct fail *ret)
{
	uint32_t reason = m->reason < FETCH_N_REASONS ? m->reason : FETCH_OTHER;
	char text[FETCH_TEXT_MAX + 1] = "";

	memcpy(text, m->text, FETCH_TEXT_MAX);
	if (reason == FETCH_STATUS)
		(void)explain_status(m->status, url->text, ret);
	else if (reason == FETCH_WRONG_SIZE)
		(void)explain_size(m, size, url->text, ret);
	else
		(void)fail_set(ret, reasons[reason].error, url->text, reasons[reason].todo,
			       "%s%s%s%s", reasons[reason].why, *text ? " (" : "", text,
			       *text ? ")" : "");
}
