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
my @PAGES   = (4096, 16384, 65536);
my $xattr_bytes = 0;
my ($busybox) = grep { -x } map { "$_/busybox" } split /:/, $ENV{PATH};

# Sizes around the page, holes, links: what counts in the RAM of the booted machine.
my $root = tiny_root('root', sub {
	my ($dir) = @_;
	run('sh', '-ec', <<'END', $dir);
cd "$0"
mkdir lib lib/modules lib/modules/6.1 lib/modules/6.1/kernel boot
: >etc/empty; printf x >etc/one; head -c 4096 /dev/zero >etc/page; head -c 4097 /dev/zero >etc/more
head -c 600000 /dev/urandom >etc/random; ln etc/random etc/random-2; ln etc/random etc/random-3
truncate -s 1M etc/hole
truncate -s 2M etc/holes; printf data | dd of=etc/holes bs=4096 seek=100 conv=notrunc status=none
ln -s short etc/short; ln -s "$(printf %0127d 0)" etc/127; ln -s "$(printf %0128d 0)" etc/128
ln -s "$(printf %04000d 0)" etc/4000; ln etc/short etc/short-2
mkfifo run/fifo; mknod dev/null c 1 3
END
	spew("$dir/boot/vmlinuz-6.1", bzimage('6.1'));
	# Name with its NUL, value, 64 bytes; of an ACL 4 bytes and 8 for each of its five entries.
	$xattr_bytes += $_->[1] for grep { try(@{ $_->[0] })->{exit} == 0 } (
		[ [ qw(setfattr -n user.note -v text), "$dir/etc/one" ], 64 + 10 + 4 ],
		[ [ qw(setfacl -m u:1000:r), "$dir/etc" ],               64 + 24 + 4 + 5 * 8 ],
		[ [ qw(setcap cap_net_raw+ep), "$dir/etc/more" ],        64 + 20 + 20 ]);
});
note("extended attributes: $xattr_bytes bytes, of which 314 were asked for");
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

my (%bytes, %seen);
for my $path (split /\0/, run('find', $root, '-mindepth', '1', '-print0'), -1) {
	my @st = lstat $path or next;
	next if $path =~ /vmlinuz/ || $seen{ $st[1] }++;
	my $size = -l _ ? $st[7] >= 128 : -f _ && $path !~ /hole/ ? $st[7] : 0;
	$bytes{$_} += $_ * int(($size + $_ - 1) / $_) for 1, @PAGES;
	$bytes{1}  -= $size if -l _;
}
$bytes{$_} += $_ for @PAGES;    # etc/holes has data in one page, etc/hole in none
$bytes{1}  += 4096;             # GNU dd wrote 4 bytes, of which the file system knows pages

is($manifest{format},           2,            'format');
is($manifest{payload},          'rootfs.tar.xz', 'payload');
is($manifest{'payload-bytes'},  -s $payload,  'payload-bytes');
is($manifest{members},          scalar @listed, 'members: what tar lists');
is($manifest{'unpacked-bytes'},     $bytes{4096},  'unpacked-bytes: what the files take in pages');
is($manifest{'unpacked-bytes-16k'}, $bytes{16384}, 'in pages of 16 KiB');
is($manifest{'unpacked-bytes-64k'}, $bytes{65536}, 'in pages of 64 KiB');
is($manifest{'data-bytes'},         $bytes{1},     'data-bytes: without holes');
is($manifest{files},       scalar(grep { /^-/ } @listed), 'files: hard links are not counted');
is($manifest{directories}, scalar(grep { /^d/ } @listed), 'directories');
is($manifest{'xattr-bytes'}, $xattr_bytes,                'xattr-bytes: names, values and 65 bytes each');
is($manifest{digest},      'blake2b-256',                 'digest');
is($manifest{kernel},           '6.1',        'kernel');
is($manifest{'vmlinuz-digest'}, b2sum(bzimage('6.1')), 'vmlinuz-digest');
is($manifest{init},             '/sbin/init', 'init');
like($manifest{'build-id'}, qr/^[0-9a-f]{16,64}$/, 'build-id');
like($r->{out}, qr/\b$manifest{members} members/, 'pack told the members');

# ---- its digests, as another program computes them: docs/format.md ----

