/* The failure block and the action after it. */
#include "failure/failure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/console.h"
#include "devices/devices.h"
#include "base/escape.h"
#include "base/remote_log.h"
#include "net/network.h"
#include "net/network_log.h"
#include "failure/shell.h"
#include "base/terminals.h"

#define DEFAULT_WAIT 60 /* seconds */
#define TEXT_WIDTH 71   /* of 80 columns, behind a label */

enum action { ACTION_STAY, ACTION_REBOOT, ACTION_POWEROFF, ACTION_HALT, ACTION_SHELL };

struct reaction {
	enum onfail onfail; /* whose wish it is */
	enum action action;
	long seconds; /* until the action; 0 = at once */
	bool may_shell;
};

/* The kernel's own time-out, which panic= or CONFIG_PANIC_TIMEOUT set. */
static long kernel_panic_timeout(void)
{
	FILE *file = fopen("/proc/sys/kernel/panic", "re");
	long seconds = 0;

	if (file && fscanf(file, "%ld", &seconds) != 1)
		seconds = 0;
	if (file)
		fclose(file);
	return seconds;
}

static enum action choose_action(enum onfail onfail, long panic)
{
	static const enum action actions[] = { [ONFAIL_REBOOT] = ACTION_REBOOT,
					       [ONFAIL_POWEROFF] = ACTION_POWEROFF,
					       [ONFAIL_HALT] = ACTION_HALT,
					       [ONFAIL_SHELL] = ACTION_SHELL };

	if (onfail == ONFAIL_BY_PANIC)
		return panic == 0 ? ACTION_STAY : ACTION_REBOOT;
	return actions[onfail];
}

/* The first rule that applies counts. */
static long choose_wait(const struct boot *b, const struct reaction *r, long panic)
{
	const struct {
		bool applies;
		long seconds;
	} rules[] = {
		{ r->action == ACTION_SHELL, 0 },
		{ b->params.has_failwait, b->params.failwait },
		{ panic < 0 && !r->may_shell, 0 },
		{ panic > 0, panic },
		{ true, DEFAULT_WAIT },
	};
	size_t i = 0;

	while (!rules[i].applies)
		i++;
	return rules[i].seconds;
}

static struct reaction choose_reaction(const struct boot *b, enum onfail onfail, bool can_retry)
{
	long panic = b->params.has_panic ? b->params.panic : kernel_panic_timeout();
	struct reaction r = { 0 };

	/* tarboot.onfail=shell has no effect without tarboot.shell. */
	r.may_shell = can_retry && (b->params.shell & SHELL_FAIL) && shell_is_there();
	r.onfail = onfail == ONFAIL_SHELL && !r.may_shell ? ONFAIL_BY_PANIC : onfail;
	r.action = choose_action(r.onfail, panic);
	r.seconds = choose_wait(b, &r, panic);
	return r;
}

static const char *why_action(const struct boot *b, const struct reaction *r, char buf[48])
{
	if (r->onfail != ONFAIL_BY_PANIC)
		return "tarboot.onfail=";
	snprintf(buf, 48, "panic=%ld",
		 b->params.has_panic ? b->params.panic : kernel_panic_timeout());
	return buf;
}

static const char *const doing[] = { [ACTION_REBOOT] = "rebooting",
				     [ACTION_POWEROFF] = "powering off",
				     [ACTION_HALT] = "halting",
				     [ACTION_SHELL] = "a shell" };

static void describe_reaction(const struct boot *b, const struct reaction *r, char *buf,
			      size_t size)
{
	const char *enter = r->may_shell ? "; press Enter for a shell" : "";
	char why[48], when[32] = "now";

	if (r->seconds > 0)
		snprintf(when, sizeof(when), "in %ld s", r->seconds);
	if (r->action == ACTION_STAY)
		snprintf(buf, size, "staying like this (%s)%s", why_action(b, r, why), enter);
	else
		snprintf(buf, size, "%s %s (%s)%s", doing[r->action], when, why_action(b, r, why),
			 r->action == ACTION_SHELL ? "" : enter);
}

/* Advice for failures that have none: failed system calls. */
static const char *advice(const struct fail *f)
{
	if (*f->todo)
		return f->todo;
	switch (f->error) {
	case ENOMEM:
		return "Add memory, or pack a smaller root.";
	case ENOSPC:
	case EDQUOT:
		return "Give a larger tarboot.size=, add memory, or pack a smaller root.";
	case ENODEV:
	case ENOSYS:
	case EOPNOTSUPP:
		return "Boot a kernel that has what is missing.";
	default:
		return "Boot with tarboot.debug and look at the lines before this one; "
		       "`tarboot verify` on the server tells whether the image is good.";
	}
}

/* Adds "  LABEL TEXT" to a block, with line breaks at words for a screen of 80 columns. */
static void add_field(char *block, size_t size, const char *label, const char *text)
{
	size_t used = strlen(block), n, cut;

	for (; *text; text += n + (text[n] == ' '), label = "     ") {
		n = strlen(text);
		if (n > TEXT_WIDTH) {
			for (cut = TEXT_WIDTH; cut > 0 && text[cut] != ' '; cut--)
				;
			n = cut ? cut : escape_fit(text, TEXT_WIDTH);
		}
		used += (size_t)snprintf(block + used, size - used, "  %s %.*s\n", label, (int)n,
					 text);
		if (used >= size)
			return;
	}
}

