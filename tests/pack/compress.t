#!/usr/bin/perl
# pack --compress: the same root in xz and in zstd, and foreign files of zstd: what each command makes of them and says.
# tests/pack/reproducible.t has the frames, tests/boot/15-scrub.t and 60-run.t boot from them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use JSON::PP qw(decode_json);
use Test::More;

need_programs(qw(busybox tar xz zstd));
my $TARBOOT = build_path('tarboot');
my @PACK    = qw(--kernel=none --no-shell --level=fast);
my %MAGIC   = (xz => "\xfd7zXZ\0", zstd => "\x28\xb5\x2f\xfd");
my %NAME    = (xz => 'rootfs.tar.xz', zstd => 'rootfs.tar.zst');

# Two Blocks.
my $root = tiny_root('root', sub { run("seq 1 2900000 >'$_[0]/numbers'; chmod 600 '$_[0]/numbers'") });

sub works {
	my ($name, $like, @command) = @_;
	my $r = try($TARBOOT, @command);
	is($r->{exit}, 0, $name) or diag($r->{err});
	is($r->{err}, '', 'without a warning');
	like($r->{out}, $like, 'it says what it did');
	return $r->{out};
}

sub member_of {
	my ($image, $name) = @_;
	return (grep { $_->{name} eq $name } newc_read($image))[0];
}

sub damaged {
	my ($name, $bytes, $at) = @_;
	substr($bytes, $at, 1) ^= "\1";
	return spew(scratch($name), $bytes);
}

