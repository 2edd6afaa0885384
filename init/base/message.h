/*
 * Messages from children to PID 1: lines for the consoles and the report, and results. Only PID 1 prints and records,
 * so that lines are not mixed up and report.json has all of them.
 *
 * All messages have the same size and are sent whole. Neither side waits for the other: if there is no room, lines are
 * dropped and counted, and PID 1 reports how many were lost.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MESSAGE_LINE_MAX 768 /* bytes including the NUL; longer lines are truncated */

enum log_level {
	LOG_FAILURE, /* log only: on the consoles a failure block follows */
	LOG_ERROR,   /* all consoles, even with quiet */
	LOG_WARNING, /* the same */
	LOG_NOTICE,  /* consoles unless quiet */
	LOG_DEBUG,   /* consoles only with debug */
};

enum message_kind {
	MESSAGE_LINE,
	MESSAGE_LOST, /* only has the number of dropped messages */
	MESSAGE_DEVICES_SEEN,
	MESSAGE_NETWORK_SEEN,
};

/* All devices that were present have been handled. */
struct devices_seen {
	uint64_t time; /* microseconds since the kernel started; 0: not yet */
	uint32_t modules;
};

/* Why no server is reached yet; the best that any network card has come to. */
enum network_reason {
	NETWORK_NO_NIC,     /* there is no network card */
	NETWORK_OTHER_NICS, /* none of those that ip=, BOOTIF= or vlan= are about */
	NETWORK_NO_CARRIER, /* no link on any */
	NETWORK_NO_LEASE,   /* no address on any */
	NETWORK_NO_ROUTE,   /* an address, but no way to the server */
	NETWORK_NO_NAME,    /* its name cannot be resolved */
	NETWORK_NO_ANSWER,  /* it does not answer */
	NETWORK_REFUSED,    /* it, or a firewall in its place, refuses the connection */
	NETWORK_REACHED,    /* none: one is reached */
};

#define NETWORK_CARDS_MAX 32
#define NETWORK_HOSTNAME_MAX 65 /* bytes with the NUL: what Linux takes */

/* What the network process knows; it says so at each change. Times are in microseconds since the kernel started; 0: not yet. It is
 * no longer than a line, since all messages have the same size: long lists and names are cut. */
struct network_seen {
	uint32_t reason; /* enum network_reason */
	char about[96];  /* the server that the reason is about: HOST:PORT */
	char nics
		[96]; /* the network cards that are used, or, if none is, that are there: for people */

	/* The card whose turn it is; when a server is reached, the one that is kept. */
	char nic[16], driver[24];
	uint8_t mac[6];
	uint32_t speed;                      /* Mbit/s; 0: not known */
	char address[52];                    /* with prefix */
	char gateway[48];                    /* "" = none */
	char dns[128];                       /* with commas between; "" = none */
	char log[16];                        /* a log server that DHCP named; "" = none */
	char from[40];                       /* who gave the address */
	char hostname[NETWORK_HOSTNAME_MAX]; /* of this machine, by ip= or a lease; "" = none */
	uint64_t link, configured, reached;

	uint16_t touched
		[NETWORK_CARDS_MAX]; /* indexes of links to be reset at the hand-over; 0: no more */
	uint16_t mtu[NETWORK_CARDS_MAX]; /* to be given back to each of them; 0: it has its own */
};

struct message {
	uint32_t kind;
	uint32_t level; /* of a line: enum log_level */
	uint32_t lost;  /* messages before this one that were dropped */
	union {
		char line[MESSAGE_LINE_MAX];
		struct devices_seen seen;
		struct network_seen network;
	};
};

typedef void message_print_fn(const struct message *m);

/* Creates the two ends of a channel, that of PID 1 first. 0 or -errno. */
int message_open(int ret_ends[2]);

/* In PID 1: makes the child's end readable, which tells it to end. False: this kernel has no sockets, so that the child
 * must be told in another way. */
bool message_shut_down(int fd);

/* In a child: sends a line, without newline; drops it if there is no room. */
void message_send_line(int fd, unsigned level, const char *line);

/* In a child: sends a message that should not be dropped; waits for room up to a second. False: it was. */
bool message_send(int fd, struct message *m);

/* In a child before it ends: sends the number of messages dropped since the last one. */
void message_send_lost(int fd);

/* In PID 1: passes to print what has arrived, up to the next message that is no line: lines, and messages before which some
 * were lost. Returns 0 with that message in *ret; -EAGAIN if there is none, or after many lines, because PID 1 has other
 * work, too; -EPIPE if the child has closed its end and nothing is left to read. */
int message_receive(int fd, message_print_fn *print, struct message *ret);
