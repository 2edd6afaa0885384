/*
 * PID 1 of the initramfs. The table of the boot steps, what runs them, and the steps that are too small for a file of their own.
 * PID 1 has a single thread and never exits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/boot.h"
#include "base/child.h"
#include "base/console.h"
#include "devices/devices.h"
#include "devices/modprobe.h"
#include "failure/failure.h"
#include "handover/handover.h"
#include "base/memory.h"
#include "mounts/mounts.h"
#include "net/lease.h"
#include "net/network.h"
#include "base/read_all.h"
#include "base/remote_log.h"
#include "base/report.h"
#include "root/root.h"
#include "failure/shell.h"
#include "zram/zram.h"

static int read_parameters(struct boot *b);
static int check_parameters(struct boot *b);
static int start_init(struct boot *b);

/* After a failure and a shell, a second try begins at the first step of the same phase; there is none
 * once the initramfs is deleted. */
enum phase { PHASE_EARLY, PHASE_ROOT, PHASE_HANDED_OVER };

static const struct step {
	const char *name;
	int (*run)(struct boot *b);
	unsigned shell_after; /* SHELL_* that opens a shell after this step */
	enum phase phase;
} steps[] = {
	{ "mount kernel file systems", mounts_make, 0, PHASE_EARLY },
	{ "read parameters", read_parameters, 0, PHASE_EARLY },
	{ "plug in devices", devices_start, SHELL_START, PHASE_EARLY },
	{ "check parameters", check_parameters, 0, PHASE_ROOT },
	{ "start network", network_start, 0, PHASE_ROOT },
	{ "find payload", root_find_payload, 0, PHASE_ROOT },
	{ "find layers", root_find_layers, 0, PHASE_ROOT },
	{ "set up zram", zram_set_up, 0, PHASE_ROOT },
	{ "check memory", root_check_memory, 0, PHASE_ROOT },
	{ "mount root", root_mount, 0, PHASE_ROOT },
	{ "unpack root", root_unpack, SHELL_UNPACKED, PHASE_ROOT },
	{ "check new init", root_check_init, SHELL_END, PHASE_ROOT },
	{ "name machine", root_name, 0, PHASE_ROOT },
	{ "stop plugging in", devices_stop, 0, PHASE_ROOT },
	{ "stop network", network_stop, 0, PHASE_ROOT },
	{ "move mounts", mounts_move, 0, PHASE_ROOT },
	{ "switch root", handover_switch_root, 0, PHASE_ROOT },
	{ "delete initramfs", handover_delete_initramfs, 0, PHASE_HANDED_OVER },
	{ "start init", start_init, 0, PHASE_HANDED_OVER },
};

static void warn_unknown(const struct params *p)
{
	struct fail unknown;

	for (size_t i = 0; params_check_known(p, i, &unknown) < 0; i++)
		console_log(LOG_WARNING, "%s: %s", unknown.what, unknown.why);
}

static int read_parameters(struct boot *b)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file("/proc/cmdline", &text, &size);

	if (r < 0)
		return fail_errno(&b->fail, -r, "/proc/cmdline", "cannot read it");
	(void)params_parse(text, &b->params, &b->bad_parameter);
	console_set_verbosity(b->params.quiet, b->params.debug);
	b->keep_payload = b->params.shell & SHELL_FAIL;
	warn_unknown(&b->params);
	return 0;
}

/* After the start of the devices, so that a shell after a wrong parameter has a keyboard. */
static int check_parameters(struct boot *b)
{
	if (strstr(b->params.mount, "huge=always"))
		console_log(LOG_WARNING, "tarboot.mount=huge=always takes at least 2 MiB of memory "
					 "for every file; huge=within_size, the default, does not");
	b->fail = b->bad_parameter;
	return -b->fail.error;
}

