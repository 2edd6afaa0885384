/* libcurl asks for the file, calls back with lines and bytes, and is watched by clocks of our own. See transfer.h. */
#include "fetch/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define BUFFER_BYTES (512 << 10)
#define HEAD_BYTES_MAX \
	(128 << 10) /* of all responses to one request; libcurl itself allows 300 KB and more */
#define REDIRECTS_MAX 5
#define LOOK_MS 250 /* between looks at the clocks */
#define GATHER_MS 25
#define GATHER_BYTES (256 << 10)

/* ---- errors ---- */

/* The first row that fits counts; error: of the system, 0 = any. A row without a text leaves what libcurl wrote out: the
 * reason says it all. */
static const struct {
	CURLcode code;
	int error;
	enum fetch_reason reason;
	bool has_text;
} reasons[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, 0, FETCH_NO_NAME, false },
	{ CURLE_COULDNT_RESOLVE_PROXY, 0, FETCH_NO_NAME, false },
	{ CURLE_COULDNT_CONNECT, ECONNREFUSED, FETCH_REFUSED, false },
	{ CURLE_COULDNT_CONNECT, ECONNRESET, FETCH_REFUSED, false },
	{ CURLE_COULDNT_CONNECT, ETIMEDOUT, FETCH_NO_ANSWER, false },
	{ CURLE_COULDNT_CONNECT, ENETUNREACH, FETCH_NO_ROUTE, false },
	{ CURLE_COULDNT_CONNECT, ENETDOWN, FETCH_NO_ROUTE, false },
	{ CURLE_COULDNT_CONNECT, EHOSTUNREACH, FETCH_NO_ROUTE, false },
	{ CURLE_COULDNT_CONNECT, EHOSTDOWN, FETCH_NO_ROUTE, false },
	{ CURLE_COULDNT_CONNECT, EADDRNOTAVAIL, FETCH_NO_ROUTE, false },
	{ CURLE_OPERATION_TIMEDOUT, 0, FETCH_NO_ANSWER, false },
	{ CURLE_RECV_ERROR, EHOSTUNREACH, FETCH_NO_ROUTE, false },
	{ CURLE_RECV_ERROR, ENETUNREACH, FETCH_NO_ROUTE, false },
	{ CURLE_RECV_ERROR, ETIMEDOUT, FETCH_STALLED, false },
	{ CURLE_RECV_ERROR, ECONNRESET, FETCH_CUT, false },
	{ CURLE_SEND_ERROR, 0, FETCH_CUT, false },
	{ CURLE_GOT_NOTHING, 0, FETCH_CUT, false },
	{ CURLE_PARTIAL_FILE, 0, FETCH_CUT, false },
	{ CURLE_TOO_LARGE, 0, FETCH_LONG_HEADERS, false },
	{ CURLE_RECV_ERROR, 0, FETCH_NOT_HTTP, true },
	{ CURLE_WEIRD_SERVER_REPLY, 0, FETCH_NOT_HTTP, true },
	{ CURLE_UNSUPPORTED_PROTOCOL, 0, FETCH_NOT_HTTP, true },
	{ CURLE_BAD_CONTENT_ENCODING, 0, FETCH_NOT_HTTP, true },
};

static void fail(struct fetch_message *m, enum fetch_reason reason, const char *text)
{
	size_t size = strnlen(text, sizeof(m->text) - 1);

	m->reason = reason;
	memcpy(m->text, text, size);
	m->text[size] = '\0';
}

static void explain_code(const struct transfer *t, CURLcode code, struct fetch_message *m)
{
	long error = 0;
	char number[32];

	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].code != code || (reasons[i].error && reasons[i].error != error))
			continue;
		fail(m, reasons[i].reason, reasons[i].has_text ? t->error : "");
		return;
	}
	if (code == CURLE_COULDNT_CONNECT && error)
		fail(m, FETCH_OTHER, strerror((int)error));
	else if (*t->error)
		fail(m, FETCH_OTHER, t->error);
	else {
		snprintf(number, sizeof(number), "libcurl error %d", (int)code);
		fail(m, FETCH_OTHER, number);
	}
}

