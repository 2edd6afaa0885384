#!/usr/bin/perl
# A tree that holds every hard case goes through tarboot, GNU tar and bsdtar, in and out, in xz files of
# every making, with any number of threads, and must come back the same each time.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Engine;
use Test::More;

need_programs(qw(tar xz));

my @TAR    = qw(tar --xattrs --xattrs-include=* --acls --numeric-owner --sparse);
my @BSDTAR = qw(env LC_ALL=C.UTF-8 bsdtar --numeric-owner);
my $LONG   = 'n' x 254 . '!';

# GNU tar writes users in ACLs by name: the root has their numbers.
my @CASES = (
	'mkdir etc; cp /etc/passwd /etc/group etc',
	'echo same >linked; ln linked linked-2; mkdir sub; ln linked sub/linked-3',
	'echo x >suid; chown 7:8 suid; chmod 6711 suid; mkdir sgid; chgrp 9 sgid; chmod 3777 sgid',
	'echo x >owner; chown 1000:1001 owner; echo x >nobody; chown 4294967294:4294967294 nobody',
	'echo x >no-mode; chmod 0 no-mode; mkdir closed; echo x >closed/file; chmod 0 closed',
	'mkdir readonly; echo x >readonly/file; mkdir readonly/empty; chmod 555 readonly',
	'for m in 0 111 1777 2755 700; do mkdir empty-$m; chmod $m empty-$m; done',
	'echo x >nano; touch -d "2026-01-01 00:00:00.000000001 UTC" nano',
	'echo x >old; touch -d "1965-07-08 09:10:11 UTC" old; : >epoch; touch -d @0 epoch',
	'echo x >future; touch -d "2200-01-01 00:00:00.25 UTC" future',
	'mkdir dated; echo x >dated/file; touch -d "1999-12-31 23:59:59.999999999 UTC" dated',
	'ln -s nowhere link; chown -h 12345:54321 link',
	'ln -s /etc/passwd abs; touch -h -d "2001-02-03 04:05:06.789012345 UTC" abs',
	'ln -s same link-1; ln link-1 link-2',
	'ln -s "$(printf %01000d 0)" long-target; ln -s "$(printf %04095d 0)" longest-target',
	'mkfifo fifo; chmod 620 fifo; touch -d "2002-02-02 02:02:02.2 UTC" fifo',
	'mknod null c 1 3; chmod 666 null; mknod disk b 8 1; chown 0:6 disk; chmod 660 disk',
	'mknod major c 511 3; mknod minor b 259 1048575',
	'truncate -s 4M hole',
	'truncate -s 5M sparse; for o in 0 4096 1000000 5242879; do
		printf data%d $o | dd of=sparse bs=1 seek=$o conv=notrunc status=none; done',
	'truncate -s 3M ends; printf end | dd of=ends bs=1M seek=3 conv=notrunc status=none',
	': >empty; printf x >one; head -c 512 /dev/zero >block; head -c 10240 /dev/zero >zeros',
	'i=0; while [ $i -lt 300 ]; do echo $i >many-$i; i=$((i+1)); done',
	'head -c 900000 /dev/urandom >random; head -c 500000 /dev/urandom | base64 >text',
	'echo x >"$(printf "latin-\351\377")"; echo x >"$(printf "utf8-\303\251-\342\202\254")"',
	'echo x >"$(printf "new\nline tab\t back\\\\slash \001")"; echo x >"-rf *"; echo x >" "',
	'echo x >"trailing "; mkdir "...";  echo x >".../.hidden"; ln -s "$(printf "\377\n")" bytes',
	"echo x >$LONG; mkdir \$(printf %0255d 0); ln -s x \$(printf %0255d 1)",
	'd=$(printf %0200d 0); for i in 1 2 3 4 5 6 7 8; do mkdir $d; cd $d; done; echo deep >file; '
		. 'ln file linked; ln -s file link; chmod 500 .',
	'echo x >xattr; setfattr -n user.test -v "a value" xattr; setfattr -n user.empty xattr',
	'echo x >binary; setfattr -n user.binary -v 0x00ff0a3d00 binary',
	'mkdir xdir; setfattr -n trusted.test -v 0x00 xdir; setfattr -n user.d -v d xdir',
	'ln -s x xlink; setfattr -h -n trusted.link -v on-a-link xlink',
	'head -c 3000 /dev/urandom >big; setfattr -n user.big -v 0x$(od -An -tx1 -v big | tr -d " \n") big',
	'cp /bin/true capable; setcap cap_net_raw,cap_sys_admin+ep capable; chown 0:33 capable; '
		. 'setcap cap_net_bind_service=ei capable; ln capable capable-2',
	'echo x >acl; setfacl -m u:1000:rw,u:2000000000:r,g:33:r,m::rwx acl; chmod 4711 acl',
	'mkdir acls; setfacl -m u:1000:rwx,d:u:1001:r,d:g:33:rwx,d:o::- acls; echo x >acls/inherits',
	'mkdir default-only; setfacl -d -m u::rwx,g::r-x,o::- default-only',
);

