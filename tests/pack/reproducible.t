#!/usr/bin/perl
# The same root gives the same bytes: whatever the number of threads, the order in which the directory
# is read, the umask, the language, the place.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Digest::SHA;
use Engine;
use JSON::PP qw(decode_json);
use Test::More;

need_programs(qw(busybox cp unshare mount zstd));
my $TARBOOT = build_path('tarboot');

# Several Blocks, although they compress to nothing.
my $root = tiny_root('root', sub {
	my ($dir) = @_;
	run('sh', '-ec', 'cd "$0"; yes "a line of text" | head -c 36000000 >etc/large; '
			. 'i=0; while [ $i -lt 50 ]; do echo $i >etc/f$i; i=$((i+1)); done; ln etc/f1 tmp/linked; '
			. 'mknod dev/null c 1 3; find . -exec touch -h -d @1000000000 {} +', $dir);
});

sub digest { return Digest::SHA->new(256)->addfile($_[0])->hexdigest }

# Packs and gives the digest of the image; arguments as for try(), before "pack".
sub packed {
	my ($o, $from, $to, @options) = @_;
	my $r = try($o, @{ $o->{before} // [] }, $TARBOOT, 'pack', $from, '-o', $to, '--no-shell',
		'--kernel=none', '--level=fast', @options);

	diag($r->{err}) if $r->{exit} != 0;
	return $r->{exit} == 0 ? digest($to) : 'failed';
}

my $image = scratch('image');
my $want  = packed({}, $root, $image, '--threads=2');
isnt($want, 'failed', 'packed');
like(run($TARBOOT, 'inspect', $image), qr/\b[3-9] Blocks/, 'into several Blocks');

is(packed({}, $root, $image, "--threads=$_"), $want, "with $_ threads") for 1, 3, 8;
is(packed({}, $root, $image),                 $want, 'with as many as there are CPUs');
is(packed({}, "$root/", scratch('other-name')), $want, 'under another name');
is(packed({ env => { LC_ALL => 'C.UTF-8', TZ => 'Asia/Tokyo', HOME => '/nowhere' } }, $root, $image),
	$want, 'in another language and time zone');
is(packed({ before => ['sh', '-c', 'umask 077; exec "$@"', 'sh'] }, $root, $image),
	$want, 'with umask 077');
is((stat $image)[2] & 07777, 0600, 'which the image itself obeys');
is(packed({ before => ['sh', '-c', 'umask 002; exec "$@"', 'sh'] }, $root, scratch('image-2')),
	$want, 'with umask 002');
is((stat scratch('image-2'))[2] & 07777, 0600, 'which holds secrets whatever the umask');
is(packed({ before => ['sh', '-c', 'cd "$0" && exec "$@"', $root] }, '.', $image),
	$want, 'from inside');
run('sh', '-c', 'cat "$0"/etc/f* "$0"/sbin/init >/dev/null', $root);
is(packed({}, $root, $image), $want, 'after its files were read');

# On a tmpfs the names of a directory come in the order in which they were made.
my $order = <<'END';
mount --make-rprivate / && mount -t tmpfs none "$2" && cd "$1" || exit 77
find . -type d | cpio -pdm --quiet "$2"
find . ! -type d | sort $3 | cpio -pdm --quiet "$2"
chmod --reference=. "$2"
cd "$2" && find . -exec touch -h -d @1000000000 {} +
exec "$0" pack "$2" -o "$4" --no-shell --kernel=none --level=fast
END
SKIP: {
	skip 'cpio not found', 2 unless have_program('cpio');
	my $mount = new_dir();
	for my $sort ('', '-r') {
		my $r = try('unshare', '-m', 'sh', '-c', $order, $TARBOOT, $root, $mount, $sort, $image);
		skip 'cannot mount a tmpfs here', 1 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
		is($r->{exit}, 0, 'packed from a tmpfs') or diag($r->{err});
		is(digest($image), $want, 'names made in ' . ($sort ? 'reverse' : 'any') . ' order');
	}
}

my $normal = packed({}, $root, $image, qw(--level=normal --threads=1));
isnt($normal, $want, 'at the normal level the bytes are others');
is(packed({}, $root, $image, qw(--level=normal --threads=4)), $normal, 'but also the same each time');

# In zstd: each level has bytes of its own, the same with any number of threads, in frames that zstd itself calls good.
my %zstd;
for my $level (qw(fast normal best)) {
	$zstd{$level} = packed({}, $root, $image, "--level=$level", qw(--compress=zstd --threads=1));
	is(packed({}, $root, $image, "--level=$level", '--compress=zstd', $_ ? "--threads=$_" : ()), $zstd{$level},
		'zstd, ' . ($_ || 'all') . " threads, $level")
		for $level eq 'fast' ? (0, 8) : 2;
	is_in_frames((grep { $_->{name} eq 'rootfs.tar.zst' } newc_read($image))[0]{data}, $level);
}
is(keys %{ { map { $_ => 1 } values %zstd, $want } }, 4, 'each has its own');

# What a frame's header says: does it have a checksum, and how large is its content (RFC 8878, 3.1.1.1)?
sub frame_header {
	my ($frame) = @_;
	my $bits  = unpack 'x4 C', $frame;
	my $alone = ($bits >> 5) & 1;
	my $size  = unpack 'x' . (6 - $alone) . ($alone ? 'C' : 'x0', 'v', 'V', 'Q<')[ $bits >> 6 ], $frame;
	return (($bits >> 2) & 1, ($size // 0) + ($bits >> 6 == 1 ? 256 : 0));
}

# All but the last have 16 MiB.
sub is_in_frames {
	my ($payload, $level) = @_;
	run('zstd', '-qt', spew(scratch('payload.zst'), $payload));
	my $told  = decode_json(run($TARBOOT, 'inspect', '--json', $image));
	my @sizes = map { $_->{uncompressed_bytes} } @{ $told->{manifest}{blocks} };
	is(join(' ', @sizes[0, 1]), '16777216 16777216', "$level: frames of 16 MiB");
	is(scalar(@sizes), 3, 'three of them');
	is_deeply([ map { [ frame_header(substr $payload, $_->{offset}, 18) ] } @{ $told->{manifest}{blocks} } ],
		[ map { [ 1, $_ ] } @sizes ], 'each with a checksum and its size');
	return;
}

# A root that was made anew has newer files.
my $new = packed({ env => { SOURCE_DATE_EPOCH => 900_000_000 } }, $root, $image);
run('find', $root, '-exec', 'touch', '-h', '-d', '@1111111111', '{}', '+');
is(packed({ env => { SOURCE_DATE_EPOCH => 900_000_000 } }, $root, $image), $new, 'SOURCE_DATE_EPOCH: the newest time');
isnt(packed({}, $root, $image), $new, 'without it times stay');
fails_well(try({ env => { SOURCE_DATE_EPOCH => 'now' } }, $TARBOOT, 'pack', $root, '-o', $image), 2, qr/SOURCE_DATE_EPOCH/, 'which is a number');

# A tar is packed as it is: twice the same.
my $tar = scratch('root.tar');
run('tar', '--sort=name', '-C', $root, '-cf', $tar, '.');
my $from_tar = packed({}, $tar, $image, '--threads=1');
is(packed({ stdin => $tar }, '-', $image), $from_tar, 'a tar, from a file or stdin, with any threads');

done_testing();