/* As libcurl finds it in the environment. */
static const char *environment_proxy(void)
{
	static const char *const names[] = { "http_proxy", "all_proxy", "ALL_PROXY" };
	const char *value = NULL;

	for (size_t i = 0; (!value || !*value) && i < ARRAY_SIZE(names); i++)
		value = getenv(names[i]);
	return value ? value : "";
}

/* HOST:PORT, without what stands before an @: that may be a password. */
static void name_proxy(const struct download *d, char ret[FETCH_PROXY_MAX])
{
	bool is_of_environment = strcmp(d->proxy, FETCH_PROXY_OF_ENVIRONMENT) == 0;
	const char *at = is_of_environment ? environment_proxy() : d->proxy;
	const char *scheme = strstr(at, "://"), *user;
	size_t size;

	if (scheme)
		at = scheme + 3;
	size = strcspn(at, "/");
	user = memrchr(at, '@', size);
	if (user) {
		size -= (size_t)(user + 1 - at);
		at = user + 1;
	}
	snprintf(ret, FETCH_PROXY_MAX, "%.*s", (int)size, at);
}

/* ---- what libcurl calls ---- */

static void tell_answer(struct transfer *t)
{
	struct fetch_message m = {
		.kind = FETCH_ANSWERED,
		.url = (uint32_t)t->url,
		.status = t->response.status,
		.size = t->verdict.size,
		.offset = t->d->offset,
	};

	snprintf(m.text, sizeof(m.text), "%s", response_validator(&t->response));
	download_tell(t->d, &m);
}

/* The body is good: it is passed on from now on. */
static void accept_response(struct transfer *t)
{
	struct download *d = t->d;

	if (t->verdict.size != FETCH_SIZE_UNKNOWN && d->size == FETCH_SIZE_UNKNOWN) {
		d->size = t->verdict.size;
		d->size_url = t->url;
	}
	strcpy(d->validators[t->url], response_validator(&t->response));
	t->at = t->verdict.first;
	t->stop = min_u64(d->end, d->size);
	t->window = now_usec() - d->blocked;
	t->window_bytes = 0;
	tell_answer(t);
}

static size_t on_head(char *line, size_t one, size_t size, void *arg)
{
	struct transfer *t = arg;

	(void)one;
	t->head_bytes += size;
	if (t->head_bytes > HEAD_BYTES_MAX)
		return CURL_WRITEFUNC_ERROR;
	if (t->is_judged) /* headers behind a chunked body */
		return size;
	response_line(&t->response, line, size);
	if (*line != '\r' && *line != '\n')
		return size;
	if (response_is_interim(&t->response))
		return size;
	t->is_judged = true;
	response_judge(&t->response, &t->request, &t->verdict);
	if (t->verdict.decision != DECISION_PASS)
		return CURL_WRITEFUNC_ERROR;
	accept_response(t);
	return t->d->is_reader_gone ? CURL_WRITEFUNC_ERROR : size;
}

/* A body whose length the server does not tell may end where the file ends, or go on. Nobody can take back a byte, so the last
 * one waits until that is known. */
static bool must_hold(const struct transfer *t)
{
	return t->verdict.size == FETCH_SIZE_UNKNOWN && t->stop == t->d->size;
}

/* Bytes of the body that are wanted. */
static int pass_on(struct transfer *t, const char *data, uint64_t size)
{
	uint64_t room = t->stop - t->at;

	if (must_hold(t)) {
		t->is_too_long = size > room;
		if (t->is_too_long)
			return -EFBIG;
		if (size == room && size > 0) {
			t->held = (uint8_t)data[--size];
			t->is_held = true;
		}
		t->at += t->is_held;
	} else if (size >= room) {
		size = room;
		t->is_stopped = true;
	}
	t->at += size;
	return download_write(t->d, data, size);
}