# What GNU tar (links to what is no file) or libarchive (fractions before 1970) does its own way.
my @ODD_CASES = (
	'mkfifo fifo; ln fifo fifo-2; mknod null c 1 3; ln null null-2; ln -s x link; ln link link-2',
	'echo x >old; touch -d "1965-07-08 09:10:11.123456789 UTC" old',
	'mkdir older; touch -d "1910-07-08 09:10:11.000000001 UTC" older',
);

# What GNU tar keeps and libarchive does not: names by their bytes, user numbers above 2^31 in ACLs, '=' and '%' in names of
# attributes, fractions of the second before 1970.
my @EXACT_CASES = (
	'echo x >half; touch -d @-0.5 half; echo x >tiny; touch -d @-0.000000001 tiny; ln -s x link; touch -h -d @-1.25 link',
	'mkdir half-dir; touch -d @-0.75 half-dir',
	'echo 1 >"$(printf "caf\303\251")"; echo 2 >"$(printf "cafe\314\201")"',
	'n=$(printf "cafe\314\201%0120d" 0); echo 3 >"$n"; ln "$n" linked; ln -s "$n" to-it; echo 4 >"$(printf "caf\303\251%0120d" 0)"',
	'echo x >acl; setfacl -m u:4294967294:rw,u:2147483647:r,g:2147483648:x,m::rwx acl',
	'mkdir acls; setfacl -m u:4000000000:rwx,d:u:4294967294:r,d:g:33:rwx,d:o::- acls',
	'echo x >keys; for k in a=b 100% %41 %3D "a b" "$(printf "\303\251\377")"; do setfattr -n "user.$k" -v "of $k" keys; done',
	'd=$(printf %0155d 0); mkdir $d; for n in 99 100 101; do echo x >$d/$(printf %0${n}d 0); mkdir $d/$(printf 1%0${n}d 0); done',
	'for n in 99 100 101; do echo x >$(printf "x%0${n}d" 0); ln -s $(printf %0${n}d 0) $(printf "l%0${n}d" 0); done',
	'truncate -s 8M many; for o in $(seq 0 8 2040); do printf x | dd of=many bs=4096 seek=$o conv=notrunc status=none; done',
	'mknod last b 4095 1048575',
);

# Makes as much of the tree as this machine can.
sub make_tree {
	my ($dir, @cases) = @_;
	mkdir $dir;
	for my $case (@cases) {
		next if eval { run('sh', '-ec', "umask 022; cd '$dir'; $case"); 1 };
		diag("left out here: $case");
	}
	run('chown', '3:4', $dir);
	run('chmod', '2751', $dir);
	run('touch', '-d', '2003-03-03 03:03:03.3 UTC', $dir);
	return treelist($dir);
}

sub unpacked {
	my ($file, $want, $name, %o) = @_;
	my $dir    = new_dir();
	my $binary = $o{binary} // build_path('tarboot');
	my $r      = try($binary, 'unpack', $file, $dir, $o{threads} ? ("--threads=$o{threads}") : ());

	is_quiet($r, "$name: unpacked");
	same_tree(treelist($dir), $want, "$name: the same tree");
	run('rm', '-rf', $dir);
	return;
}

my $tree = scratch('tree');
my $want = make_tree($tree, @CASES);
note(scalar(() = $want =~ /\n/g) . ' names');

# ---- through tarboot alone ----

my $image = scratch('directory.img');
my @PACK = (qw(--force --no-shell --kernel=none));
my $r    = try(build_path('tarboot'), 'pack', $tree, '-o', $image, @PACK);
is($r->{exit}, 0, 'packed from a directory') or diag($r->{err});
unpacked($image, $want, "from a directory, $_ threads", threads => $_) for 1, 2, 3, 8, 64;
my $payload = payload_of($image);
unpacked($payload, $want, "its payload, by the $_->[0] build", binary => $_->[1], threads => 3)
	for variants();

