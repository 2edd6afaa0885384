#!/usr/bin/perl
# The image: cpio, xz and tar read it, its manifest has the right numbers, inspect and verify tell the
# truth about it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use Test::More;

need_programs(qw(busybox cpio tar xz));
my $TARBOOT = build_path('tarboot');
my ($busybox) = grep { -x } map { "$_/busybox" } split /:/, $ENV{PATH};

# Sizes around the page, holes, links: what counts in the RAM of the booted machine.
my $root = tiny_root('root', sub {
	my ($dir) = @_;
	run('sh', '-ec', <<'END', $dir);
cd "$0"
mkdir lib lib/modules lib/modules/6.1 boot; echo kernel >boot/vmlinuz-6.1
: >etc/empty; printf x >etc/one; head -c 4096 /dev/zero >etc/page; head -c 4097 /dev/zero >etc/more
head -c 600000 /dev/urandom >etc/random; ln etc/random etc/random-2; ln etc/random etc/random-3
truncate -s 1M etc/hole
truncate -s 2M etc/holes; printf data | dd of=etc/holes bs=4096 seek=100 conv=notrunc status=none
ln -s short etc/short; ln -s "$(printf %0127d 0)" etc/127; ln -s "$(printf %0128d 0)" etc/128
ln -s "$(printf %04000d 0)" etc/4000; ln etc/short etc/short-2
mkfifo run/fifo; mknod dev/null c 1 3
END
});
my $image = scratch('image');
my $r     = try($TARBOOT, 'pack', $root, '-o', $image, '--shell', $busybox, '--level=fast');
is_quiet($r, 'packed');
my @members = newc_read($image);
my %boot    = map { $_->{name} => $_ } @members;
my $payload = payload_of($image);
my %manifest = $boot{'tarboot/manifest'}{data} =~ /^([^#=\n]+)=(.*)$/mg;

# ---- others read it ----

my @names = split /\n/, run('sh', '-c', 'cpio -it --quiet <"$0"', $image);
is_deeply(\@names,
	[qw(bin dev etc newroot proc run sys tarboot tmp dev/console etc/initrd-release tarboot/manifest init
			bin/busybox)], 'cpio lists the boot part');
my $extracted = new_dir();
run('sh', '-c', 'cd "$1" && { cpio -idm --quiet; cpio -idm --quiet; } <"$0"', $image, $extracted);
ok(slurp("$extracted/init") eq slurp(build_path('init')), 'cpio extracts /init, which is ours');
is((stat "$extracted/init")[2], 0100755, 'with its mode');
is((stat "$extracted/dev/console")[6], 5 << 8 | 1, 'cpio extracts the console');
ok(slurp("$extracted/bin/busybox") eq slurp($busybox), 'cpio extracts the shell');
ok(slurp("$extracted/rootfs.tar.xz") eq slurp($payload), 'cpio extracts the payload behind it');
is_deeply([map { "$_->{uid}:$_->{gid}:$_->{mtime}" } @members], [('0:0:0') x @members],
	'all is owned by root and of no time');
my ($last) = $members[-1]{name};
is($last, 'rootfs.tar.xz', 'the payload is the last member');
is(-s $image, 4 * int((-s $image) / 4), 'the image ends on a multiple of 4 bytes');
run('xz', '-t', $payload);
my @listed = split /\n/, run('tar', '-tvf', $payload);
like(run(qw(xz --robot -lvv), $payload), qr/^file\t1\t.*CRC64\t0$/m, 'one stream, CRC64, no padding');
like(run(qw(xz --robot -lvv), $payload), qr/^summary\t\d+\tyes\t/m, 'sizes in all Block headers');

# ---- the numbers of the manifest ----

my ($bytes, %seen) = 0;
for my $path (split /\0/, run('find', $root, '-mindepth', '1', '-print0'), -1) {
	my @st = lstat $path or next;
	next if $path =~ /vmlinuz/ || $seen{ $st[1] }++;
	my $pages = int(($st[7] + 4095) / 4096);
	$bytes += 4096 * $pages if -f _ && $path !~ /hole/;
	$bytes += 4096          if -l _ && $st[7] >= 128;
}
$bytes += 4096;    # etc/holes has data in one page, etc/hole in none

is($manifest{format},           1,            'format');
is($manifest{'payload-bytes'},  -s $payload,  'payload-bytes');
is($manifest{members},          scalar @listed, 'members: what tar lists');
is($manifest{'unpacked-bytes'}, $bytes,       'unpacked-bytes: what the files take in pages');
is($manifest{kernel},           '6.1',        'kernel');
is($manifest{init},             '/sbin/init', 'init');
like($manifest{'build-id'}, qr/^[0-9a-f]{16,64}$/, 'build-id');
like($r->{out}, qr/\b$manifest{members} members/, 'pack told the members');

# In a real tmpfs it takes just that. (There a hard link counts as an inode, too.)
SKIP: {
	my $mount = new_dir();
	my $used  = try('unshare', '-m', 'sh', '-c', <<'END', $TARBOOT, $image, $mount);
mount --make-rprivate / && mount -t tmpfs -o huge=never,size=64m,nr_inodes=10k none "$2" ||
	mount -t tmpfs -o size=64m,nr_inodes=10k none "$2" || exit 77
"$0" unpack "$1" "$2" >/dev/null && stat -f -c '%b %f %c %d %S' "$2"
END
	skip 'cannot mount a tmpfs here', 2 if $used->{exit} == 77 || $used->{err} =~ /^unshare/;
	my ($blocks, $free, $all_inodes, $free_inodes, $size) = split ' ', $used->{out};
	is(($blocks - $free) * $size, $manifest{'unpacked-bytes'}, 'bytes that a tmpfs really takes');
	is($all_inodes - $free_inodes, $manifest{inodes}, 'inodes that a tmpfs really takes');
}

# ---- inspect and verify ----

my $shown = run($TARBOOT, 'inspect', $image);
like($shown, qr{^ +$_->[0] .* /\Q$_->[1]\E$}m, "inspect shows /$_->[1]")
	for map { [sprintf('%06o', $_->{mode}), $_->{name}] } @members;
like($shown, qr/^$_=\Q$manifest{$_}\E$/m, "inspect shows $_") for sort keys %manifest;
like($shown, qr/\b1 xz stream, 1 Blocks? of at most 2\.\d MiB/, 'inspect shows the Blocks') ;
is_quiet(try($TARBOOT, 'inspect', $payload), 'inspect takes a bare .tar.xz');
for my $file ($image, $payload) {
	my $v = try($TARBOOT, 'verify', $file);
	is_quiet($v, 'verify ' . ($file eq $image ? 'the image' : 'a bare .tar.xz'));
	like($v->{out}, qr/\b$manifest{members} members/, 'it tells the members');
}

# A manifest that says another size: the payload is not the one that was packed.
for my $change (-4, 4) {
	my $n     = -s $payload;
	my $other = $n + $change;
	my $bytes_of = slurp($image);
	BAIL_OUT('the number has another length') if length $other != length $n;
	$bytes_of =~ s/payload-bytes=$n/payload-bytes=$other/ or BAIL_OUT('no payload-bytes');
	fails_well(try($TARBOOT, 'verify', spew(scratch('other'), $bytes_of)), 1, qr/manifest/,
		"verify a payload of $n bytes where the manifest says $other");
}

# Other writers' images: compressed boot part aside, a second cpio archive or padding between.
{
	my $dir = new_dir();
	spew("$dir/rootfs.tar.xz", slurp($payload));
	my $other = scratch('other.img');
	run('sh', '-c', 'cd "$0" && echo ./rootfs.tar.xz | cpio -o -H newc --quiet >"$1"', $dir, $other);
	is_quiet(try($TARBOOT, 'verify', $other), 'verify an image that cpio made');
	spew($other, slurp($image) . "\0" x 512);
	is_quiet(try($TARBOOT, 'verify', $other), 'verify an image with zeros behind it');
	spew($other, slurp($image) . 'x');
	fails_well(try($TARBOOT, 'verify', $other), 1, qr/cut short|newc/, 'verify an image with a byte behind it');
}

done_testing();
