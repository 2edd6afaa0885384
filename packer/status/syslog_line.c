/* Field after field, as RFC 5424 lists them. */
#include "status/syslog_line.h"

#include <string.h>

#include "base/util.h"

#define FIELD_MAX 256

struct text {
	const char *at;
	size_t left;
};

static bool take(struct text *t, char c)
{
	if (t->left == 0 || *t->at != c)
		return false;
	t->at++;
	t->left--;
	return true;
}

/* A number of at most three digits. */
static bool take_number(struct text *t, unsigned *ret)
{
	unsigned digits = 0;

	for (*ret = 0; t->left > 0 && digits < 3 && *t->at >= '0' && *t->at <= '9'; digits++) {
		*ret = *ret * 10 + (unsigned)(*t->at++ - '0');
		t->left--;
	}
	return digits > 0;
}

/* Up to the next space, which is taken, too. One that does not fit is cut. "-" stands for none. */
static bool take_field(struct text *t, char *ret, size_t room)
{
	const char *space = memchr(t->at, ' ', t->left);
	size_t n = space ? (size_t)(space - t->at) : t->left, kept = n < room ? n : room - 1;

	if (n == 0 || n > FIELD_MAX || memchr(t->at, '\0', n))
		return false;
	if (n == 1 && *t->at == '-')
		kept = 0;
	memcpy(ret, t->at, kept);
	ret[kept] = '\0';
	t->at += n;
	t->left -= n;
	(void)take(t, ' ');
	return true;
}

/* "[id name="value" ...]": its end is a bracket outside of quotes. */
static bool skip_element(struct text *t)
{
	bool is_quoted = false;

	while (t->left > 0) {
		char c = *t->at;

		if (is_quoted && c == '\\' && t->left > 1)
			(void)take(t, c);
		else if (c == '"')
			is_quoted = !is_quoted;
		(void)take(t, *t->at);
		if (c == ']' && !is_quoted)
			return true;
	}
	return false;
}

static bool skip_structured_data(struct text *t)
{
	if (take(t, '-'))
		return true;
	if (t->left == 0 || *t->at != '[')
		return false;
	while (t->left > 0 && *t->at == '[')
		if (!skip_element(t))
			return false;
	return true;
}

/* What is a NUL in it ends it. */
static void take_rest(struct text *t, char ret[SYSLOG_MESSAGE_MAX])
{
	static const char mark[] = "\xef\xbb\xbf"; /* "this is UTF-8" */
	size_t n;

	if (t->left >= 3 && memcmp(t->at, mark, 3) == 0) {
		t->at += 3;
		t->left -= 3;
	}
	n = t->left < SYSLOG_MESSAGE_MAX ? t->left : SYSLOG_MESSAGE_MAX - 1;
	memcpy(ret, t->at, n);
	while (n > 0 && (ret[n - 1] == '\n' || ret[n - 1] == '\0'))
		n--;
	ret[n] = '\0';
}

bool syslog_line_parse(const char *data, size_t size, struct syslog_line *ret)
{
	struct text t = { data, size };
	char time[FIELD_MAX + 1];
	unsigned priority, version;

	*ret = (struct syslog_line){ 0 };
	if (!take(&t, '<') || !take_number(&t, &priority) || priority > 191 || !take(&t, '>'))
		return false;
	ret->severity = priority & 7;
	if (!take_number(&t, &version) || version != 1 || !take(&t, ' '))
		return true;
	if (!take_field(&t, time, sizeof(time)) || !take_field(&t, ret->host, sizeof(ret->host)) ||
	    !take_field(&t, ret->program, sizeof(ret->program)) ||
	    !take_field(&t, ret->process, sizeof(ret->process)) ||
	    !take_field(&t, ret->kind, sizeof(ret->kind)) || !skip_structured_data(&t))
		return false;
	(void)take(&t, ' ');
	take_rest(&t, ret->text);
	return true;
}