/* One that had nothing to do is in the logs, and on the consoles only with debug. */
static void log_step(const struct boot *b, const struct step_record *s)
{
	console_log(b->has_nothing_to_do ? LOG_DEBUG : LOG_NOTICE, "%s: %llu.%03u s%s%s", s->name,
		    (unsigned long long)(s->duration / 1000000),
		    (unsigned)(s->duration / 1000 % 1000), *b->detail ? ", " : "", b->detail);
}

/* Runs one step and records its times, replacing those of an earlier try. */
static int run_step(struct boot *b, size_t number)
{
	const struct step *step = &steps[number];
	struct step_record *record = &b->record.steps[number];
	int r;

	*b->detail = '\0';
	b->has_nothing_to_do = false;
	record->name = step->name;
	record->start = now_usec();
	r = step->run(b);
	record->duration = now_usec() - record->start;
	b->record.n_steps = number + 1;
	(void)report_sample_memory(b);
	child_reap();
	if (r == 0)
		log_step(b, record);
	return r;
}

/* The last step: all output must be printed before. */
static int start_init(struct boot *b)
{
	char used[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX], peak[SIZE_TEXT_MAX];
	struct memory m = { 0 };

	(void)memory_read(&m);
	console_log(LOG_NOTICE,
		    "start init: %s after %llu.%03u s, %s of %s memory in use, at most %s",
		    b->new_init, (unsigned long long)(now_usec() / 1000000),
		    (unsigned)(now_usec() / 1000 % 1000), size_format(used, m.total - m.available),
		    size_format(total, m.total), size_format(peak, b->record.memory_peak));
	report_write(b);
	return handover_exec(b);
}

/* Deletes the unpacked part of the root, because a shell may need its memory. Moves the mounts back, because consoles
 * need /proc and /dev, and the report /run. Writes the report before the numbers in it are forgotten. */
static void undo_phase(struct boot *b, enum phase phase)
{
	if (phase != PHASE_HANDED_OVER)
		mounts_move_back();
	report_write(b);
	if (phase != PHASE_HANDED_OVER)
		root_forget(b);
}

/* The step at which another try starts after this step failed. */
static size_t first_of_phase(size_t number)
{
	size_t i = 0;

	while (steps[i].phase != steps[number].phase)
		i++;
	return i;
}

static void boot_run(struct boot *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		while (run_step(b, i) < 0) {
			b->failed_step = steps[i].name;
			undo_phase(b, steps[i].phase);
			failure_handle(b, steps[i].phase != PHASE_HANDED_OVER);
			b->failed_step = NULL;
			i = first_of_phase(i);
		}
		if (b->params.shell & steps[i].shell_after) {
			devices_settle(b);
			(void)shell_run(0, NULL, "go on with the boot");
		}
	}
}

/* The kernel starts init without descriptors 0 to 2 if the initramfs has no /dev/console, or if there is no console.
 * The next files opened would get these numbers, and would be closed when the new init gets its console. */
static void open_standard_descriptors(void)
{
	int fd = 0;

	while (fd >= 0 && fd <= STDERR_FILENO) {
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
		if (fd < 0 && errno == ENOENT) {
			(void)mkdir("/dev", 0755);
			if (mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0)
				fd = 0; /* once more */
		}
	}
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	/* With anything set here all of it would be in the program, 54 KB of zeros. */
	static struct boot b;

	if (getpid() != 1 && lease_is_event(argc, argv))
		return lease_print(argv);
	if (getpid() != 1 && modprobe_is_call(argc, argv))
		return modprobe_run(argv);
	if (getpid() != 1) {
		fprintf(stderr, "tarboot: init: it must be started by the kernel, as PID 1\n");
		return 2;
	}
	b.argv = argv;
	b.new_root_fd = b.old_root_fd = -1;
	umask(0); /* for the modes of created files; the new init gets the kernel's umask */
	open_standard_descriptors();
	(void)child_init();
	remote_log_open();
	console_open();
	boot_run(&b); /* does not return: the last step starts the new init or fails */
	for (;;)
		pause();
}
