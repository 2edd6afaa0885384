/*
 * The terminals that are the kernel's consoles, by /proc/consoles: text goes to all of them side by side, keys come
 * from any. Nothing here waits long: a console that takes no text is waited for once, 200 ms, and then only tried
 * until it takes text again, which may be when its cable is plugged in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLES_MAX 8

/* A screen can redraw a line, the others are serial lines. */
enum { ON_SCREENS = 1, ON_OTHERS = 2, EVERYWHERE = 3 };

/* Finds the consoles; those that are open and work stay so. Without any, text goes to descriptor 2. */
void terminals_open(void);

/* Closes them before the new init starts, which inherits descriptor 0, and waits for none that is stuck. */
void terminals_close(void);

/* The time, by now_usec(), until which one call may wait for consoles that are slow. */
uint64_t terminals_deadline(void);

/* Writes the text to the consoles that are meant until the deadline is over. A console that has not taken all of it by
 * then loses the rest. */
void terminals_print(const char *text, unsigned where, uint64_t deadline);

/* For a text that must be seen, at most 2303 bytes: a console that is stuck gets it, from terminals_wait_enter() too, when
 * it takes text again. */
void terminals_print_surely(const char *text);

/* Waits until what was printed has left the machine: while something leaves, at most 5 s. */
void terminals_drain(void);

/* True when somebody pressed Enter on a console within the time. */
bool terminals_wait_enter(int milliseconds);

/* Opens the terminal behind /dev/console, one that can control a session, for reading and writing;
 * -errno. */
int terminals_open_controlling(void);