/* libcurl may take for the end of a head what is none for us: "HTTP/3.1 100". */
static size_t on_body(char *data, size_t one, size_t size, void *arg)
{
	struct transfer *t = arg;
	uint64_t skip = min_u64(size, t->d->offset > t->at ? t->d->offset - t->at : 0);

	(void)one;
	if (!t->is_judged) {
		t->is_judged = true;
		t->verdict.decision = DECISION_FAIL;
		t->verdict.reason = FETCH_NOT_HTTP;
		return CURL_WRITEFUNC_ERROR;
	}
	t->window_bytes += size;
	t->body_bytes += size;
	t->at += skip;
	if (skip < size && pass_on(t, data + skip, size - skip) < 0)
		return CURL_WRITEFUNC_ERROR;
	return t->is_stopped ? CURL_WRITEFUNC_ERROR : size;
}

static int on_request(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct transfer *t = arg;

	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	t->asked = now_usec();
	return CURL_PREREQFUNC_OK;
}

/* ---- one request ---- */

static struct curl_slist *set_range(struct transfer *t)
{
	const struct request *q = &t->request;
	char text[FETCH_TEXT_MAX + 16];

	curl_easy_setopt(t->easy, CURLOPT_RANGE, NULL);
	if (!request_has_range(q))
		return NULL;
	snprintf(text, sizeof(text), "%llu-", (unsigned long long)q->offset);
	if (q->end != FETCH_SIZE_UNKNOWN)
		snprintf(text + strlen(text), 24, "%llu", (unsigned long long)q->end - 1);
	curl_easy_setopt(t->easy, CURLOPT_RANGE, text);
	snprintf(text, sizeof(text), "If-Range: %s", q->validator);
	return *q->validator ? curl_slist_append(NULL, text) : NULL;
}

/* May the file end before what is wanted of it? Whoever asks for a part in its middle knows that it does not. */
static bool may_be_short(const struct transfer *t)
{
	return t->start == 0 || t->d->end == FETCH_SIZE_UNKNOWN;
}

static void prepare(struct transfer *t, size_t url)
{
	struct download *d = t->d;

	t->url = url;
	t->request = (struct request){
		.offset = d->offset,
		.end = d->end,
		.size = d->size,
		.least = may_be_short(t) ? d->offset : d->end,
		.is_size_given = d->is_size_given,
		.validator = d->validators[url],
	};
	if (d->offset == 0 && !d->is_size_given) /* nothing is here that another file would spoil */
		t->request.size = d->size = FETCH_SIZE_UNKNOWN;
	if (d->offset == 0)
		*d->validators[url] = '\0';
	t->response = (struct response){ .length = FETCH_SIZE_UNKNOWN };
	t->verdict = (struct verdict){ .size = FETCH_SIZE_UNKNOWN };
	t->is_judged = t->is_held = t->is_too_long = t->is_stopped = false;
	t->asked = t->body_bytes = 0;
	*t->error = '\0';
}

/* Is the head of the response late, or do too few bytes come? The time in which the reader did not read does not count. */
static bool is_late(struct transfer *t, struct fetch_message *m)
{
	uint64_t now = now_usec(), ready = now - t->d->blocked;

	if (!t->is_judged) {
		if (t->asked == 0 || now - t->asked < t->d->limits.response * 1000)
			return false;
		fail(m, FETCH_NO_ANSWER, "");
		return true;
	}
	if (ready - t->window < t->d->limits.stall * 1000)
		return false;
	if (t->window_bytes < STALL_BYTES) {
		fail(m, FETCH_STALLED, "");
		return true;
	}
	t->window = ready;
	t->window_bytes = 0;
	return false;
}

/* A pause after few bytes, so that more come at once: on a slow line each packet would wake fetcher and receiver, which costs
 * more than the bytes. It lasts as long as so many bytes take, which any socket can hold, so that no line is kept waiting. */
static void gather(const struct transfer *t, uint64_t bytes_before)
{
	uint64_t bytes = t->body_bytes - bytes_before, pause;

	if (bytes == 0 || bytes >= GATHER_BYTES)
		return;
	pause = (now_usec() - t->asked) / 1000 * GATHER_BYTES / t->body_bytes;
	download_wait(t->d, (int)min_u64(pause, GATHER_MS));
}