/* Logs the content of the block to the kernel log and the log file, in two lines. */
static void print_block(const struct boot *b, const struct reaction *r)
{
	const struct fail *f = &b->fail;
	char block[2048], then[160];

	console_log(LOG_FAILURE, "%s failed: %s: %s", b->failed_step, f->what, f->why);
	console_log(LOG_FAILURE, "to do: %s", advice(f));
	describe_reaction(b, r, then, sizeof(then));
	snprintf(block, sizeof(block), "then: %s", then);
	remote_log_put(LOG_FAILURE, REMOTE_FAILURE, block);
	snprintf(block, sizeof(block), "\ntarboot: FAILED: %s\n", b->failed_step);
	add_field(block, sizeof(block), "what:", f->what);
	add_field(block, sizeof(block), "why: ", f->why);
	add_field(block, sizeof(block), "do:  ", advice(f));
	add_field(block, sizeof(block), "then:", then);
	terminals_print_surely(block);
}

/* The shell failed, so the countdown begins. */
static void print_reaction(const struct boot *b, const struct reaction *r)
{
	char line[256] = "", then[160];

	describe_reaction(b, r, then, sizeof(then));
	add_field(line, sizeof(line), "then:", then);
	console_print(line);
}

/* Powers off and halts in a child, because the kernel ends the caller if the firmware does not power off, and the end of PID 1
 * would be a panic. A reboot comes back to its caller, and must be possible where there is no memory left for a child. Returns,
 * if at all, 0 or an errno. */
static int ask_kernel(enum action action)
{
	int how = action == ACTION_POWEROFF ? RB_POWER_OFF
		  : action == ACTION_HALT   ? RB_HALT_SYSTEM
					    : RB_AUTOBOOT;
	pid_t pid = action == ACTION_REBOOT ? -1 : fork();
	int status;

	if (pid <= 0) {
		sync();
		status = reboot(how) < 0 ? errno : 0;
		if (pid < 0)
			return status;
		_exit(status);
	}
	status = child_wait(pid, 1000, NULL, NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

static void act(struct boot *b, enum action action)
{
	dev_t unused;
	int error;

	terminals_drain();
	network_log_end(b);
	error = ask_kernel(action);
	console_log(LOG_ERROR, "%s failed: %s; reset the machine or switch it off by hand",
		    doing[action], error ? strerror(error) : "the kernel returned");
	for (;;) {
		(void)terminals_wait_enter(1000, &unused);
		child_reap();
	}
}

/* True: Enter was pressed, to open a shell on that console. */
static bool wait_for_enter(const struct reaction *r, dev_t *ret_console)
{
	uint64_t now = now_usec(), end = now + (uint64_t)r->seconds * 1000000;
	long left, told = r->seconds;

	for (; r->action == ACTION_STAY || now < end; now = now_usec()) {
		left = (long)((end - now + 999999) / 1000000);
		if (r->action != ACTION_STAY && left != told)
			console_countdown(doing[r->action], told = left);
		if (terminals_wait_enter(250, ret_console) && r->may_shell)
			return true;
		child_reap();
	}
	return false;
}

/* A shell that was opened with Enter may be left at any time. One that was opened automatically and ended at once would
 * only do so again and again. */
static bool is_used(const struct reaction *r, enum shell_end end)
{
	if (end == SHELL_ENDED_AT_ONCE && r->action == ACTION_SHELL)
		console_log(LOG_ERROR, "the shell ended at once");
	return end == SHELL_LEFT || (end == SHELL_ENDED_AT_ONCE && r->action != ACTION_SHELL);
}

/* Nothing that is done in a shell changes the kernel command line. */
static const char *exit_means(const struct boot *b)
{
	bool is_parameter = b->bad_parameter.error &&
			    strcmp(b->fail.what, b->bad_parameter.what) == 0;

	return is_parameter ? "fails again; type reboot -f and correct the parameter in the boot "
			      "menu"
			    : "try to boot again";
}

void failure_handle(struct boot *b, bool can_retry)
{
	enum onfail onfail = b->params.onfail;
	struct reaction r;
	dev_t console;

	devices_settle(b);
	console_open(); /* there may be more of them now */
	r = choose_reaction(b, onfail, can_retry);
	network_log_failure(b, can_retry);
	terminals_forget_keys(); /* nobody who pressed them has seen the failure */
	print_block(b, &r);
	network_log_report(b);
	for (;;) {
		console = 0;
		if (r.action != ACTION_SHELL && !wait_for_enter(&r, &console))
			act(b, r.action);
		if (is_used(&r, shell_run(console, b->failed_step, exit_means(b))))
			return;
		if (onfail == ONFAIL_SHELL)
			onfail = ONFAIL_BY_PANIC;
		r = choose_reaction(b, onfail, can_retry);
		print_reaction(b, &r);
	}
}
