/* One sentence for each reason. */
#include "fetch/receive_fail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What has gone wrong, of all that a failure is made of. */
struct trouble {
	uint32_t reason;
	uint32_t status;
	uint64_t told, size; /* bytes of the file: as the server says, as it should be */
	const char *what;
	char proxy[FETCH_PROXY_MAX];     /* that was asked; "" = none */
	char detail[FETCH_TEXT_MAX + 4]; /* " (…)", or "" */
	char by[FETCH_PROXY_MAX + 16];   /* " (by the proxy …)", or "" */
};

static const char todo_proxy[] =
	"Start the proxy, or correct where it is given: tarboot.proxy=, or "
	"the environment's http_proxy.";

/* On the way to the proxy. 0: it is none of these. */
static int explain_proxy(const struct trouble *t, struct fail *ret)
{
	switch (t->reason) {
	case FETCH_NO_NAME:
		return fail_set(ret, EHOSTUNREACH, t->what, todo_proxy,
				"the name of the proxy %s cannot be resolved%s", t->proxy,
				t->detail);
	case FETCH_NO_ROUTE:
		return fail_set(ret, EHOSTUNREACH, t->what, todo_proxy,
				"there is no route to the proxy %s%s", t->proxy, t->detail);
	case FETCH_REFUSED:
		return fail_set(ret, ECONNREFUSED, t->what, todo_proxy,
				"nobody listens at the proxy %s%s", t->proxy, t->detail);
	case FETCH_NO_ANSWER:
		return fail_set(ret, ETIMEDOUT, t->what, todo_proxy,
				"the proxy %s does not answer%s", t->proxy, t->detail);
	default:
		return 0;
	}
}

/* On the way to the server. 0: it is none of these. */
static int explain_way(const struct trouble *t, struct fail *ret)
{
	switch (t->reason) {
	case FETCH_NO_NAME:
		return fail_set(ret, EHOSTUNREACH, t->what,
				"Correct the name, or the name server that this machine is given.",
				"the server's name cannot be resolved%s", t->detail);
	case FETCH_NO_ROUTE:
		return fail_set(ret, EHOSTUNREACH, t->what,
				"Check address, netmask and gateway of this machine.",
				"there is no route to the server%s", t->detail);
	case FETCH_REFUSED:
		return fail_set(ret, ECONNREFUSED, t->what,
				"Start the server, or correct the port in the URL.",
				"nobody listens there%s", t->detail);
	case FETCH_NO_ANSWER:
		return fail_set(ret, ETIMEDOUT, t->what,
				"Check that the server runs, and that no firewall is in between.",
				"the server does not answer%s", t->detail);
	case FETCH_STALLED:
		return fail_set(ret, ETIMEDOUT, t->what,
				"Look at the load of the server and of the network.",
				"the server stopped sending%s%s", t->detail, t->by);
	case FETCH_CUT:
		return fail_set(ret, EPIPE, t->what,
				"Look at the server's log: it may have been restarted, or the file "
				"replaced.",
				"the connection ended early%s%s", t->detail, t->by);
	default:
		return 0;
	}
}

static int explain_status(const struct trouble *t, struct fail *ret)
{
	if (t->status == 404 || t->status == 410)
		return fail_set(ret, ENOENT, t->what, "Publish it there, or correct the URL.",
				"the server does not have it (%u)%s", t->status, t->by);
	if (t->status == 407)
		return fail_set(ret, EACCES, t->what,
				"Use a proxy that asks nobody for a password, or none.",
				"the proxy%s%s refuses to get it (407)", *t->proxy ? " " : "",
				t->proxy);
	if (t->status == 401 || t->status == 403)
		return fail_set(ret, EACCES, t->what, "Let the server give it to everybody.",
				"the server refuses to give it (%u)%s", t->status, t->by);
	return fail_set(ret, EREMOTEIO, t->what, "Look at the server's log.",
			"the server answers with status %u%s", t->status, t->by);
}

static int explain_size(const struct trouble *t, struct fail *ret)
{
	if (t->told == FETCH_SIZE_UNKNOWN || t->size == FETCH_SIZE_UNKNOWN)
		return fail_set(
			ret, EBADMSG, t->what,
			"Publish files under new names, and leave the old ones until nobody "
			"boots from them.",
			"it changed while it was fetched%s", t->detail);
	return fail_set(ret, EBADMSG, t->what,
			"Copy the payload to that server again, or publish boot part and payload "
			"of the same "
			"version.",
			"it is %s than its manifest says: %llu bytes, not %llu",
			t->told < t->size ? "shorter" : "longer", (unsigned long long)t->told,
			(unsigned long long)t->size);
}

/* What the server answers. */
static int explain_answer(const struct trouble *t, struct fail *ret)
{
	switch (t->reason) {
	case FETCH_STATUS:
		return explain_status(t, ret);
	case FETCH_WRONG_SIZE:
		return explain_size(t, ret);
	case FETCH_NO_FILE:
		return fail_set(ret, EBADMSG, t->what,
				"Correct the URL; a proxy or a login page of the network may have "
				"answered.",
				"a page came instead of the file%s%s", t->detail, t->by);
	case FETCH_REDIRECTS:
		return fail_set(ret, ELOOP, t->what, "Give the URL where the file lies.",
				"it is redirected too often, or to what is no http: URL%s",
				t->detail);
	case FETCH_LONG_HEADERS:
		return fail_set(ret, EBADMSG, t->what,
				"Correct the URL: this is no usual HTTP server.",
				"the server's answer has too many headers%s", t->detail);
	case FETCH_NOT_HTTP:
		return fail_set(ret, EBADMSG, t->what, "Correct host and port in the URL.",
				"what answers there does not speak HTTP%s%s", t->detail, t->by);
	default:
		return fail_set(ret, EIO, t->what, "Look at the server's log.",
				"it cannot be fetched%s%s", t->detail, t->by);
	}
}

void receive_explain(const struct fetch_message *m, const struct url *url, uint64_t size,
		     struct fail *ret)
{
	struct trouble t = {
		.reason = m->reason,
		.status = m->status,
		.told = m->size,
		.size = size,
		.what = url->text,
	};

	if (m->text[0])
		snprintf(t.detail, sizeof(t.detail), " (%.*s)", FETCH_TEXT_MAX, m->text);
	if (m->proxy[0]) {
		snprintf(t.proxy, sizeof(t.proxy), "%.*s", FETCH_PROXY_MAX - 1, m->proxy);
		snprintf(t.by, sizeof(t.by), " (by the proxy %s)", t.proxy);
	}
	if ((!*t.proxy || explain_proxy(&t, ret) == 0) && explain_way(&t, ret) == 0)
		(void)explain_answer(&t, ret);
}