/* Until libcurl is done: 0 and its code. Before that, -EAGAIN with *m, -EPIPE when the reader is gone. */
static int drive(struct transfer *t, CURLcode *ret, struct fetch_message *m)
{
	struct curl_waitfd fds[] = { { .fd = t->d->bytes }, { .fd = t->d->messages } };
	uint64_t before;
	int running = 1, n;

	for (;;) {
		before = t->body_bytes;
		if (curl_multi_perform(t->multi, &running) != CURLM_OK) {
			*ret = CURLE_OUT_OF_MEMORY;
			return 0;
		}
		if (!running)
			break;
		gather(t, before);
		(void)curl_multi_poll(t->multi, fds, ARRAY_SIZE(fds), LOOK_MS, NULL);
		download_wait(t->d, 0);
		if (t->d->is_reader_gone)
			return -EPIPE;
		if (is_late(t, m))
			return -EAGAIN;
	}
	*ret = CURLE_OK;
	for (CURLMsg *message; (message = curl_multi_info_read(t->multi, &n));)
		*ret = message->data.result;
	return t->d->is_reader_gone ? -EPIPE : 0;
}

/* Returns as drive(). */
static int add_and_drive(struct transfer *t, CURLcode *ret, struct fetch_message *m)
{
	int r;

	*ret = CURLE_OUT_OF_MEMORY;
	if (curl_multi_add_handle(t->multi, t->easy) != CURLM_OK)
		return 0;
	r = drive(t, ret, m);
	curl_multi_remove_handle(t->multi, t->easy);
	return r;
}

/* IPv4 alone, too: dnsmasq without servers above it refuses to say whether its names have IPv6 addresses, and a refusal is an
 * error to musl, even if the other question was answered. (libcurl never asks for IPv6 alone.) Returns as drive(). */
