/*
 * peak_memory DIR COMMAND [ARGUMENT]...: runs a command and prints the most memory it took, in KiB:
 *
 *     RSS MAPPED TOGETHER USED
 *
 * RSS: the most resident memory of any one process of the command, as wait4 tells it. MAPPED: the
 * largest address space of the command's first process. TOGETHER: the most at one moment of what
 * the file system of DIR holds plus the resident memory of all processes of the command. USED: what
 * the file system holds at the end. MAPPED and TOGETHER are samples, one in 5 ms.
 *
 * Small on purpose: a process starts with the high-water mark of the one that forked it.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define PERIOD_USEC 5000

struct peaks {
	uint64_t mapped, together, used; /* KiB */
};

static uint64_t used_kib(const char *dir)
{
	struct statvfs st;

	if (statvfs(dir, &st) < 0)
		return 0;
	return (uint64_t)(st.f_blocks - st.f_bfree) * st.f_frsize / 1024;
}

/* A process that has just ended has no files in /proc any more: that is no error. */
static FILE *open_proc(int pid, const char *file)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return fopen(path, "re");
}

static uint64_t resident_kib(int pid)
{
	FILE *f = open_proc(pid, "statm");
	uint64_t pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%*u %" SCNu64, &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* The process and all below it. */
static uint64_t tree_kib(int pid)
{
	char children[64];
	uint64_t sum = resident_kib(pid);
	FILE *f;
	int child;

	snprintf(children, sizeof(children), "task/%d/children", pid);
	f = open_proc(pid, children);
	if (!f)
		return sum;
	while (fscanf(f, "%d", &child) == 1)
		sum += tree_kib(child);
	fclose(f);
	return sum;
}

static uint64_t mapped_kib(int pid)
{
	FILE *f = open_proc(pid, "status");
	uint64_t kib = 0;
	char line[256];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmPeak: %" SCNu64, &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static void sample(const char *dir, int pid, struct peaks *p)
{
	uint64_t mapped = mapped_kib(pid);
	uint64_t together = used_kib(dir) + tree_kib(pid);

	if (mapped > p->mapped)
		p->mapped = mapped;
	if (together > p->together)
		p->together = together;
}

static int run(char **command, const char *dir, struct peaks *p, struct rusage *usage)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return -1;
	if (pid == 0) {
		execvp(command[0], command);
		_exit(127);
	}
	while (wait4(pid, &status, WNOHANG, usage) == 0) {
		sample(dir, pid, p);
		usleep(PERIOD_USEC);
	}
	p->used = used_kib(dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct peaks p = { 0 };
	struct rusage usage;
	int r;

	if (argc < 3) {
		fputs("usage: peak_memory DIR COMMAND [ARGUMENT]...\n", stderr);
		return 2;
	}
	r = run(argv + 2, argv[1], &p, &usage);
	if (r != 0) {
		fprintf(stderr, "peak_memory: %s: exit status %d\n", argv[2], r);
		return 1;
	}
	printf("%ld %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", usage.ru_maxrss, p.mapped, p.together,
	       p.used);
	return 0;
}