# The sanitizer builds pack, too, with the release build's /init beside them: the same bytes.
for (grep { $_->[0] ne 'musl' } variants()) {
	my ($build, $binary) = @$_;
	my $bin = new_dir();
	run('cp', $binary, build_path('init'), $bin);
	my $by = try("$bin/tarboot", 'pack', $tree, '-o', "$bin/image", @PACK);
	is($by->{exit}, 0, "packed by the $build build") or diag($by->{err});
	ok(-e "$bin/image" && slurp("$bin/image") eq slurp($image), 'to the same bytes');
}

# ---- the payload is an ordinary tar.xz ----

sub extracted {
	my ($name, $want, @command) = @_;
	my $dir = new_dir();
	run('sh', '-c', 'cd "$0" && exec "$@"', $dir, @command);
	# bsdtar does not keep the time of "."
	same_tree(treelist(qw(-x .), $dir), $want =~ s/^\. .*\n//mr, $name);
	run('rm', '-rf', $dir);
	return;
}

extracted('GNU tar extracts the same from our payload', $want, @TAR, '-xpf', $payload);
SKIP: {
	need(1, 'bsdtar');
	extracted('bsdtar extracts the same from our payload', $want,
		@BSDTAR, '-xpf', $payload);
}

# Names, types, targets, modes, owners but of symlinks, content: what programs keep that know neither attributes nor fractions of a second.
sub plain {
	my ($list, @without) = @_;
	my $names = join '|', map { quotemeta } '.', @without;
	return join '', map {
		s/ (?:user|trusted|security|system)\.\S+//gr =~ s/ -?\d+\.\d{9}\b//r =~ s/ sparse$//r =~ s/ l 0777 \d+ \d+/ l/r }
		grep { !/^(?:$names) / } map { "$_\n" } split /\n/, $list;
}

sub extracted_plain {
	my ($name, $want, $without, @command) = @_;
	my $dir = new_dir();
	run('sh', '-c', 'cd "$0" && exec "$@"', $dir, @command);
	same_tree(plain(treelist($dir), @$without, 'GNUSparseFile.0', map { "GNUSparseFile.0/$_" } @$without),
		plain($want, @$without), $name);
	run('rm', '-rf', $dir);
	return;
}

my $PYTHON = 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(numeric_owner=True)';
SKIP: {
	need(1, 'python3');
	extracted_plain("Python's tarfile does, but for attributes and names of one symlink", $want, [qw(link-1 link-2)],
		'python3', '-c', $PYTHON, $payload);
}
SKIP: {
	need(1, 'busybox');
	run('sh', '-c', "xz -dc '$payload' >'$payload.tar'");
	extracted_plain('busybox does, but for attributes and sparse files', $want, [qw(hole sparse ends)],
		qw(busybox tar --numeric-owner -xpf), "$payload.tar");
}

# ---- tar archives as sources ----

my $gnu = scratch('gnu.tar');
run(@TAR, '--format=pax', '-C', $tree, '-cf', $gnu, '.');

sub packed_from {
	my ($name, @source) = @_;
	my $to = scratch('from.img');
	my %o  = $source[0] eq '-' ? (stdin => $source[1]) : ();
	my $packed = try(\%o, build_path('tarboot'), 'pack', $source[0], '-o', $to, @PACK);

	is($packed->{exit}, 0, "packed from $name") or return diag($packed->{err});
	unpacked($to, $want, "from $name");
	unlink $to;
	return;
}

packed_from('GNU tar on stdin', '-', $gnu);
for (['gz', 'gzip'], ['zst', 'zstd'], ['bz2', 'bzip2'], ['xz', 'xz']) {
	my ($ending, $program) = @$_;
SKIP: {
		need(2, $program);
		run('sh', '-c', "$program -1 <'$gnu' >'$gnu.$ending'");
		packed_from("a .tar.$ending", "$gnu.$ending");
		packed_from("a .tar.$ending on stdin", '-', "$gnu.$ending");
		unlink "$gnu.$ending";
	}
}

# ---- foreign payloads ----

# How xz can look: options, or a command that reads the tar.
my @XZ = (
	['xz -T1, one solid Block',             'xz -1 -T1 <%s'],
	['xz -T2, Blocks with sizes',           'xz -1 -T2 --block-size=65536 <%s'],
	['xz -T1, Blocks without sizes',        'xz -1 -T1 --block-size=65536 <%s'],
	['Blocks of 10000 bytes and SHA-256',   'xz -0 -T2 --block-size=10000 --check=sha256 <%s'],
	['two streams with padding',            '{ head -c 300001 %s | xz -1; printf "\0\0\0\0"; '
			. 'tail -c +300002 %s | xz -0 --block-size=65536 --check=crc32; printf "\0\0\0\0\0\0\0\0"; }'],
	['the x86 filter and a large dictionary',
		'xz -T1 --block-size=400000 --x86 --lzma2=preset=0,dict=8MiB <%s'],
	['no check',                            'xz -0 -T2 --block-size=200000 --check=none <%s'],
);

sub foreign {
	my ($name, $tar, $want, @kinds) = @_;

	for my $kind (@kinds ? @XZ[@kinds] : @XZ) {
		my ($how, $command) = @$kind;
		(my $sh = $command) =~ s/%s/'$tar'/g;
		run('sh', '-ec', "$sh >'$tar.xz'");
		unpacked("$tar.xz", $want, "$name, $how, $_ threads", threads => $_) for 1, 3;
		is_quiet(try(build_path('tarboot'), 'verify', "$tar.xz"), "$name, $how: verified");
		unlink "$tar.xz";
	}
	return;
}

foreign('GNU tar pax', $gnu, $want);

run('xz', '-1', '-k', '-T2', '--block-size=65536', $gnu);
unpacked("$gnu.xz", $want, "GNU tar pax, $_ threads", threads => $_) for 2, 8, 64;
unpacked("$gnu.xz", $want, "GNU tar pax, by the $_->[0] build", binary => $_->[1], threads => 3)
	for variants();
unlink "$gnu.xz";

SKIP: {
	need(1, 'bsdtar');
	my $bsd = scratch('bsd.tar');
	run(@BSDTAR, '--format=pax', '-C', $tree, '-cf', $bsd, '.');
	foreign('bsdtar pax', $bsd, $want, 0, 1);
}

# Formats that cannot hold everything: what GNU tar itself makes of them is right.
for my $format (qw(gnu oldgnu ustar v7)) {
	my $tar = scratch("$format.tar");
	my $dir = new_dir();

	# 255 bytes and 1 KiB of name, large numbers and times: what a format has no room for stays out
	my @old = $format =~ /gnu/ ? () : (
		'--exclude=./0*', '--exclude=./n*!', qw(--exclude=nobody --exclude=long* --exclude=old),
		qw(--exclude=before --exclude=future --exclude=minor));
	push @old, qw(--exclude=fifo* --exclude=null --exclude=disk --exclude=major) if $format eq 'v7';
	run('sh', '-c', 'exec "$@" 2>/dev/null || test $? = 2', 'sh', qw(tar --numeric-owner), "--format=$format",
		($format =~ /gnu/ ? '--sparse' : ()), @old, '-C', $tree, '-cf', $tar, '.');
	run(qw(tar --numeric-owner -xpf), $tar, '-C', $dir);
	foreign("tar --format=$format", $tar, treelist($dir), 0);
}

# ---- what others do their own way ----

my $odd      = scratch('odd');
my $want_odd = make_tree($odd, @ODD_CASES);

try(build_path('tarboot'), 'pack', $odd, '-o', $image, @PACK);
unpacked($image, $want_odd, 'links to what is no file, fractions before 1970');
unlink 'odd.tar';
run(@TAR, '--format=pax', '-C', $odd, '-cf', "$odd.tar", 'old', 'older');
my ($old) = $want_odd =~ /^(old .*)$/m;
my $dir = new_dir();
run('sh', '-c', "xz -1 <'$odd.tar' >'$odd.tar.xz'");
try(build_path('tarboot'), 'unpack', "$odd.tar.xz", $dir);
my ($ours) = treelist($dir) =~ /^(old .*)$/m;
is($ours, $old, 'a fraction before 1970 as GNU tar writes it');
$dir = new_dir();
run(@TAR, '-xpf', payload_of($image), '-C', $dir);
($ours) = treelist($dir) =~ /^(old .*)$/m;
is($ours, $old, 'GNU tar reads the same from what we write');

my $exact      = scratch('exact');
my $want_exact = make_tree($exact, @EXACT_CASES);

is(try(build_path('tarboot'), 'pack', $exact, '-o', $image, @PACK)->{exit}, 0, 'packed what libarchive does not keep');
unpacked($image, $want_exact, 'names by their bytes, large numbers, odd times');
extracted('GNU tar extracts the same', $want_exact, @TAR, '-xpf', payload_of($image));
$dir = new_dir();
run(qw(tar --acls --numeric-owner -xpf), payload_of($image), '-C', $dir);
is(join('', treelist($dir) =~ /^(acls? .*\n)/mg), join('', $want_exact =~ /^(acls? .*\n)/mg),
	'and its ACLs, which are text');

done_testing();