static int drive_by_family(struct transfer *t, CURLcode *ret, struct fetch_message *m)
{
	int r;

	curl_easy_setopt(t->easy, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_WHATEVER);
	r = add_and_drive(t, ret, m);
	if (r < 0 || (*ret != CURLE_COULDNT_RESOLVE_HOST && *ret != CURLE_COULDNT_RESOLVE_PROXY))
		return r;
	curl_easy_setopt(t->easy, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
	return add_and_drive(t, ret, m);
}

static int request(struct transfer *t, const char *target, CURLcode *ret, struct fetch_message *m)
{
	struct curl_slist *headers = set_range(t);
	long by_proxy = 0;
	int r;

	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(t->easy, CURLOPT_URL, target);
	r = drive_by_family(t, ret, m);
	curl_easy_getinfo(t->easy, CURLINFO_USED_PROXY, &by_proxy);
	t->is_by_proxy = by_proxy || *ret == CURLE_COULDNT_RESOLVE_PROXY;
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return r;
}

/* ---- what came of it ---- */

/* Where a body ends whose length nobody tells, the file ends. Of a part that is wanted, one that is not in chunks may have been cut:
 * it counts when the try before came no further, but not an empty one, which needs no try before it. */
static bool has_file_ended(const struct transfer *t)
{
	const struct download *d = t->d;

	if (d->size != FETCH_SIZE_UNKNOWN || d->offset != t->at)
		return false;
	return t->stop == FETCH_SIZE_UNKNOWN ||
	       (may_be_short(t) && t->response.status == 200 &&
		(t->response.is_chunked || (t->at > 0 && t->request.offset == t->at)));
}

/* The body has ended as HTTP has it: was that the end of the file? */
static int end_of_body(struct transfer *t, struct fetch_message *m)
{
	struct download *d = t->d;

	if (t->is_held && download_write(d, &t->held, 1) < 0)
		return -EPIPE;
	if (has_file_ended(t))
		d->size = t->at;
	if (download_is_complete(d))
		return 0;
	if (t->response.is_chunked) {
		m->size = t->at;
		fail(m, FETCH_WRONG_SIZE, "");
	} else {
		fail(m, FETCH_CUT, "");
	}
	return -EAGAIN;
}

static int conclude(struct transfer *t, CURLcode code, struct fetch_message *m)
{
	m->size = t->verdict.size;
	if (t->is_stopped)
		return 0;
	if (t->is_judged && t->verdict.decision == DECISION_DONE) {
		t->d->size = t->d->offset;
		return 0;
	}
	if (code == CURLE_OK && t->is_judged)
		return end_of_body(t, m);
	if (t->is_judged && t->verdict.decision == DECISION_FAIL)
		fail(m, t->verdict.reason, t->verdict.text);
	else if (t->is_too_long)
		fail(m, FETCH_WRONG_SIZE, "");
	else if (t->head_bytes > HEAD_BYTES_MAX)
		fail(m, FETCH_LONG_HEADERS, "");
	else if (code == CURLE_OK) /* in the middle of the head */
		fail(m, FETCH_CUT, "");
	else
		explain_code(t, code, m);
	return -EAGAIN;
}

/* Where a redirect leads, from target: the URL, which the caller frees (libcurl's memory is malloc's); NULL: not to http:, with *m. */
static char *follow(const struct transfer *t, const char *target, struct fetch_message *m)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *next = NULL;
	const char *location = t->response.location;

	if (!u || !*location || curl_url_set(u, CURLUPART_URL, target, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    strcmp(scheme, "http") != 0 || curl_url_get(u, CURLUPART_URL, &next, 0) != CURLUE_OK) {
		fail(m, FETCH_REDIRECTS, location);
		next = NULL;
	}
	curl_free(scheme);
	curl_url_cleanup(u);
	return next;
}

static int run(struct transfer *t, size_t url, char **target, struct fetch_message *m)
{
	char *next;
	CURLcode code;
	int r;

	for (unsigned redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
		prepare(t, url);
		r = request(t, *target, &code, m);
		if (r < 0)
			return r;
		if (!t->is_judged || t->verdict.decision != DECISION_REDIRECT)
			return conclude(t, code, m);
		next = follow(t, *target, m);
		if (!next)
			return -EAGAIN;
		free(*target);
		*target = next;
	}
	fail(m, FETCH_REDIRECTS, t->response.location);
	return -EAGAIN;
}

int transfer_run(struct transfer *t, size_t url, struct fetch_message *m)
{
	_cleanup_free_ char *target = strdup(t->d->urls[url].text);
	int r;

	*m = (struct fetch_message){ .kind = FETCH_FAILED,
				     .url = (uint32_t)url,
				     .size = FETCH_SIZE_UNKNOWN };
	t->head_bytes = 0;
	t->is_by_proxy = false;
	if (target) {
		r = run(t, url, &target, m);
	} else {
		fail(m, FETCH_OTHER, strerror(ENOMEM));
		r = -EAGAIN;
	}
	if (t->is_by_proxy)
		name_proxy(t->d, m->proxy);
	m->status = t->response.status;
	m->offset = t->d->offset;
	return r;
}

/* ---- the handles ---- */

static void set_options(struct transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "tarboot/" TARBOOT_VERSION);
	if (strcmp(t->d->proxy, FETCH_PROXY_OF_ENVIRONMENT) != 0) {
		curl_easy_setopt(t->easy, CURLOPT_PROXY,
				 t->d->proxy); /* "": none, whatever the environment says */
		curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "");
	}
	curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)t->d->limits.connect);
	curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
}

int transfer_open(struct transfer *t, struct download *d)
{
	*t = (struct transfer){ .d = d, .start = d->offset };
	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
		return -ENOMEM;
	t->multi = curl_multi_init();
	t->easy = curl_easy_init();
	if (!t->multi || !t->easy) {
		transfer_close(t);
		return -ENOMEM;
	}
	set_options(t);
	return 0;
}

void transfer_close(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_multi_cleanup(t->multi);
	curl_global_cleanup();
	*t = (struct transfer){ 0 };
}
