/* Of ports, the kernel tells the inode of the socket, and of processes the inodes of theirs. */
#include "base/processes.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/read_all.h"
#include "base/util.h"

#define PATH_OF_PROC 64
#define ADDRESS_DIGITS 33 /* of an IPv6 address, and the NUL */
#define LISTENS 0x0a

static int is_number(const struct dirent *e)
{
	return e->d_name[strspn(e->d_name, "0123456789")] == '\0';
}

/* The process with the lowest number for which is_it() says so. False: there is none. */
static bool find(bool (*is_it)(pid_t pid, const void *arg), const void *arg, pid_t *ret)
{
	struct dirent **entries = NULL;
	int n = scandir("/proc", &entries, is_number, versionsort);
	bool found = false;

	for (int i = 0; i < n; i++) {
		pid_t pid = (pid_t)strtol(entries[i]->d_name, NULL, 10);

		if (!found && is_it(pid, arg)) {
			*ret = pid;
			found = true;
		}
		free(entries[i]);
	}
	free(entries);
	return found;
}

/* Its name, as `ps` shows it, and number. Returns ret. */
static const char *describe(pid_t pid, char ret[PROCESS_NAME_MAX])
{
	char path[PATH_OF_PROC], name[32] = "";
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	in = fopen(path, "re");
	if (in) {
		(void)!fgets(name, sizeof(name), in);
		fclose(in);
	}
	name[strcspn(name, "\n")] = '\0';
	snprintf(ret, PROCESS_NAME_MAX, "%s (process %d)", *name ? name : "a program", (int)pid);
	return ret;
}

/* What stands before the time: the name, in which there may be anything, is in parentheses, then come the state and 18 numbers. */
unsigned long long process_start(pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long start = 0;
	char path[PATH_OF_PROC], state;
	const char *at;
	size_t size;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	at = read_file(path, &text, &size) == 0 ? strrchr(text, ')') : NULL;
	if (!at ||
	    sscanf(at + 1,
		   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
		   " %llu",
		   &state, &start) != 2)
		return 0;
	return strchr("ZX", state) ? 0 : start;
}

/* ---- ports ---- */

/* As the kernel writes it there: words of 32 bits as this machine reads them. */
static unsigned address_digits(const struct sockaddr *at, char ret[ADDRESS_DIGITS])
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;
	uint32_t words[4];

	if (at->sa_family == AF_INET) {
		memcpy(&four, at, sizeof(four));
		snprintf(ret, ADDRESS_DIGITS, "%08X", four.sin_addr.s_addr);
		return ntohs(four.sin_port);
	}
	memcpy(&six, at, sizeof(six));
	memcpy(words, &six.sin6_addr, sizeof(words));
	snprintf(ret, ADDRESS_DIGITS, "%08X%08X%08X%08X", words[0], words[1], words[2], words[3]);
	return ntohs(six.sin6_port);
}

static bool is_any(const char *digits)
{
	return digits[strspn(digits, "0")] == '\0';
}

/* A line of such a table. A socket of all addresses, also one of IPv6, has the port of each. */
static bool is_bound(const char *line, int type, const char *digits, unsigned port,
		     unsigned long *ret_inode)
{
	char address[ADDRESS_DIGITS];
	unsigned is_port, state;

	return sscanf(line, " %*d: %32[0-9A-F]:%x %*s %x %*s %*s %*s %*s %*s %lu", address,
		      &is_port, &state, ret_inode) == 4 &&
	       is_port == port && (type != SOCK_STREAM || state == LISTENS) &&
	       (is_any(address) || is_any(digits) || strcmp(address, digits) == 0);
}

static bool find_socket(const char *table, int type, const struct sockaddr *at,
			unsigned long *ret_inode)
{
	char digits[ADDRESS_DIGITS], line[512];
	unsigned port = address_digits(at, digits);
	FILE *in = fopen(table, "re");
	bool found = false;

	while (in && !found && fgets(line, sizeof(line), in))
		found = is_bound(line, type, digits, port, ret_inode);
	if (in)
		fclose(in);
	return found;
}

static bool has_socket(pid_t pid, const void *inode)
{
	char path[PATH_OF_PROC], want[PATH_OF_PROC], link[PATH_OF_PROC];
	struct dirent **entries = NULL;
	bool found = false;
	ssize_t length;
	int n;

	snprintf(want, sizeof(want), "socket:[%lu]", *(const unsigned long *)inode);
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	n = scandir(path, &entries, is_number, NULL);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%.16s", (int)pid, entries[i]->d_name);
		length = readlink(path, link, sizeof(link) - 1);
		link[length > 0 ? length : 0] = '\0';
		found = found || strcmp(link, want) == 0;
		free(entries[i]);
	}
	free(entries);
	return found;
}

const char *process_of_port(int type, const struct sockaddr *at, char ret[PROCESS_NAME_MAX])
{
	static const char *const tables[2][2] = { { "/proc/net/tcp", "/proc/net/tcp6" },
						  { "/proc/net/udp", "/proc/net/udp6" } };
	unsigned long inode;
	pid_t pid;

	strcpy(ret, "another program");
	for (int i = 0; i < 2; i++)
		if (find_socket(tables[type == SOCK_DGRAM][i], type, at, &inode) &&
		    find(has_socket, &inode, &pid))
			return describe(pid, ret);
	return ret;
}
