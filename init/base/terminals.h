/*
 * The terminals that are the kernel's consoles, listed in /proc/consoles: text is written to all of them, keys are read
 * from any. Nothing here waits long: a console that accepts no text is waited for once, for 200 ms; from then on writes
 * are only tried, until it accepts text again, for example when its cable is plugged in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONSOLES_MAX 8

/* A screen can redraw a line, a serial line cannot. */
enum { ON_SCREENS = 1, ON_OTHERS = 2, EVERYWHERE = 3 };

/* Finds the consoles; those that are open and work stay open. If there is none, text is written to descriptor 2. */
void terminals_open(void);

/* Closes them before the new init starts, which inherits descriptor 0. Does not wait for consoles that are stuck. */
void terminals_close(void);

/* The time (now_usec()) until which a call may wait for slow consoles. */
uint64_t terminals_deadline(void);

/* Writes the text to the given consoles, until the deadline. A console that has not accepted all of it by then loses
 * the rest. */
void terminals_print(const char *text, unsigned where, uint64_t deadline);

/* For a text that must be seen, at most 2303 bytes: a console that is stuck gets it when it accepts text again, also in
 * terminals_wait_enter(). */
void terminals_print_surely(const char *text);

/* Waits until all output has been transmitted: while there is progress, at most 5 s. */
void terminals_drain(void);

/* Keys that were pressed until now do not count. */
void terminals_forget_keys(void);

/* True if Enter was pressed on a console within that time; *ret_console is its device then. */
bool terminals_wait_enter(int milliseconds, dev_t *ret_console);

/* Opens the terminal behind that console, or, of 0, behind /dev/console, as one that can control a session, for reading and writing;
 * -errno. */
int terminals_open_controlling(dev_t console);
