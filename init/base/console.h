/*
 * All output for people: lines are printed on every console in /proc/consoles, to RUN_DIR/log and to the kernel log.
 * It never blocks for long and never fails: a console that is missing, disconnected or slow loses lines (terminals.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/message.h"
#include "base/util.h"

#define RUN_DIR "/run/tarboot"

/* Finds the consoles and the kernel log, once /proc and /dev are mounted. Before that, and if there is no console,
 * lines go to the descriptors that the kernel opened for init. May be called again. */
void console_open(void);

/* Only the kernel log. */
void console_open_kernel_log(void);

/* From now on lines go to RUN_DIR/log too. */
void console_open_log(void);

void console_set_verbosity(bool quiet, bool debug);

/* In a child: from now on its lines go through a channel (see message.h) to PID 1, which prints them. */
void console_send_to(int fd);

/* One line "tarboot: TEXT" everywhere. */
void console_log(enum log_level level, const char *text, ...) _printf_(2, 3);

/* Text as it is, on the consoles only. */
void console_print(const char *text);

/* Shows the progress of what is done ("unpack root"): a bar that is redrawn on terminals, a line every 10 % or 5 s on serial
 * lines, nothing with quiet. besides: what else there is to say; "" = nothing. To be called a few times a second. */
void console_progress(const char *doing, uint64_t done, uint64_t total, const char *besides);

/* Ends the line of the bar. */
void console_progress_end(void);

/* "  DOING in N s", redrawn on terminals, a line every 10 s on serial lines. */
void console_countdown(const char *doing, long seconds);

/* The warnings of this boot, in order, up to a small number; NULL after the last. */
const char *console_warning(size_t number);
