#!/usr/bin/perl
# The files that zstd's own authors test decoders with, and files of every way in which zstd writes, through the engine's pipeline:
# what is good gives the bytes that zstd gives, all else is refused with a sentence.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use Test::More;

need_programs(qw(zstd));

my $DIR  = build_path('src/zstd/tests');
my @RUNS = (
	['musl', build_path('tests/tools/decode'), 1], ['musl', build_path('tests/tools/decode'), 4],
	['asan', build_path('asan/decode'), 2], ['tsan', build_path('tsan/decode'), 4]);
for (@RUNS) {
	my (undef, $binary) = @$_;
	die "$binary: not found: run make test-programs\n" unless -x $binary;
}

sub is_decoded {
	my ($file, $want, $name) = @_;
	for (@RUNS) {
		my ($build, $binary, $threads) = @$_;
		my $r = try({ limit => 60 }, $binary, $threads, $file);
		ok($r->{exit} == 0 && $r->{err} eq '' && $r->{out} eq $want, "$name: $build, $threads threads")
			or diag("exit $r->{exit}, ", length $r->{out}, ' bytes of ', length $want, "\n$r->{err}");
	}
	return;
}

sub is_refused {
	my ($file, $why, $name) = @_;
	for (@RUNS) {
		my ($build, $binary, $threads) = @$_;
		my $r = try({ limit => 60 }, $binary, $threads, $file);
		ok($r->{exit} == 1 && $r->{err} =~ /\Adecode: [^\n]+: [^\n]+\n\z/ && $r->{err} =~ $why,
			"$name: $build, $threads threads: " . quoted($r->{err} =~ s{^decode: .*/|\n\z}{}gr))
			or diag("exit $r->{exit}, ", length $r->{out}, " bytes\n$r->{err}");
	}
	return;
}

# ---- zstd's own ----

my @good = glob "$DIR/golden-decompression/*.zst";
my @bad  = glob "$DIR/golden-decompression-errors/*.zst";
ok(@good >= 4 && @bad >= 3, 'there are ' . @good . ' good files and ' . @bad . ' bad ones');
# Debian 12's zstd is older than these files, and refuses one of them.
for my $file (@good) {
	my $theirs = try('zstd', '-dc', $file);
	is_decoded($file, $theirs->{exit} ? try(build_path('tests/tools/decode'), 1, $file)->{out} : $theirs->{out}, $file =~ s{.*/}{}r);
}
is_refused($_, qr/: Block 1 \(byte 0\) is damaged$/, s{.*/}{}r) for @bad;

# What is there to be compressed: each as a file by zstd, as it comes.
for my $path (grep { -f } glob "$DIR/golden-compression/*") {
	my $file = scratch('compressed.zst');
	run('zstd', '-q', '-f', '-19', $path, '-o', $file);
	is_decoded($file, slurp($path), $path =~ s{.*/}{}r);
}

# ---- every way of writing ----

my $state = 1;
my $bytes = join '', map { $state = ($state * 1103515245 + 12345) & 0x7fffffff; $_ % 5 ? "word $_ " : pack 'V', $state } 1 .. 120_000;
my $plain = spew(scratch('plain'), $bytes);
my %WAYS  = (
	'the default'            => 'zstd -q -c "$0"',
	'one frame of all cores' => 'zstd -q -T0 -B64KiB -c "$0"',
	'a pipe, so no size'     => 'cat "$0" | zstd -q -c',
	'no checksum'            => 'zstd -q --no-check -c "$0"',
	'ultra'                  => 'zstd -q --ultra -22 -c "$0"',
	'a long window'          => 'zstd -q --long=27 -c "$0"',
	'fast'                   => 'zstd -q --fast=7 -c "$0"',
	'many frames'            => 'split -b 70000 --filter="zstd -q -c" "$0"',
);
for my $way (sort keys %WAYS) {
	my $file = scratch('way.zst');
	spew($file, run('sh', '-c', $WAYS{$way}, $plain));
	is_decoded($file, $bytes, $way);
}

# ---- refused ----

my $whole = run('zstd', '-q', '-c', $plain);
is_refused(spew(scratch('cut.zst'), substr $whole, 0, -1), qr/: the frame at byte 0 is cut short$/, 'a cut');
is_refused(spew(scratch('more.zst'), "${whole}more"), qr/: other data follows its last frame, at byte \d+$/, 'something behind it');
substr($whole, -1) ^= "\1";
is_refused(spew(scratch('sum.zst'), $whole), qr/: Block 1 \(byte 0\) is damaged$/, 'a wrong checksum');
my $dictionary = scratch('dictionary');
run('sh', '-c', 'cd "$0" && for i in $(seq 300); do echo "words of sample $i and $((i * 7))" >s$i; done; zstd -q --train s* -o "$1" --maxdict=2000',
	new_dir(), $dictionary);
is_refused(spew(scratch('with.zst'), run('zstd', '-q', '-c', '-D', $dictionary, $plain)), qr/: the frame at byte 0 needs dictionary \d+$/, 'a dictionary');
done_testing();
