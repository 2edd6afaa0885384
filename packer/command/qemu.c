/* The table of machines, and the arguments of QEMU. */
#include "command/qemu.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/elfinfo.h"
#include "base/piped_child.h"
#include "base/print.h"
#include "base/util.h"

#define ARGUMENTS_MAX 32 /* without those of the user */
#define TRIAL_MS 10000

/* The emulated CPU has what programs for x86-64-v3 need (EL 10; EL 9 needs v2), and no more: QEMU 7.2 crashes with
 * `-cpu max`. Without xsaveopt Linux 6.1 hangs at its first XSAVE. QEMU before 7.2 does not emulate AVX and warns. */
#define X86_64_V2 "qemu64,+cx16,+lahf-lm,+popcnt,+ssse3,+sse4.1,+sse4.2"
#define X86_64_V3 X86_64_V2 ",+xsave,+xsaveopt,+avx,+avx2,+bmi1,+bmi2,+f16c,+fma,+abm,+movbe"

static const struct emulation {
	uint16_t machine;
	const char *program, *package; /* of Debian */
	const char *board, *cpu, *console;
} emulations[] = {
	{ EM_X86_64, "qemu-system-x86_64", "qemu-system-x86", "pc", X86_64_V3, "ttyS0" },
	{ EM_AARCH64, "qemu-system-aarch64", "qemu-system-arm", "virt", "cortex-a57", "ttyAMA0" },
};

const struct emulation *qemu_find_emulation(uint16_t machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(emulations); i++)
		if (emulations[i].machine == (machine ? machine : program_own_machine()))
			return &emulations[i];
	return &emulations[0];
}

const char *qemu_program(const struct qemu *q)
{
	return q->emulation->program;
}

struct arguments {
	const char **list;
	size_t n;
};

static void add(struct arguments *a, const char *option, const char *value)
{
	a->list[a->n++] = option;
	a->list[a->n++] = value;
}

void qemu_exec(const struct qemu *q)
{
	const struct emulation *e = q->emulation;
	const char *own_cpu = strcmp(q->accel, "kvm") == 0 ? "host" : e->cpu;
	struct arguments a = { calloc(ARGUMENTS_MAX + q->n_more + 1, sizeof(*a.list)), 0 };
	char cpus[16], *append;

	if (!a.list || asprintf(&append, "console=%s panic=-1%s%s", e->console,
				q->append && *q->append ? " " : "", q->append ? q->append : "") < 0)
		return;
	snprintf(cpus, sizeof(cpus), "%ld", q->cpus);
	a.list[a.n++] = e->program;
	add(&a, "-accel", q->accel);
	add(&a, "-M", e->board);
	add(&a, "-cpu", q->cpu ? q->cpu : own_cpu);
	add(&a, "-m", q->memory);
	add(&a, "-smp", cpus);
	add(&a, "-nodefaults", "-no-reboot");
	add(&a, "-display", "none");
	add(&a, "-chardev", q->has_monitor ? "stdio,id=s,mux=on,signal=off" : "stdio,id=s");
	add(&a, "-serial", "chardev:s");
	if (q->has_monitor)
		add(&a, "-mon", "chardev=s");
	add(&a, "-kernel", q->kernel);
	if (q->initrd)
		add(&a, "-initrd", q->initrd);
	add(&a, "-append", append);
	for (size_t i = 0; i < q->n_more; i++)
		a.list[a.n++] = q->more[i];
	execvp(e->program, (char *const *)a.list);
	fprintf(stderr, "tarboot: %s: cannot start it: %s\n  Install QEMU (Debian: %s).\n",
		e->program, strerror(errno), e->package);
	free(append);
	free(a.list);
}

/* ---- KVM ---- */

/* Reads until the kernel prints that, the guest ends, or the time is up. *ret_ended: the guest ended by itself. */
static bool comes_to(int fd, const char *text, bool *ret_ended)
{
	uint64_t end = now_usec() + TRIAL_MS * 1000;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char said[8192] = "";
	size_t have = 0;
	ssize_t n = 1;

	*ret_ended = false;
	while (n > 0 && now_usec() < end && !memmem(said, have, text, strlen(text))) {
		if (poll(&p, 1, 100) <= 0)
			continue;
		if (have > sizeof(said) / 2) { /* the text may be split over two reads */
			memmove(said, said + have - 256, 256);
			have = 256;
		}
		n = read(fd, said + have, sizeof(said) - have);
		have += n > 0 ? (size_t)n : 0;
	}
	*ret_ended = n <= 0;
	return memmem(said, have, text, strlen(text));
}

bool qemu_kvm_works(const struct qemu *q)
{
	struct qemu trial = {
		.emulation = q->emulation,
		.accel = "kvm",
		.cpu = q->cpu,
		.memory = "512M",
		.cpus = 1,
		.kernel = q->kernel,
	};
	_cleanup_close_ int fd = -1;
	bool works, ended;
	pid_t pid;

	if (q->emulation->machine != program_own_machine())
		return false;
	pid = piped_child(&fd);
	if (pid == 0) {
		/* Messages about a missing /dev/kvm are not an error. */
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		qemu_exec(&trial);
		_exit(EXIT_FAILED);
	}
	if (pid < 0)
		return false;
	works = comes_to(fd, "Unable to mount root fs", &ended);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (!works && !ended)
		print_warning("this kernel hangs with KVM here: it is emulated, which is slower");
	return works;
}
