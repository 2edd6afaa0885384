/* Heads of responses, line by line, and what follows from them. See response.h. */
#include "fetch/response.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "base/util.h"

/* False: there is none, or it is too large. */
static bool take_number(const char **at, uint64_t *ret)
{
	return number_take(at, ret) && *ret != FETCH_SIZE_UNKNOWN;
}

static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* "HTTP/1.1 206 Partial Content" */
static void take_status(struct response *r, const char *line)
{
	const char *at = line + strcspn(line, " ");
	uint64_t status = 0;

	*r = (struct response){ .length = FETCH_SIZE_UNKNOWN, .total = FETCH_SIZE_UNKNOWN };
	if (take_char(&at, ' ') && take_number(&at, &status) && status < 1000)
		r->status = (unsigned)status;
}

/* "bytes 5-9/10", "bytes 5-9/" and an asterisk, "bytes " asterisk "/10" */
static void take_range(struct response *r, const char *at)
{
	bool is_good = strncasecmp(at, "bytes ", 6) == 0;
	bool is_unsatisfied = is_good && at[6] == '*';

	at += is_good ? 6 : 0;
	r->total = FETCH_SIZE_UNKNOWN;
	r->range = RANGE_WRONG;
	if (is_unsatisfied)
		at++;
	else if (!is_good || !take_number(&at, &r->first) || !take_char(&at, '-') ||
		 !take_number(&at, &r->last) || r->last < r->first)
		return;
	if (!take_char(&at, '/') || (!take_char(&at, '*') && !take_number(&at, &r->total)) || *at)
		return;
	if (is_unsatisfied)
		r->range = RANGE_UNSATISFIED;
	else if (r->last < r->total)
		r->range = RANGE_GOOD;
}

/* A value that does not fit, or is no plain text, is none. */
static void take_text(const char *value, char *ret, size_t room)
{
	*ret = '\0';
	if (strlen(value) >= room)
		return;
	for (const char *c = value; *c; c++)
		if (*c < ' ' || *c > '~')
			return;
	strcpy(ret, value);
}

static void take_header(struct response *r, const char *name, const char *value)
{
	const char *at = value;

	if (strcasecmp(name, "Content-Length") == 0) {
		if (!take_number(&at, &r->length) || *at)
			r->length = FETCH_SIZE_UNKNOWN;
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		r->is_chunked = true;
	} else if (strcasecmp(name, "Content-Range") == 0) {
		take_range(r, value);
	} else if (strcasecmp(name, "Content-Type") == 0) {
		take_text(value, r->type, sizeof(r->type));
	} else if (strcasecmp(name, "Last-Modified") == 0) {
		take_text(value, r->modified, sizeof(r->modified));
	} else if (strcasecmp(name, "ETag") == 0) {
		if (*value == '"')
			take_text(value, r->etag, sizeof(r->etag));
	} else if (strcasecmp(name, "Location") == 0) {
		r->has_location = true;
		take_text(value, r->location, sizeof(r->location));
	}
}

void response_line(struct response *r, const char *line, size_t size)
{
	char text[LOCATION_MAX + 32], *value;

	while (size > 0 && strchr("\r\n \t", line[size - 1]))
		size--;
	if (size >= sizeof(text))
		size = sizeof(text) - 1; /* longer than any value that is taken */
	memcpy(text, line, size);
	text[size] = '\0';
	if (strncasecmp(text, "HTTP/", 5) == 0) {
		take_status(r, text);
		return;
	}
	value = strchr(text, ':');
	if (!value)
		return;
	*value++ = '\0';
	take_header(r, text, value + strspn(value, " \t"));
}

bool response_is_interim(const struct response *r)
{
	return r->status >= 100 && r->status < 200 && r->status != 101; /* Switching Protocols */
}

const char *response_validator(const struct response *r)
{
	return *r->etag ? r->etag : r->modified;
}

bool request_has_range(const struct request *q)
{
	return q->offset > 0 || (q->end != FETCH_SIZE_UNKNOWN && q->end != q->size);
}

static void fail(struct verdict *v, enum fetch_reason reason, const char *text, ...) _printf_(3, 4);

static void fail(struct verdict *v, enum fetch_reason reason, const char *text, ...)
{
	va_list ap;

	v->decision = DECISION_FAIL;
	v->reason = reason;
	va_start(ap, text);
	vsnprintf(v->text, sizeof(v->text), text, ap);
	va_end(ap);
}

/* Bytes of two files must not be mixed. The server's own word counts, as far as it gives it; of which kind the validator is,
 * its first character tells. */
static bool has_changed(const struct response *r, const struct request *q)
{
	const char *now = *q->validator == '"' ? r->etag : r->modified;

	return q->offset > 0 && !q->is_size_given && *q->validator && *now &&
	       strcmp(now, q->validator) != 0;
}

/* The size that the server tells, against what is known. */
static void check_size(const struct response *r, const struct request *q, struct verdict *v)
{
	uint64_t told = v->size;

	if (has_changed(r, q)) {
		v->size = FETCH_SIZE_UNKNOWN;
		fail(v, FETCH_WRONG_SIZE, "it changed");
	} else if (told != FETCH_SIZE_UNKNOWN &&
		   ((q->size != FETCH_SIZE_UNKNOWN && told != q->size) || told < q->least)) {
		fail(v, FETCH_WRONG_SIZE, "%s", q->is_size_given ? "" : "it changed");
	} else {
		v->decision = told == q->offset ? DECISION_DONE : DECISION_PASS;
	}
}

/* What a captive portal or a wrong path gives: a page, and not of the size of the file. */
static bool is_page(const struct response *r, const struct request *q)
{
	return strncasecmp(r->type, "text/html", 9) == 0 &&
	       !(q->is_size_given && r->length == q->size);
}

static void judge_whole(const struct response *r, const struct request *q, struct verdict *v)
{
	v->size = r->is_chunked ? FETCH_SIZE_UNKNOWN : r->length;
	v->first = 0;
	if (is_page(r, q))
		fail(v, FETCH_NO_FILE, "%s", r->type);
	else
		check_size(r, q, v);
}

static void judge_part(const struct response *r, const struct request *q, struct verdict *v)
{
	if (!request_has_range(q) || r->range != RANGE_GOOD || r->first != q->offset ||
	    r->last >= q->end) {
		fail(v, FETCH_NOT_HTTP, "it sends another part of the file than was asked for");
		return;
	}
	v->size = r->total;
	v->first = r->first;
	check_size(r, q, v);
}

/* Nothing lies behind the offset: right if the file ends there. */
static void judge_unsatisfied(const struct response *r, const struct request *q, struct verdict *v)
{
	v->size = r->range == RANGE_UNSATISFIED ? r->total : FETCH_SIZE_UNKNOWN;
	if (v->size == q->offset)
		check_size(r, q, v);
	else if (v->size != FETCH_SIZE_UNKNOWN && v->size == q->size)
		fail(v, FETCH_STATUS, "%s", "");
	else
		fail(v, FETCH_WRONG_SIZE, "%s", q->is_size_given ? "" : "it changed");
}

void response_judge(const struct response *r, const struct request *q, struct verdict *ret)
{
	*ret = (struct verdict){ .size = FETCH_SIZE_UNKNOWN };
	if (r->status == 200)
		judge_whole(r, q, ret);
	else if (r->status == 206)
		judge_part(r, q, ret);
	else if (r->status == 416)
		judge_unsatisfied(r, q, ret);
	else if (r->status >= 300 && r->status < 400 && r->has_location)
		ret->decision = DECISION_REDIRECT;
	else
		fail(ret, FETCH_STATUS, "%s", "");
}
