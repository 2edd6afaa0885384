/* Numbers of tar headers as the formats write them, and which header is whole. */
#include "tar/tar_header.h"

#include <errno.h>

#include "tap.h"
#include "base/util.h"

static void test_numbers(void)
{
	static const struct {
		const char *field;
		size_t size;
		int r;
		int64_t value;
	} cases[] = {
		{ "0000644", 8, 0, 0644 },
		{ "0000644 ", 8, 0, 0644 },
		{ "00000644", 8, 0, 0644 }, /* to the last byte */
		{ "   644 \0", 8, 0, 0644 },
		{ "\0 00644", 8, 0, 0644 }, /* the field before ran over */
		{ "\0\0\0\0\0\0\0", 8, 0, 0 },
		{ "7 junk!", 8, 0, 7 },
		{ "77777777777", 12, 0, 077777777777 },
		{ "777777777777", 12, 0, 0777777777777 },
		{ "        ", 8, -EINVAL, 0 },
		{ "abc", 8, -EINVAL, 0 },
		{ "000000zz", 8, -EINVAL, 0 },
		{ "12345678", 8, -EINVAL, 0 },
		{ "-0000001", 8, -EINVAL, 0 },
		{ "0x1f", 8, -EINVAL, 0 },
		{ "\x80\0\0\0\0\0\x02\x03", 8, 0, 0x203 },
		{ "\x80\x7f\xff\xff\xff\xff\xff\xff", 8, 0, 0x7fffffffffffff },
		{ "\xff\xff\xff\xff\xff\xff\xff\xfe", 8, 0, -2 },
		{ "\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 12, -ERANGE, 0 },
		{ "\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", 12, 0, INT64_MIN },
		{ "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12, 0, INT64_MAX },
		{ "\x80\0\0\0\x80\0\0\0\0\0\0\0", 12, -ERANGE, 0 },
		{ "\x80\0\0\x01\0\0\0\0\0\0\0\0", 12, -ERANGE, 0 },
		{ "\x81\0\0\0\0\0\0\x01", 8, -EINVAL, 0 },
	};
	int64_t value;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		value = 0;
		r = tar_number_parse((const uint8_t *)cases[i].field, cases[i].size, &value);
		ok(r == cases[i].r && (r < 0 || value == cases[i].value),
		   "number %zu, '%s': %d, %lld", i, cases[i].field, r, (long long)value);
	}
}

static void make_block(uint8_t block[TAR_BLOCK])
{
	memset(block, 0, TAR_BLOCK);
	strcpy((char *)block, "etc/motd");
	strcpy((char *)block + 100, "0104755");
	strcpy((char *)block + 108, "0000012");
	strcpy((char *)block + 116, "0000013");
	strcpy((char *)block + 124, "00000000005");
	strcpy((char *)block + 136, "14000000000");
	block[TAR_TYPE] = '0';
	memcpy(block + 257, "ustar\00000", 8);
	strcpy((char *)block + 345, "srv");
}

static void put_checksum(uint8_t block[TAR_BLOCK], bool is_signed)
{
	int sum = 0;

	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += is_signed ? (int8_t)block[i] : block[i];
	snprintf((char *)block + 148, 7, "%06o", (unsigned)sum);
}

static void test_checksums(void)
{
	uint8_t block[TAR_BLOCK];
	unsigned whole = 0;

	make_block(block);
	put_checksum(block, false);
	memcpy(block + 148, "\x80\0\0\0\0\0", 6);
	block[154] = (uint8_t)(strtoul((char *)block + 148, NULL, 8) >> 8);
	ok(!tar_header_is_whole(block), "a checksum in base 256 is none");
	block[3] = 0xe9;
	put_checksum(block, false);
	ok(tar_header_is_whole(block), "a checksum of unsigned bytes");
	put_checksum(block, true);
	ok(tar_header_is_whole(block), "a checksum of signed bytes");
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		block[i] ^= 1;
		whole += tar_header_is_whole(block);
		block[i] ^= 1;
	}
	is_int(whole, 1, "any changed byte is seen but for the one behind the checksum");
}

static int parse(const uint8_t block[TAR_BLOCK], struct tar_header *ret, struct fail *f)
{
	int r;

	if (!tar_header_start(block, ret))
		return 0;
	r = tar_header_numbers(block, ret->name, ret, f);
	return r < 0 ? r : 1;
}

static void test_fields(void)
{
	static const struct {
		const char *name;
		size_t at;
	} fields[] = {
		{ "mode", 100 },
		{ "uid", 108 },
		{ "gid", 116 },
		{ "size", 124 },
		{ "mtime", 136 },
		{ "major device number", 329 },
		{ "minor device number", 337 },
	};
	uint8_t block[TAR_BLOCK];
	struct tar_header h;
	struct fail f;
	char why[120];

	make_block(block);
	is_int(parse(block, &h, &f), 1, "a header");
	is_str(h.name, "srv/etc/motd", "its name, with the prefix");
	ok(h.mode == 04755 && h.uid == 10 && h.gid == 11 && h.size == 5 && h.mtime == 014000000000,
	   "its numbers");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		make_block(block);
		block[TAR_TYPE] = '3';
		strcpy((char *)block + fields[i].at, "abc");
		is_int(parse(block, &h, &f), -EBADMSG, "junk in %s", fields[i].name);
		is_str(f.what, "srv/etc/motd", "it is about the member");
		snprintf(why, sizeof(why), "the %s in its tar header is not a number: 'abc'",
			 fields[i].name);
		is_str(f.why, why, "and the field");
	}
	make_block(block);
	strcpy((char *)block + 329, "abc");
	is_int(parse(block, &h, &f), 1, "a file has no device number");
	memcpy(block + 476, "1452477000x 14524770000 ", 24);
	is_int(parse(block, &h, &f), -EBADMSG, "junk in a time of star's");
	is_str(f.why, "the atime in its tar header is not a number: '1452477000x '", "says so");
	memcpy(block + 476, "14524770000 1452477000x ", 24);
	is_int(parse(block, &h, &f), -EBADMSG, "and in the other");
	is_str(f.why, "the ctime in its tar header is not a number: '1452477000x '", "says so");
	block[475] = 'p';
	is_int(parse(block, &h, &f), 1, "a long prefix leaves no room for times");
	block[475] = '\0';
	block[476] = 'x';
	is_int(parse(block, &h, &f), 1, "what does not look like times is none");
	memcpy(block + 476, "14524770000 1452477000x ", 24);
	memcpy(block + 257, "ustar  ", 8);
	is_int(parse(block, &h, &f), 1, "GNU");
	is_str(h.name, "etc/motd", "has no prefix");
	memset(block + 257, 0, 8);
	is_int(parse(block, &h, &f), 1, "V7");
	is_str(h.name, "etc/motd", "neither");
	memset(block, 0, sizeof(block));
	is_int(parse(block, &h, &f), 0, "zeros");
}

int main(void)
{
	test_numbers();
	test_checksums();
	test_fields();
	return done_testing();
}
