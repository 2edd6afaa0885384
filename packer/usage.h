/*
 * Who takes the room in an image: its directories, each with all that lies below, and its files.
 */
#pragma once

#include <stdio.h>

#include "contents.h"

struct usage_entry {
	const char *path; /* "" = the root */
	size_t length;    /* bytes of path; a directory's is a part of some member's */
	size_t number;    /* its place by path, among its like */
	uint64_t members;
	uint64_t ram;  /* bytes */
	double packed; /* bytes of the image */
};

struct usage {
	struct usage_entry *directories, *files; /* owned; largest first */
	size_t n_directories, n_files;
};

/* Sums up; the contents must outlive it. 0 or -ENOMEM. */
int usage_of(const struct contents *l, struct usage *ret);
void usage_free(struct usage *u);

/* The next directory worth to be told, from *at on, or NULL: not one of which a single directory below takes
 * nearly all. */
const struct usage_entry *usage_next_directory(const struct usage *u, size_t *at);

/* A drawing in which areas are bytes in RAM, as SVG. */
void usage_draw(const struct usage *u, const char *title, FILE *out);