works('pack', qr/^payload  \S+ MiB \(/m, 'pack', $root, '-o', scratch('default'), @PACK);
works("pack --compress $_", qr/^payload  \S+ MiB \(/m, 'pack', $root, '-o', scratch($_), '-c', $_, @PACK) for qw(xz zstd);
is(slurp(scratch('default')), slurp(scratch('xz')), 'the default is xz');
spew(scratch('tarboot.conf'), "root = $root\noutput = " . scratch('by-project') . "\ncompress = zstd\nlevel = fast\nkernel = none\nshell = none\n");
{
	my $r = try($TARBOOT, 'pack', '--project', scratch('tarboot.conf'), '--no-shell');
	is($r->{exit}, 0, 'a project file asks for it, too') or diag($r->{err});
	is(slurp(scratch('by-project')), slurp(scratch('zstd')), 'and gets the same image');
}

for my $codec (qw(xz zstd)) {
	my $image   = scratch($codec);
	my $payload = spew(scratch($NAME{$codec}), member_of($image, $NAME{$codec})->{data});
	my $streams = $codec eq 'xz' ? '1 xz stream' : '2 zstd streams';
	is(substr(slurp($payload), 0, length $MAGIC{$codec}), $MAGIC{$codec}, "the payload is $codec");
	is(run("$codec -dc '$payload' | tar -tf - | wc -l"), run("cd '$root' && find . | wc -l"), "any tar and any $codec can unpack it");
	like(run($TARBOOT, 'inspect', $image), qr{^  100644 .* /\Q$NAME{$codec}\E\nmanifest\nformat=2\n.*?^payload=\Q$NAME{$codec}\E\n.*^payload\n.*\n  $streams, 2 Blocks of at most 16\.0 MiB, \d+\.\d MiB to decode one\nmemory }ms,
		'inspect tells it');
	my $told = decode_json(run($TARBOOT, 'inspect', '--json', $image))->{payload};
	is_deeply([ @$told{qw(codec blocks unsized_blocks unchecked_blocks bytes)} ], [ $codec, 2, 0, 0, -s $payload ], 'also as JSON');
	for my $file ($image, $payload) {
		my $digests = $file eq $image ? 'right: manifest, boot part, each Block and the whole payload' : 'none checked: there is no manifest';
		works("verify $file", qr/\Awhole: \S+ MiB, \d+ members, 2 blocks, .*\nmemory: .*\ndigests: $digests\n\z/, 'verify', $file);
		is(run("'$TARBOOT' verify - <'$file'") =~ s/, \d+\.\d\d s.*|^memory.*\n//gmr, run($TARBOOT, 'verify', $file) =~ s/, \d+\.\d\d s.*|^memory.*\n//gmr,
			'and from standard input');
		works("unpack $file", qr/\Aunpacked: \S+ MiB, \d+ members, 2 blocks, /, 'unpack', $file, "$file.root");
		is(treelist("$file.root"), treelist(scratch('xz.root')), 'with the same tree');
	}
	my ($first) = map { $_->{bytes} + $_->{offset} } decode_json(run($TARBOOT, 'inspect', '--json', $image))->{manifest}{blocks}[0];
	my $at      = member_of($image, $NAME{$codec})->{at};
	fails_well(try($TARBOOT, 'verify', damaged('damaged.img', slurp($image), $at + $first + 99)), 1,
		qr/\Atarboot: \S+: Block 2 \(byte $first of the payload\) is damaged: it is not what its digest in the manifest says\n  .+\n\z/,
		'verify names the Block that is damaged');
	my $bare = damaged("damaged.$codec", slurp($payload), $first + 99);
	fails_well(try($TARBOOT, @$_), 1, qr/\Atarboot: \S+: Block 2 \(byte $first\) is damaged\b.*\n  Copy .+\n(?:tarboot: warning: \S+ keeps what was unpacked before the error: delete it\n)?\z/, "$_->[0] finds it in a bare payload, too")
		for [ 'verify', $bare ], [ 'inspect', $bare ], [ 'unpack', $bare, new_dir() ];
}

{
	my ($more) = run($TARBOOT, 'inspect', '--diff', scratch('xz'), scratch('zstd'))
		=~ /\A0 added, 0 removed, 0 changed; \+0 bytes in RAM, \+(\d+) in the image\n\z/;
	cmp_ok(abs(($more // 0) - ((-s scratch($NAME{zstd})) - (-s scratch($NAME{xz})))), '<', 3000,
		'--diff between the two: the same root, and by how much the image is larger');
}

# ---- foreign files ----

# What `tar --zstd` makes of a pipe: no size, one frame.
my $foreign = scratch('foreign.tar.zst');
run("tar -C '$root' --zstd -cf '$foreign' .");
my $long = scratch('long.tar.zst');
run("tar -C '$root' -cf - . | zstd -q -1 --long=28 -c >'$long'");
works('pack of a file whose window is larger than the program takes unasked', qr/^payload  \S+ MiB \(/m, 'pack', $long, '-o', scratch('of-long'), @PACK);
like(run($TARBOOT, 'inspect', $foreign), qr/^payload\n  .*, at most \d+\.\d MiB uncompressed\n  1 zstd stream, 1 Block of at most /m, 'one frame that does not say its size');
is_deeply([ @{ decode_json(run($TARBOOT, 'inspect', '--json', $foreign))->{payload} }{qw(codec unsized_blocks unchecked_blocks)} ], [ 'zstd', 1, 0 ], 'also as JSON');
works('verify decodes it', qr/\Awhole: 2\d\.\d MiB, .*\ndigests: none checked: there is no manifest\n\z/s, 'verify', $foreign);

my $unchecked = scratch('unchecked.tar.zst');
run("tar -C '$root' -cf - . | split -b 20M --filter='test \$FILE = xab && check=--no-check; zstd -q \$check -c' >'$unchecked'");
like(run($TARBOOT, 'inspect', '--top=0', $unchecked), qr/^  no integrity check in 1 of 2 Blocks: damage may go unnoticed$/m, 'a frame without a checksum is told by inspect');
is(decode_json(run($TARBOOT, 'inspect', '--json', $unchecked))->{payload}{unchecked_blocks}, 1, 'also as JSON');
works('verify does not call all of it checked', qr/\nnot checked: 1 of 2 Blocks, which have no integrity check\n/, 'verify', $unchecked);
done_testing();
