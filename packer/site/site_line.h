/*
 * A kernel command line as an iPXE script has it. iPXE fills in each ${…}, and nothing can be written that it would leave as it is. It
 * has the variables of tarboot.layer=, too, so it is iPXE that fills them in there. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What DHCP calls the machine, so that it stays one word, whatever that is: blanks and what is special in a URL become %20 and so on.
 * iPXE fills in variables in values, too, with their blanks: so a script must have stored first what comes of that. */
#define SITE_LINE_SET_HOST "set host ${netX/hostname} ||\n"
#define SITE_LINE_HOSTNAME "${host:uristring}"

/* The DNS server behind ip=…:none, with its colon: systemd-network-generator takes no ip= that ends in one. */
#define SITE_LINE_SET_DNS "isset ${netX/dns} && set nameserver :${netX/dns} ||\n"
#define SITE_LINE_DNS "${nameserver}"

/* Can a script have it: as text_is_plain(), but for variables in tarboot.layer=? */
bool site_line_is_plain(const char *line);

/* Does the line end inside quotes, so that words appended to it would belong to its last value? */
bool site_line_has_open_quote(const char *line);

/* Has it blanks that iPXE, which knows no quotes, makes one of, although they are part of a value? */
bool site_line_has_blanks_in_quotes(const char *line);

/* The same line, with words behind the last parameter of the kernel's: before a "--", what follows is for the new init. The
 * caller's; NULL without memory. */
char *site_line_with(const char *line, const char *words);

/* Its greatest length in bytes once iPXE has replaced the variables. */
size_t site_line_longest(const char *line);

/* has_names: machines have names, which ip=dhcp shall pass on to init, who writes them into the root. */
void site_line_print(FILE *out, const char *line, bool has_names);
