/* The process that receives uevents and reads /sys. */
#include "devices/devices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/background.h"
#include "base/console.h"
#include "base/empty_directory.h"
#include "base/message.h"
#include "devices/modprobe.h"
#include "devices/modules.h"
#include "devices/uevent.h"

#define DEVICES "/sys/devices"
#define RECEIVE_BUFFER (16 << 20)
#define KERNEL_GROUP 1
#define MESSAGE_MAX 8192
#define DEPTH_MAX 64
#define SETTLE_MS 5000
#define STOP_MS 2000 /* to finish loading a module */

struct devices {
	int netlink; /* < 0: none, so that new devices are not noticed */
	int parent;  /* PID 1 closes its end to stop this process */
	bool make_nodes;
	struct modules *modules;
};

/* ---- one device ---- */

static void make_directories(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
}

static void make_node(const struct uevent *u, bool is_block)
{
	mode_t type = is_block ? S_IFBLK : S_IFCHR;
	char path[256];

	if (snprintf(path, sizeof(path), "/dev/%s", u->devname) >= (int)sizeof(path))
		return;
	if (u->action && strcmp(u->action, "remove") == 0) {
		(void)unlink(path);
		return;
	}
	make_directories(path);
	if (mknod(path, type | u->mode, makedev(u->major, u->minor)) < 0 && errno != EEXIST)
		console_log(LOG_WARNING, "cannot create the node %s: %m", path);
}

static void handle(struct devices *d, const struct uevent *u, bool is_block)
{
	if (d->make_nodes && u->devname)
		make_node(u, is_block);
	if (u->modalias && (!u->action || strcmp(u->action, "add") == 0))
		modules_load_for(d->modules, u->modalias);
}

/* ---- devices that are present (coldplug) ---- */

/* The directory of a device has a link "subsystem", whose last component is the class. */
static bool is_block_device(int dir_fd)
{
	char target[256];
	ssize_t n = readlinkat(dir_fd, "subsystem", target, sizeof(target));

	return n >= 6 && memcmp(target + n - 6, "/block", 6) == 0;
}

static void look_at(struct devices *d, int dir_fd)
{
	_cleanup_close_ int fd = openat(dir_fd, "uevent", O_RDONLY | O_CLOEXEC);
	char text[MESSAGE_MAX];
	struct uevent u;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return;
	text[n] = '\0';
	if (uevent_parse(text, (size_t)n, &u))
		handle(d, &u, d->make_nodes && u.devname && is_block_device(dir_fd));
}