sub b2sum {
	my ($bytes) = @_;
	return (split ' ', run('b2sum', '-l', '256', spew(scratch('summed'), $bytes)))[0];
}

our $whole = slurp($image);
my $text  = $boot{'tarboot/manifest'}{data};
is($manifest{'payload-digest'}, b2sum(slurp($payload)), 'payload-digest');
my $outside = slurp($payload);
substr($outside, $_->[0], $_->[1], '') for reverse map { [split / /] } $text =~ /^block=(.*)/mg;
is($manifest{'outside-digest'}, b2sum($outside), 'outside-digest');
is($manifest{'text-digest'}, b2sum($text =~ s/^text-digest=.*\n\z//mr), 'text-digest');
my $start    = $boot{'rootfs.tar.xz'}{head};    # of the payload's archive
my $boot_end = rindex($whole, 'TRAILER!!!', $start) + 14;          # with NUL and padding
my ($head, $data) = @{ $boot{'tarboot/manifest'} }{qw(head at)};
my $behind   = ($data + length($text) + 3) & ~3;
is($manifest{'boot-digest'}, b2sum(substr($whole, 0, $head) . substr($whole, $behind, $boot_end - $behind)), 'boot-digest');
my @blocks = map { [ (split /\t/)[4, 6, 7] ] } grep { /^block\t/ } split /\n/, run(qw(xz --robot -lvv), $payload);
is_deeply([ map { [ @$_[0 .. 2] ] } my @told = map { [ split / / ] } $text =~ /^block=(.*)$/mg ],
	[ map { [ $_->[0], ($_->[1] + 3) & ~3, $_->[2] ] } @blocks ], 'Blocks, where xz finds them');
is_deeply([ map { $_->[4] } @told ], [ map { b2sum(substr slurp($payload), $_->[0], $_->[1]) } @told ], 'their digests');
cmp_ok($_->[3], '>', 1 << 20, 'memory to decode one: its dictionary') for @told;

# In a real tmpfs it takes just that. (There a hard link counts as an inode, too.)
SKIP: {
	my $mount = new_dir();
	my $used  = try('unshare', '-m', 'sh', '-c', <<'END', $TARBOOT, $image, $mount);
mount --make-rprivate / && mount -t tmpfs -o huge=never,size=64m,nr_inodes=10k none "$2" ||
	mount -t tmpfs -o size=64m,nr_inodes=10k none "$2" || exit 77
"$0" unpack "$1" "$2" >/dev/null && stat -f -c '%b %f %c %d %S' "$2"
END
	skip 'cannot mount a tmpfs here', 3 if $used->{exit} == 77 || $used->{err} =~ /^unshare/;
	my ($blocks, $free, $all_inodes, $free_inodes, $size) = split ' ', $used->{out};
	is(($blocks - $free) * $size, $manifest{'unpacked-bytes'}, 'bytes that a tmpfs really takes');
	my $took = $all_inodes - $free_inodes;
	cmp_ok($took, '>=', $manifest{inodes}, "inodes that a tmpfs really takes: $took");
	cmp_ok($took, '<=', $manifest{inodes} + int($xattr_bytes / 1024) + 1, 'from Linux 6.6 on with attributes, by the KiB');
}

# ---- inspect and verify ----

my $shown = run($TARBOOT, 'inspect', $image);
like($shown, qr{^ +$_->[0] .* /\Q$_->[1]\E$}m, "inspect shows /$_->[1]")
	for map { [sprintf('%06o', $_->{mode}), $_->{name}] } @members;
like($shown, qr/^$_=\Q$manifest{$_}\E$/m, "inspect shows $_") for grep { $_ ne 'block' } sort keys %manifest;
like($shown, qr/^# and 1 block= lines$/m, 'but no digests of Blocks');
like($shown, qr/\b1 xz stream, 1 Block of at most 2\.\d MiB/, 'inspect shows the Blocks') ;
is_quiet(try($TARBOOT, 'inspect', $payload), 'inspect takes a bare .tar.xz');
for my $file ($image, $payload) {
	my $v = try($TARBOOT, 'verify', $file);
	is_quiet($v, 'verify ' . ($file eq $image ? 'the image' : 'a bare .tar.xz'));
	like($v->{out}, qr/\b$manifest{members} members/, 'it tells the members');
}

# ---- other kinds of files ----

{
	my $odc = spew(scratch('odc'), cpio_of('odc', { name => 'a', mode => 0100644, data => 'b' }));
	my $GIVE = 'Give an image that `tarboot pack` wrote, or a .tar, .tar.xz or .tar.zst file.';
	run("gzip -c '$image' >'" . scratch('image.gz') . "'");
	run("zstd -qc '$image' >'" . scratch('image.zst') . "'");
	run("xz -0 -c '$image' >'" . scratch('image.xz') . "'");
	for (['/etc/passwd', 'it is a text', $GIVE], [$TARBOOT, 'it is a program', $GIVE],
		[scratch('image.gz'), 'it is compressed by gzip', 'Unpack it with that program first.'],
		[scratch('image.zst'), 'it is an image that was compressed by zstd', 'Unpack it with that program first.'],
		[scratch('image.xz'), 'it is an image that was compressed by xz', 'Unpack it with that program first.'],
		[$odc, 'it is a cpio archive without compression', 'Compress it with xz or zstd, or make an image of it with `tarboot pack`.'],
		[spew(scratch('noise'), "\1\2\3" x 999), 'it is neither an image nor a .tar, .tar.xz or .tar.zst file', $GIVE],
		[spew(scratch('zeros'), "\0" x 10240), 'it is neither an image nor a .tar, .tar.xz or .tar.zst file', $GIVE],
		[spew(scratch('short'), '07070'), 'it is empty or too short', $GIVE]) {
		my ($path, $why, $todo) = @$_;
		my $v = try($TARBOOT, 'verify', $path);
		is($v->{err}, "tarboot: $path: $why\n  $todo\n", $why);
		is($v->{exit}, 1, 'its exit code');
		is(try($TARBOOT, 'unpack', $path, scratch('no-dir'))->{err}, $v->{err}, 'unpack says the same');
		ok(!-e scratch('no-dir'), 'and leaves nothing');
	}
}

# ---- no compression, and no integrity check ----

{
	my $first  = tar_member(name => 'a', data => 'b' x 3000);
	my $plain  = $first . tar_member(name => 'c', data => 'd' x (5 << 20)) . tar_end();
	my $tar    = spew(scratch('plain.tar'), $plain);
	my $half   = scratch('half.tar.xz');
	run('sh', '-c', '(head -c 4096 "$0" | xz --check=none; tail -c +4097 "$0" | xz) >"$1"', $tar, $half);
	my %told = (
		$tar  => [ 'not checked: the payload has no integrity check: damage may go unnoticed', 'no integrity check: damage may go unnoticed' ],
		$half => [ 'not checked: 1 of 2 Blocks, which have no integrity check', 'no integrity check in 1 of 2 Blocks: damage may go unnoticed' ]);
	for my $file ($tar, $half) {
		my ($verified, $inspected) = @{ $told{$file} };
		my $v = try($TARBOOT, 'verify', $file);
		is_quiet($v, 'verify ' . $file =~ s{.*/}{}r);
		like($v->{out}, qr/^\Q$verified\E$/m, $verified);
		like(run($TARBOOT, 'inspect', $file), qr/^  \Q$inspected\E$/m, 'inspect says it, too');
		my $dir = new_dir();
		my $u = try($TARBOOT, 'unpack', $file, $dir);
		is_quiet($u, 'it is unpacked');
		like($u->{out}, qr/^\Q$verified\E$/m, 'which says it as well');
		ok(slurp("$dir/a") eq 'b' x 3000 && slurp("$dir/c") eq 'd' x (5 << 20), 'what is in it');
	}
	like(run($TARBOOT, 'inspect', $tar), qr/^  5\.0 MiB in 1 part, 5\.0 MiB uncompressed\n  1 tar stream, 2 Blocks of at most 4\.0 MiB, /m, 'inspect shows its Blocks');

	# In an image, in parts that cut a header and a Block.
	my @parts = (substr($plain, 0, 4100), substr($plain, 4100, 4 << 20), substr $plain, 4100 + (4 << 20));
	my $parts = newc_write(scratch('parts.img'), map { { name => "rootfs.tar.xz.00$_", mode => 0100644, nlink => 1, data => $parts[$_] } } 0 .. 2);
	is_quiet(try($TARBOOT, 'verify', $parts), 'verify one in parts');
	my $dir = new_dir();
	is_quiet(try($TARBOOT, 'unpack', $parts, $dir), 'unpack one in parts');
	ok(slurp("$dir/a") eq 'b' x 3000 && slurp("$dir/c") eq 'd' x (5 << 20), 'what is in it');

	for my $name (qw(rootfs.tar.zst rootfs.tar)) {
		my $bare = newc_write(scratch('bare.img'), { name => $name, mode => 0100644, nlink => 1, data => $plain });
		is_quiet(try($TARBOOT, 'verify', $bare), "verify finds $name where there is no manifest");
	}

	my %damage = (
		'a cut' => [ substr($plain, 0, -2048), 'it ends in the middle of c (last member c, at byte 3584 of the archive, in Block 1)' ],
		'a cut in a header' => [ substr($plain, 0, length($first) + 100), 'it ends in the middle of the header that follows a (last member a, at byte 0 of the archive, in Block 1)' ],
		'a damaged first header' => [ $plain =~ s/^a/A/r, 'it is not a tar archive, or its first header is damaged' ],
		'a damaged header' => [ $plain =~ s/\0\Kc\0/C\0/r, 'the tar header at byte 3584, after a, is damaged: its checksum does not match (last member a, at byte 0 of the archive, in Block 1)' ],
		'data behind its end' => [ "${plain}more", 'more data follows its end marker (last member c, at byte 3584 of the archive, in Block 1)' ]);
	for my $what (sort keys %damage) {
		my ($bytes, $why) = @{ $damage{$what} };
		fails_well(try($TARBOOT, 'verify', spew(scratch('damaged.tar'), $bytes)), 1, qr/^tarboot: \S+: \Q$why\E\n/, "$what in a plain tar");
	}
}

# ---- any byte that is not as it was packed ----

# Flips a bit and verifies. The reason is all that is said, but for the image's name and the advice.
sub flipped {
	my ($what, $at, $why) = @_;
	my $other = $whole;
	substr($other, $at, 1) ^= "\1";
	my $v = try($TARBOOT, 'verify', spew(scratch('flipped'), $other));
	is($v->{exit}, 1, "a byte of $what: verify fails");
	like($v->{err}, qr/^tarboot: \S+: $why\n/, "because of $what");
	is($v->{out}, '', 'and calls nothing whole');
	return;
}

my $size = -s $image;
my $boot_damage = qr{the boot part \(bytes 0 to $boot_end\) is damaged: /init or another file of it is not what boot-digest in the manifest says};
my $said    = sub { $data + index($text, "\n$_[0]=") + 2 + length $_[0] };
my $head_of = sub { $boot{ $_[0] }{head} };
flipped('/init', $boot{init}{at} + 70_000, $boot_damage);
{
	local $whole = $whole . cpio_of('newc', { name => 'init', mode => 0100755, data => 'another' });
	flipped('/init, when another archive has one, too', $boot{init}{at} + 70_000, $boot_damage);
}
flipped('/bin/busybox', $boot{'bin/busybox'}{at} + 1000, $boot_damage);
flipped('etc/initrd-release', $boot{'etc/initrd-release'}{at}, $boot_damage);
flipped('the owner of /bin/busybox', $head_of->('bin/busybox') + 29, qr{the header of /bin/busybox, or the padding of its name or data, is damaged \(byte \d+\)});
flipped('the mode of /init', $head_of->('init') + 21, $boot_damage);
flipped("the padding of a name", $head_of->('bin') + 115, qr{the header of /bin, or the padding of its name or data, is damaged \(byte 0\)});
flipped("the boot part's trailer", $boot_end - 124 + 20, $boot_damage);
flipped('the zeros between the archives', $start - 5, qr{at byte \d+: this is not a newc cpio header});
flipped("the manifest's inode number", $head + 13, qr{the header of /tarboot/manifest, or the padding of its name or data, is damaged \(byte $head\)});
flipped("the manifest's time", $head + 53, qr{the header of /tarboot/manifest, .* is damaged \(byte $head\)});
flipped("the manifest's name", $head + 112, qr{its manifest is missing, although the boot part is one of tarboot pack});
my $text_damage = qr{its manifest is damaged: it does not match its own text-digest};
flipped("the number of $_", $said->($_), $text_damage)
	for qw(payload-bytes unpacked-bytes unpacked-bytes-16k unpacked-bytes-64k inodes members files data-bytes directories
	xattr-bytes init kernel build-id payload);
flipped("a digit of $_", $said->($_) + ($manifest{$_} =~ /[0-9]/ ? $-[0] : 0), $text_damage)
	for qw(payload-digest outside-digest boot-digest vmlinuz-digest);
flipped('the offset of a Block',  $said->('block'),       $text_damage);
flipped('its digest',             $said->('block') + ($text =~ /^block=(?:\d+ ){4}[a-f]*/m ? $+[0] - $-[0] - 6 : 0), $text_damage);
flipped("the text's own digest",  $said->('text-digest') + ($manifest{'text-digest'} =~ /[0-9]/ ? $-[0] : 0), $text_damage);
flipped("the key of the text's own digest", $said->('text-digest') - 2, qr{its manifest has no text-digest});
flipped('the format',             $data + 7, qr{a newer tarboot wrote its manifest});
flipped("the payload's time",     $start + 53, qr{the header of /rootfs\.tar\.xz, .* is damaged \(byte $start\)});
my $xz = $boot{'rootfs.tar.xz'}{at};
flipped('the payload in a Block', $xz + 5000, qr{Block 1 \(byte 12 of the payload\) is damaged: it is not what its digest in the manifest says});
flipped('the last trailer', rindex($whole, 'TRAILER!!!') - 100, qr{the header of /TRAILER!!!, .* is damaged \(byte \d+\)});
flipped('the zeros at the end', $size - 3, qr{at byte \d+: (?:it is cut short, or something was added to it|this is not a newc cpio header)});

# With all else right: a manifest that was wrong from the start.
sub manifest_with {
	my ($what, $change, $why) = @_;
	my $new = $change->($text =~ s/^text-digest=.*\n\z//mr);
	$new .= 'text-digest=' . b2sum($new) . "\n";
	BAIL_OUT("$what: another length") if length $new != length $text;
	my $v = try($TARBOOT, 'verify', spew(scratch('flipped'), $whole =~ s/\Q$text\E/$new/r));
	is($v->{exit}, 1, "$what: verify fails");
	like($v->{err}, qr/^tarboot: \S+: $why\n/, 'and says why');
	return;
}
manifest_with("a wrong number of $_->[0]", sub { $_[0] =~ s/^$_->[0]=\K$manifest{$_->[0]}$/$_->[1]/mr },
	"its manifest says $_->[0]=$_->[1], its members have $manifest{$_->[0]}")
	for map { [ $_, $manifest{$_} =~ tr/0-8/1-9/r =~ s/^\d*\K9$/8/r ] } qw(inodes members files directories data-bytes unpacked-bytes-64k);
manifest_with('a list of Blocks that the Index does not have', sub { $_[0] =~ s/^block=12 \K(\d+)/$1 - 4/emr },
	qr{its manifest and its Index disagree about Block 1: \d+ \d+ \d+ \d+, \d+ \d+ \d+ \d+});

manifest_with('a digest of other bytes outside of the Blocks', sub { $_[0] =~ s/^outside-digest=\K\w+$/'5' x 64/emr },
	qr{outside-digest in its manifest is not that of the payload});

# A manifest that says another size: the payload is not the one that was packed.
for my $change (-4, 4) {
	my $n     = -s $payload;
	my $other = $n + $change;
	manifest_with("a payload of $n bytes where the manifest says $other", sub { $_[0] =~ s/^payload-bytes=\K$n$/$other/mr },
		"its payload has $n bytes, its manifest says $other");
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
	like(run($TARBOOT, 'verify', $other), qr/^digests: right: manifest, boot part, each Block and the whole payload\n\z/m,
		'all digests are right');
	my ($first) = newc_read($image);
	spew($other, slurp(newc_write(scratch('microcode'), { %$first, name => 'kernel' })) . slurp($image));
	like(run($TARBOOT, 'verify', $other), qr/^digests: right: manifest, boot part, .*\nnot checked: 1 other cpio archive in this file, for which the manifest has no digest$/m,
		'an archive before it, as microcode comes, has none');
	spew($other, slurp($image) . 'x');
	fails_well(try($TARBOOT, 'verify', $other), 1, qr/cut short|newc/, 'verify an image with a byte behind it');
}

done_testing();
