/*
 * What servers answer to the fetcher, through libcurl as it is built. The first byte says what is wanted of which file; then
 * follow the responses, one for each connection, with SPLIT between. Whatever they are: no byte is written that was not asked
 * for, the count of those written is right, and a failure has its reason.
 */
#include "fetch/transfer.h"

#include <sys/socket.h>

#include "fuzz.h"

#define SPLIT "\n\0\n"
#define SPLIT_SIZE 3
#define TRIES_MAX 4
#define CONNECTIONS_MAX 32
#define RESPONSE_MAX (64 << 10) /* fits into a socket */

static const uint8_t *input, *input_end;
static int peers[CONNECTIONS_MAX];
static size_t n_peers;

static size_t next_response(const uint8_t **ret)
{
	size_t left = (size_t)(input_end - input), size;
	const uint8_t *split = memmem(input, left, SPLIT, SPLIT_SIZE);

	*ret = input;
	size = split ? (size_t)(split - input) : left;
	input += split ? size + SPLIT_SIZE : size;
	return size < RESPONSE_MAX ? size : RESPONSE_MAX;
}

/* Instead of a connection: a socket in which the whole response lies already. */
static curl_socket_t open_socket(void *arg, curlsocktype type, struct curl_sockaddr *address)
{
	const uint8_t *response;
	size_t size = next_response(&response);
	int pair[2];

	(void)arg;
	(void)type;
	(void)address;
	if (n_peers == CONNECTIONS_MAX)
		return CURL_SOCKET_BAD;
	promise(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	promise(send(pair[1], response, size, MSG_DONTWAIT) == (ssize_t)size);
	promise(shutdown(pair[1], SHUT_WR) == 0);
	peers[n_peers++] = pair[1];
	return pair[0];
}

static int is_connected(void *arg, curl_socket_t fd, curlsocktype type)
{
	(void)arg;
	(void)fd;
	(void)type;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static void check_failure(const struct download *d, const struct fetch_message *m)
{
	promise(m->kind == FETCH_FAILED && m->reason < FETCH_N_REASONS && m->status < 1000);
	promise(m->offset == d->offset && memchr(m->text, '\0', sizeof(m->text)));
}

static void check_answers(int fd)
{
	struct fetch_message m;

	promise(lseek(fd, 0, SEEK_SET) == 0);
	while (read(fd, &m, sizeof(m)) == sizeof(m)) {
		promise(m.kind == FETCH_ANSWERED && (m.status == 200 || m.status == 206));
		for (const char *c = m.text; *c; c++)
			promise(*c >= ' ' && *c <= '~');
	}
}

static void fetch(struct download *d)
{
	struct transfer t;
	struct fetch_message m;
	struct curl_slist *here = curl_slist_append(NULL, "::127.0.0.1:80");
	uint64_t start = d->offset, end = d->end;
	int r = -EAGAIN;

	promise(transfer_open(&t, d) == 0);
	curl_easy_setopt(t.easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(t.easy, CURLOPT_CONNECT_TO, here); /* no name is asked for */
	curl_easy_setopt(t.easy, CURLOPT_SOCKOPTFUNCTION, is_connected);
	for (unsigned i = 0; i < TRIES_MAX && r == -EAGAIN; i++) {
		r = transfer_run(&t, i % 2, &m);
		promise(r == 0 || r == -EAGAIN);
		promise(d->offset >= start && (end == FETCH_SIZE_UNKNOWN || d->offset <= end));
		promise(!d->is_size_given || d->offset <= d->size);
		promise((uint64_t)lseek(d->bytes, 0, SEEK_END) == d->offset - start);
		if (r < 0)
			check_failure(d, &m);
		else
			promise(download_is_complete(d));
	}
	if (r == 0)
		fuzz_accepted++;
	transfer_close(&t);
	curl_slist_free_all(here);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t none[1];
	static struct url urls[URLS_MAX];
	uint8_t own = size ? *data : 0;
	struct download d = {
		.urls = urls,
		.n_urls = 2,
		.proxy = own & 16 ? "http://127.0.0.1:3128" : "",
		.offset = own & 1 ? 5 : 0,
		.end = own & 2 ? 8 : FETCH_SIZE_UNKNOWN,
		.size = own & 4 ? 10 : FETCH_SIZE_UNKNOWN,
		.is_size_given = own & 4,
		.limits = { 10000, 10000, 10000, 0 },
		.bytes = memory_file(none, 0, 0),
		.messages = memory_file(none, 0, 0),
	};
	struct fail f;

	promise(url_list_parse("http://127.0.0.1/f,http://127.0.0.1/g", urls, &d.n_urls, &f) == 0);
	if (own & 8)
		strcpy(d.validators[0], "\"one\"");
	input = data + (size > 0);
	input_end = data + size;
	fetch(&d);
	check_answers(d.messages);
	while (n_peers > 0)
		close(peers[--n_peers]);
	close(d.bytes);
	close(d.messages);
	return 0;
}