static bool is_stopped(const struct devices *d)
{
	struct pollfd p = { .fd = d->parent, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* Parents first, as they were plugged in. Takes over the descriptor. The file uevent has the same content as the
 * message that the kernel would send when "add" is written to it; a read cannot be lost and disturbs no other process. */
static void scan(struct devices *d, int dir_fd, unsigned depth)
{
	DIR *dir = fdopendir(dir_fd);
	struct dirent *e;
	int fd;

	if (!dir) {
		close(dir_fd);
		return;
	}
	look_at(d, dir_fd);
	while (depth > 0 && (e = readdir(dir))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		if (is_stopped(d))
			break;
		fd = openat(dir_fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			scan(d, fd, depth - 1);
	}
	closedir(dir);
}

static void scan_all(struct devices *d)
{
	int fd = open(DEVICES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		scan(d, fd, DEPTH_MAX);
}

/* ---- devices that are plugged in (hotplug) ---- */

/* -1: this kernel has none. */
static int open_netlink(void)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	const int size = RECEIVE_BUFFER;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Takes one message. Returns 0, or -errno: -EAGAIN when there is none, -ENOBUFS when some were lost. */
static int receive(struct devices *d)
{
	struct sockaddr_nl from = { 0 };
	socklen_t length = sizeof(from);
	char text[MESSAGE_MAX];
	struct uevent u;
	ssize_t n = recvfrom(d->netlink, text, sizeof(text) - 1, 0, (struct sockaddr *)&from,
			     &length);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (from.nl_pid == 0 && uevent_parse(text, (size_t)n, &u)) /* from the kernel */
		handle(d, &u, u.subsystem && strcmp(u.subsystem, "block") == 0);
	return 0;
}

static void serve(struct devices *d)
{
	struct pollfd p[] = { { .fd = d->parent, .events = POLLIN },
			      { .fd = d->netlink, .events = POLLIN } };
	int r;

	while (poll(p, ARRAY_SIZE(p), -1) >= 0 || errno == EINTR) {
		if (p[0].revents)
			return;
		do
			r = receive(d);
		while (r == 0 && !is_stopped(d));
		if (r == -ENOBUFS) {
			console_log(LOG_DEBUG, "uevents were lost: reading all devices again");
			scan_all(d);
		}
	}
}

static void run(void *arg, int parent)
{
	struct devices *d = arg;
	uint64_t start = now_usec();
	struct message m = { .kind = MESSAGE_DEVICES_SEEN };

	d->parent = parent;
	d->netlink = open_netlink(); /* before the scan, so that no device is missed */
	d->modules = modules_open("/");
	if (!d->modules) {
		console_log(LOG_WARNING, "cannot load modules for devices: %m");
		return;
	}
	if (d->netlink < 0)
		console_log(LOG_WARNING, "the kernel sends no uevents (CONFIG_NET is missing): "
					 "devices plugged in later are not noticed");
	scan_all(d);
	m.seen = (struct devices_seen){ now_usec(), modules_count(d->modules) };
	console_log(LOG_DEBUG, "plug in devices: all seen after %llu ms, %u modules loaded",
		    (unsigned long long)((m.seen.time - start) / 1000), m.seen.modules);
	(void)message_send(d->parent, &m); /* devices_settle() waits for it */
	serve(d);
}

/* ---- PID 1's side ---- */

static void take_message(void *arg, const struct message *m)
{
	struct boot *b = arg;

	if (m->kind != MESSAGE_DEVICES_SEEN)
		return;
	b->devices_seen = m->seen;
	console_open(); /* a module may have brought more of them */
}

int devices_start(struct boot *b)
{
	struct devices d = { .netlink = -1, .make_nodes = b->make_nodes };
	int r;

	if (!b->params.hotplug) {
		snprintf(b->detail, sizeof(b->detail), "left out (tarboot.hotplug=off)");
		return 0;
	}
	b->devices = (struct background){ .what = "the process that loads modules",
					  .take = take_message,
					  .arg = b };
	modprobe_take_over();
	r = background_start(&b->devices, run, &d);
	if (r < 0)
		console_log(LOG_WARNING, "cannot load modules for devices: %s", strerror(-r));
	return 0;
}

static bool has_settled(void *arg)
{
	struct boot *b = arg;

	return b->devices_seen.time || background_has_ended(&b->devices);
}

void devices_settle(struct boot *b)
{
	if (b->devices.child.pid)
		(void)child_wait_until(has_settled, b, SETTLE_MS);
}

void devices_drop_modules(struct boot *b)
{
	int fd = b->devices_seen.time ? open("/lib/modules", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
				      : -1;

	if (fd >= 0 && empty_directory(fd) == 0)
		console_log(LOG_DEBUG, "memory is short: /lib/modules is deleted");
}

static void explain_end(int status)
{
	if (WIFSIGNALED(status))
		console_log(LOG_WARNING, "the process that loads modules died of signal %d (%s)",
			    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		console_log(LOG_WARNING,
			    "the process that loads modules ended too early, with status %d",
			    WEXITSTATUS(status));
}

/* A killed process runs no more code of its own, even while a driver keeps it inside the kernel, so it cannot load
 * modules from the new root. It has no children; what the kernel has started as modprobe stays in the initramfs. */
int devices_stop(struct boot *b)
{
	bool had_ended;
	int status;

	modprobe_give_back();
	if (!b->devices.child.pid)
		return 0;
	had_ended = background_wait(&b->devices, 0);
	if (background_end(&b->devices, STOP_MS, &status))
		console_log(
			LOG_WARNING,
			"the process that loads modules did not end within %d s, perhaps because "
			"a driver waits for its hardware: killed",
			STOP_MS / 1000);
	else if (had_ended)
		explain_end(status);
	return 0;
}
