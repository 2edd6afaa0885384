#!/usr/bin/perl
# An image appears whole or not at all: whatever makes pack fail, the old image and kernel stay, and
# nothing else is left beside them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep);

need_programs(qw(busybox tar gzip xz unshare mount setpriv mkfifo));
my $TARBOOT = build_path('tarboot');
my @PACK    = qw(--no-shell --force --level=fast);

my $root = tiny_root('root', sub {
	my ($dir) = @_;
	make_kernel($dir);
	run('sh', '-c', 'head -c 900000 /dev/urandom >"$0/etc/random"', $dir);
});
my $tar = scratch('root.tar');
run('tar', '-C', $root, '-cf', $tar, '.');

sub make_kernel {
	my ($dir) = @_;
	mkdir "$dir/boot";
	mkdir "$dir/lib";
	mkdir "$dir/lib/modules";
	mkdir "$dir/lib/modules/6.1";
	mkdir "$dir/lib/modules/6.1/kernel";
	spew("$dir/boot/vmlinuz-6.1", bzimage('6.1', 'new kernel'));
	return;
}

# A directory with an old image and its kernel.
sub old_image {
	my $dir = new_dir();
	spew("$dir/image",         'old image');
	spew("$dir/image.vmlinuz", 'old kernel');
	return "$dir/image";
}

sub old_image_stays {
	my ($image, $name) = @_;
	my $dir = $image =~ s{/[^/]*\z}{}r;

	ok(slurp($image) eq 'old image', "$name: the old image stays");
	ok(slurp("$image.vmlinuz") eq 'old kernel', "$name: the old kernel stays");
	is(join(' ', map { s{.*/}{}r } sort glob "$dir/* $dir/.[!.]*"), 'image image.vmlinuz',
		"$name: nothing else is there");
	return;
}

# First the good case, or the others would mean nothing.
{
	my $image = old_image();
	is(try($TARBOOT, 'pack', $root, '-o', $image, @PACK)->{exit}, 0, 'a good pack');
	ok(slurp($image) ne 'old image', 'replaces the image');
	is(slurp("$image.vmlinuz"), bzimage('6.1', 'new kernel'), 'and the kernel');
	is(join(' ', map { s{.*/}{}r } sort glob $image =~ s{[^/]*\z}{*}r),
		'image image.vmlinuz', 'and leaves nothing else');
}

# A kernel belongs to its image: without a new one the old one must not be taken for it.
for (['--kernel=none'], ['no kernel in the root', '--exclude=/boot/']) {
	my ($name, $option) = ($_->[0], $_->[-1]);
	my $image = old_image();
	my $r = try($TARBOOT, 'pack', $root, '-o', $image, @PACK, $option);
	is($r->{exit}, 0, "$name: it is packed") or diag($r->{err});
	like($r->{out}, qr/^kernel   none; the one of the image before is \Q$image.vmlinuz\E\.old now$/m, "$name: which is said");
	is(slurp("$image.vmlinuz.old"), 'old kernel', "$name: nothing is lost");
	is(join(' ', map { s{.*/}{}r } sort glob $image =~ s{[^/]*\z}{*}r), 'image image.vmlinuz.old',
		"$name: no kernel is beside the image");
}
# ---- sources that are not whole ----

my $bytes = slurp($tar);
my $header = index($bytes, './etc/random');    # of a member in the middle
my $body   = $bytes =~ s/\0{1024,}\z//r;
$body .= "\0" x (-length($body) % 512);

# In a gzip file everything may be read before its own checksum turns out wrong.
sub gzipped {
	my ($data) = @_;
	spew(scratch('g.tar'), $data);
	return run('sh', '-c', 'gzip -1 -c <"$0"', scratch('g.tar'));
}
my $gzip = gzipped($bytes);
my $wrong_crc = $gzip;
substr($wrong_crc, -8, 4) = "\1\2\3\4";
my $xz = slurp(xz_of($bytes, '-1'));
my $wrong_xz = $xz;
substr($wrong_xz, -20, 1) ^= "\x10";

my @SOURCES = (
	['a tar cut in a file',           substr($bytes, 0, length($body) / 2 + 100)],
	['a tar cut in a header',         substr($body, 0, 700)],
	['a tar without its end marker',  $body],
	['two tars in one file',          $bytes . $bytes],
	['an empty file',                 ''],
	['a text',                        "hello, world\n" x 100],
	['a tar with a damaged header', substr($bytes, 0, $header + 2) . 'E' . substr($bytes, $header + 3)],
	['a gzip file that is cut',       substr($gzip, 0, length($gzip) / 2)],
	['a gzip file without its end',   substr($gzip, 0, -9)],
	['a gzip file with a wrong checksum', $wrong_crc],
	['an xz file that is cut',        substr($xz, 0, length($xz) / 2)],
	['an xz file without its end',    substr($xz, 0, -13)],
	['an xz file with a damaged Index', $wrong_xz],
);
for (@SOURCES) {
	my ($name, $data) = @$_;
	my $source = spew(scratch('source'), $data);
	my $image  = old_image();

	fails_well(try($TARBOOT, 'pack', $source, '-o', $image, @PACK), 1, qr/tarboot/, $name);
	old_image_stays($image, $name);
	$image = old_image();
	fails_well(try({ stdin => $source }, $TARBOOT, 'pack', '-', '-o', $image, @PACK),
		1, qr/tarboot/, "$name, on stdin");
	old_image_stays($image, "$name, on stdin");
}

# The program that reads a disk ends within a file: not its tar is to blame.
{
	my $disk  = spew(scratch('disk.qcow2'), "QFI\xfb" . "\0" x 1000);
	my $bin   = new_dir();
	my $image = old_image();
	spew("$bin/part", tar_member(name => 'f', size => 1 << 20) . 'x' x 1000);
	spew("$bin/guestfish", "#!/bin/sh\ncat '$bin/part'\nexit 3\n", 0755);
	my $r = try({ env => { PATH => "$bin:$ENV{PATH}" } }, $TARBOOT, 'pack', $disk, '-o', $image, @PACK);
	is("$r->{exit} $r->{err}", "1 tarboot: $disk: the program that reads it failed (exit status 3)\n  See its messages above. "
		. "If it finds no system there, mount the disk (guestmount, or losetup -P and mount) and pack that directory.\n",
		'the program that reads a disk fails');
	old_image_stays($image, 'the program that reads a disk fails');
}

# Members that claim far more than there is: what is written of one must not be filled up to that before it ends. A map of
# holes may be whole, and the file of that size is one.
my $HUGE = 1 << 60;
sub sparse_map { my $map = join "\n", @_, ''; return $map . "\0" x (-length($map) % 512) }
sub sparse {
	my ($size, $data) = @_;
	return tar_pax('GNU.sparse.major' => 1, 'GNU.sparse.minor' => 0, 'GNU.sparse.name' => 'huge', 'GNU.sparse.realsize' => $HUGE)
		. substr(tar_member(name => 'huge', size => $size), 0, 512) . $data;
}
my $two_pieces = sparse_map(2, 0, 512, $HUGE - 512, 512);
my @HUGE = (
	['a size of 2^60 and nothing more', tar_pax(size => $HUGE) . tar_member(name => 'huge')],
	['a size of 2^60 and 100,000 bytes', tar_pax(size => $HUGE) . tar_member(name => 'huge') . 'x' x 100_000],
	['a size of 2^60 and 10 MB', tar_pax(size => $HUGE) . tar_member(name => 'huge') . 'x' x 10_000_000],
	['a size of 2^60 in base 256', tar_member(name => 'huge', size => "\x80\0\0\0" . pack 'Q>', $HUGE) . 'x' x 100_000],
	['a hole of 2^60 and no data', sparse(1536, $two_pieces)],
	['a hole of 2^60 and half of the data', sparse(1536, $two_pieces . 'x' x 512)],
);
for (@HUGE) {
	my ($name, $data) = @$_;
	my $source = spew(scratch('source'), $data);
	my $image  = old_image();

	fails_well(try({ limit => 30 }, $TARBOOT, 'pack', $source, '-o', $image, @PACK), 1, qr/tarboot/, $name);
	old_image_stays($image, $name);
}
{
	my $source = spew(scratch('source'), sparse(1536, $two_pieces . 'x' x 1024) . tar_end());
	my $image  = scratch('huge.img');
	my $r      = try({ limit => 30 }, $TARBOOT, 'pack', $source, '-o', $image, @PACK, '--kernel=none');
	is($r->{exit}, 0, 'a hole of 2^60 with its data: packed') or diag($r->{err});
	my %size = map { $_->{path} => $_->{size} } @{ decode_json(run($TARBOOT, 'inspect', '--json', $image))->{files} };
	is($size{huge}, $HUGE, 'of that size');
	unlink $image;
}

# ---- roots that cannot be read or packed ----

{
	my $image = old_image();
	my $dir   = new_dir();
	run($^X, '-e', 'chdir shift; $n = "n" x 250; for (1 .. 17) { mkdir $n; chdir $n or die } '
			. 'open F, ">", "file" or die', $dir);
	fails_well(try($TARBOOT, 'pack', $dir, '-o', $image, @PACK), 1, qr/too long/, 'a path of more than 4 KiB');
	old_image_stays($image, 'a path of more than 4 KiB');
}
{
	my $dir   = public('root');
	my $out   = public('out');
	my $image = "$out/image";
	run('cp', '-r', old_image() =~ s{/[^/]*\z}{}r, $out);
	mkdir $dir or die "$dir: $!";
	spew("$dir/secret", 'secret', 0600);
	run('chown', '-R', '65534:65534', $out);
	my $r = try(qw(setpriv --reuid=65534 --regid=65534 --clear-groups), public_tarboot(), 'pack', $dir,
		'-o', $image, @PACK);
	is($r->{err} =~ s/^tarboot: warning: .*\n//mgr, "tarboot: secret: cannot read it: Permission denied\n"
			. "  Run it as root (sudo tarboot ...), or as a user who has access.\n", 'a file that may not be read');
	is($r->{exit}, 1, 'a file that may not be read: exit');
	old_image_stays($image, 'a file that may not be read');
}

# ---- targets that cannot be written ----

{
	my $image = old_image();
	my $dir   = $image =~ s{/[^/]*\z}{}r;
	unlink "$image.vmlinuz";
	mkdir "$image.vmlinuz";
	my $r = try($TARBOOT, 'pack', $root, '-o', $image, @PACK);
	fails_well($r, 1, qr/vmlinuz/, 'a directory in the place of the kernel');
	is(slurp($image), 'old image', 'the old image stays');
	is(join(' ', map { s{.*/}{}r } sort glob "$dir/*"), 'image image.vmlinuz', 'nothing else is there');
}

# A report that cannot be written.
{
	my $mount = new_dir();
	my $image = old_image();
	my $r     = try('unshare', '-m', 'sh', '-c', <<'END', $TARBOOT, $root, $image, $mount);
mount --make-rprivate / && mount -t tmpfs -o size=4k none "$3" || exit 77
"$0" pack "$1" -o "$2" --no-shell --force --level=fast --report "$3/r.json" >/dev/null
echo "exit=$? files=$(ls -A "$3" | wc -l)"
END
SKIP: {
		skip 'cannot mount a tmpfs here', 5 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
		is($r->{out}, "exit=1 files=0\n", 'there is no room for a report');
		like($r->{err}, qr{^tarboot: \Q$mount\E/r\.json: cannot write it: No space left on device$}m, 'which is said');
		old_image_stays($image, 'no room for a report');
	}
}

# A tmpfs that is too small, at once or for the second copy of the payload.
for my $size (64, 1200, 2400) {
	my $mount = new_dir();
	my $r     = try('unshare', '-m', 'sh', '-c', <<'END', $TARBOOT, $root, $mount, $size);
mount --make-rprivate / && mount -t tmpfs -o "size=$3k" none "$2" || exit 77
printf 'old image' >"$2/image"; printf 'old kernel' >"$2/image.vmlinuz"
"$0" pack "$1" -o "$2/image" --no-shell --force --level=fast >/dev/null
echo "exit=$? image=$(cat "$2/image") kernel=$(cat "$2/image.vmlinuz") files=$(ls -A "$2" | wc -l)"
END
SKIP: {
		skip 'cannot mount a tmpfs here', 2 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
		is($r->{out}, "exit=1 image=old image kernel=old kernel files=2\n",
			"a disk of $size KiB is full: nothing changes")
			or diag($r->{err});
		like($r->{err}, qr{^tarboot: \Q$mount\E/image: cannot write [^\n]*: No space left on device\n}m, 'and it is told where');
	}
}

# The same of a TMPDIR, for file data that cannot be read twice: said before it is full.
for my $pack ('gzip', 'xz -T1') {
	my $mount = new_dir();
	my $big   = new_dir();
	run('cp', '-a', "$root/.", $big);
	run('sh', '-c', 'head -c 3000000 /dev/urandom >"$0/data"', $big);
	my $tar = "$big.tar.z";
	run('sh', '-c', 'tar -C "$0" -cf - . | $1 >"$2"', $big, $pack, $tar);
	my $r = try('unshare', '-m', 'sh', '-c', <<'END', $TARBOOT, $tar, $mount, "$big.img");
mount --make-rprivate / && mount -t tmpfs -o size=1m none "$2" || exit 77
TMPDIR="$2" "$0" pack "$1" -o "$3" --no-shell --force --level=fast --kernel=none >/dev/null
echo "exit=$? files=$(ls -A "$2" | wc -l)"
END
SKIP: {
		skip 'cannot mount a tmpfs here', 2 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
		my $needed = qr/\Q$mount\E: a temporary file of up to \d\.\d MiB is needed, and there is room for 1\.0 MiB/;
		is($r->{out}, "exit=1 files=0\n", "TMPDIR is full ($pack)");
		like($r->{err}, qr/\Atarboot: warning: $needed\. Set TMPDIR to a directory with more room\.\n(?s:.*)^tarboot: $needed\n/m,
			'which is said beforehand, and when it is');
	}
}

# Data that scrubbing empties needs no room there.
SKIP: {
	my $mount = new_dir();
	my $logs  = spew(scratch('logs.tar'), join('', map { tar_member(@$_) } [ name => 'sbin/', type => 5, mode => 0755 ],
		[ name => 'sbin/init', mode => 0755, data => "#!/bin/sh\n" ], [ name => 'var/log/x', data => 'x' x 5_000_000 ]) . tar_end());
	my $r = try('unshare', '-m', 'sh', '-c', <<'END', $TARBOOT, $logs, $mount, "$logs.img");
mount --make-rprivate / && mount -t tmpfs -o size=1m none "$2" || exit 77
cat "$1" | TMPDIR="$2" "$0" pack - -o "$3" --no-shell --force --level=fast --kernel=none
END
	skip 'cannot mount a tmpfs here', 2 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
	is($r->{exit}, 0, 'a log larger than TMPDIR is packed') or diag($r->{err});
	skip 'it is not', 1 if $r->{exit};
	my %size = map { $_->{path} => $_->{size} } @{ decode_json(run($TARBOOT, 'inspect', '--json', "$logs.img"))->{files} };
	is($size{'var/log/x'}, 0, 'empty');
}

# What is wrong with a target is found before the root is looked for, and nothing is made.
my $missing = 'Create that directory first, or give another one.';

sub refuses_target {
	my ($name, $says, @arguments) = @_;
	my $r = try({ limit => 20 }, $TARBOOT, @arguments);

	is($r->{exit}, 1, "$name: exit");
	is($r->{err}, "tarboot: $says\n", "$name: message");
	return;
}

{
	my $dir = new_dir();
	run('mkdir', "$dir/directory");
	run('mkfifo', "$dir/pipe");
	symlink '/dev/null',   "$dir/null"  or die "symlink: $!";
	symlink 'nowhere/img', "$dir/astray" or die "symlink: $!";
	spew("$dir/root.tar", $bytes);
	my $before = treelist($dir);
	my $file   = "\n  Give the name of a file.";
	for my $command ([qw(pack /no/such), @PACK, '-o'], [qw(timeline /no/such -o)]) {
		my @c = @$command;
		refuses_target("$c[0] into a directory", "$dir/directory: it is a directory\n  Give the name of a file in it.", @c, "$dir/directory");
		refuses_target("$c[0] into what would be one", "$dir/new/: it is a directory\n  Give the name of a file in it.", @c, "$dir/new/");
		refuses_target("$c[0] into a pipe",   "$dir/pipe: it is a pipe: only a file can be replaced$file", @c, "$dir/pipe");
		refuses_target("$c[0] into a device", "/dev/null: it is a device: only a file can be replaced$file", @c, '/dev/null');
		refuses_target("$c[0] by a link to a device", "$dir/null: it is a device: only a file can be replaced$file", @c, "$dir/null");
		refuses_target("$c[0] by a link into no directory",
			"$dir/astray: cannot write into its directory: No such file or directory\n  $missing", @c, "$dir/astray");
		refuses_target("$c[0] into no directory",
			"$dir/no/x: cannot write into its directory: No such file or directory\n  $missing", @c, "$dir/no/x");
		refuses_target("$c[0] below a file", "$dir/root.tar/x: cannot write it: Not a directory\n  Check the path: a part of it is a file, and not a directory.", @c, "$dir/root.tar/x");
	}
	my $same = "it would overwrite another file that this command reads or writes\n  Give another name.";
	refuses_target('pack -o -', "-: this cannot be written to standard output\n  Give the name of a file (./- for one that is called -).",
		'pack', '/no/such', '-o', '-');
	my $r = try('sh', '-c', '"$@" | cat', 'sh', $TARBOOT, 'pack', '/no/such', '-o', '/dev/stdout');
	is($r->{err}, "tarboot: /dev/stdout: it is a pipe: only a file can be replaced$file\n", 'pack -o /dev/stdout');
	refuses_target('pack over its root', "$dir/./root.tar: $same", 'pack', "$dir/root.tar", @PACK, '-o', "$dir/./root.tar");
	refuses_target('a report into no directory', "$dir/no/r.svg: cannot write into its directory: No such file or directory\n  $missing",
		'pack', '/no/such', '-o', "$dir/image", '--report', "$dir/no/r.svg");
	refuses_target('a report over the image', "$dir/image.svg: $same",
		'pack', '/no/such', '-o', "$dir/image.svg", '--report', "$dir/image.svg");
	refuses_target('inspect: a report into no directory', "$dir/no/r.svg: cannot write into its directory: No such file or directory\n  $missing",
		'inspect', '/no/such', '--report', "$dir/no/r.svg");
	refuses_target('a kernel that is a pipe', "$dir/pipe: it is not a Linux kernel\n  Give the file that a boot loader loads: "
			. 'vmlinuz, bzImage or Image.', 'pack', $root, '-o', "$dir/image", '--no-shell', '--kernel', "$dir/pipe");
	my $fifos = new_dir();
	run('mkdir', "$fifos/etc");
	run('mkfifo', "$fifos/etc/fstab");
	is(try({ limit => 20 }, $TARBOOT, 'pack', $fifos, '-n', '--force')->{exit}, 0, 'a root whose fstab is a pipe');
	refuses_target('inspect a pipe', "$dir/pipe: it is not a regular file\n  Give an image that `tarboot pack` wrote, or a .tar, .tar.xz or .tar.zst file.",
		'inspect', "$dir/pipe");
	is(treelist($dir), $before, 'nothing has changed');
	refuses_target('a dry run says so, too', "$dir/pipe: it is a pipe: only a file can be replaced\n  Give the name of a file.",
		'pack', $root, '-n', '--force', '-o', "$dir/pipe");
	refuses_target('a dry run into no directory', "$dir/no/x: cannot write into its directory: No such file or directory\n  $missing",
		'pack', $root, '-n', '--force', '-o', "$dir/no/x");
}

# A file that is mounted there, as containers have them, cannot be replaced.
SKIP: {
	my $dir = new_dir();
	spew("$dir/$_", 'old') for 'an image', 'mounted';
	my $r = try('unshare', '-m', 'sh', '-c', 'mount --make-rprivate / && mount --bind "$2" "$1" || exit 77; exec "$0" pack /no/such -o "$1"',
		$TARBOOT, "$dir/an image", "$dir/mounted");
	skip 'cannot mount here', 1 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
	is($r->{err}, "tarboot: $dir/an image: it is a mount point, so it cannot be replaced\n  Give another file, or mount its directory.\n",
		'a mounted file');
}

# Names that others have made in TMPDIR do no harm.
for my $case ([ 'a directory', sub { mkdir $_[0] } ], [ 'a link to nowhere', sub { symlink '/nowhere/x', $_[0] } ]) {
	my ($what, $make) = @$case;
	my $tmp = new_dir();
	$make->("$tmp/tarboot-spool") or die "$what: $!";
	my $r = try('sh', '-c', 'gzip -1 -c "$1" | TMPDIR="$2" "$0" pack - -o "$2/image" --no-shell --force --level=fast --kernel=none', $TARBOOT, $tar, $tmp);
	is($r->{exit}, 0, "$what where a temporary file could be") or diag($r->{err});
	is(join(' ', map { s{.*/}{}r } glob "$tmp/*"), 'image tarboot-spool', "$what: no other file is left");
}

# Links are followed; who may read an image that holds etc/shadow: its owner, or who could read the old one.
{
	my $dir = new_dir();
	my $mode = sub { return sprintf '%04o', (stat "$dir/$_[0]")[2] & 07777 };
	symlink 'real', "$dir/image" or die "symlink: $!";
	umask 022;
	is(try($TARBOOT, 'pack', $root, '-o', "$dir/image", @PACK)->{exit}, 0, 'packed by a link');
	ok(-l "$dir/image" && -f "$dir/real", 'it stays one');
	is($mode->('real'), '0600', 'a new image is for its owner');
	is($mode->('image.vmlinuz'), '0644', 'its kernel is for all');
	chmod 0640, "$dir/real";
	chown 0, 12345, "$dir/real" if $> == 0;
	my $group = (stat "$dir/real")[5];
	is(try($TARBOOT, 'pack', $root, '-o', "$dir/image", @PACK, '--report', "$dir/r.json")->{exit}, 0, 'packed again');
	is($mode->('real'), '0640', 'the mode of the old one stays');
	is((stat "$dir/real")[5], $group, 'and its group');
	is($mode->('r.json'), '0644', 'a report has names and sizes only: it is as the umask says');
	is(join(' ', sort map { s{.*/}{}r } glob "$dir/* $dir/.[!.]*"), 'image image.vmlinuz r.json real', 'nothing else is there');
	SKIP: {
		skip 'not root: cannot become another user', 1 if $> != 0;
		chmod 0755, scratch(), $dir;
		my $r = try(qw(setpriv --reuid=65534 --regid=65534 --clear-groups), $TARBOOT, 'verify', "$dir/real");
		is($r->{err}, "tarboot: $dir/real: you are not allowed to read it\n  An image can contain passwords, so only its owner can read it: run this as that "
				. "user or with sudo, or change its mode.\n", 'another user is told why not');
	}
}

# ---- unpacking ----

{
	my $dir = new_dir();
	refuses_target('unpack what is not there', "/no/such: cannot open it: No such file or directory\n  Check the path: nothing is there.", 'unpack', '/no/such', "$dir/new");
	is(try($TARBOOT, 'unpack', spew(scratch('text'), "just a text\n" x 100), "$dir/new")->{exit}, 1, 'unpack a text');
	my $good = spew(scratch('good.tar.xz'), $xz);
	ok(!-e "$dir/new", 'no empty directory is left');
	for my $slash ('/', '/proc/self/root', '/../') {
		refuses_target("unpack into $slash",
			"$slash: it is the root of the running system, whose files would be replaced\n  Give another directory.",
			'unpack', $good, $slash);
	}
	mkdir "$dir/full";
	spew("$dir/full/x", 'x');
	my $r = try($TARBOOT, 'unpack', $good, "$dir/full");
	is($r->{err}, "tarboot: warning: $dir/full is not empty: files of the same names are replaced\n", 'a directory that is not empty is told');
	is($r->{exit}, 0, 'and filled');
}

# ---- a member that is larger than its archive ----

# 2^60 bytes by base-256 and by pax, as a file and as a map of holes: nothing pads what was announced.
my $huge = 1 << 60;
for my $case (
	[ 'in its header', tar_member(name => 'f', size => "\x80\0\0\0" . pack('Q>', $huge)) ],
	[ 'in a record', tar_pax(size => $huge) . tar_member(name => 'f') ],
	[ 'in a map', tar_pax('GNU.sparse.major' => 1, 'GNU.sparse.minor' => 0, 'GNU.sparse.name' => 'f',
		'GNU.sparse.realsize' => $huge, size => $huge)
		. tar_member(name => 'f', data => "1\n0\n" . ($huge - 512) . "\n" . "\0" x (512 - 24)) ]) {
	my ($where, $bytes) = @$case;
	my $image = old_image();
	my $file  = spew(scratch('huge.tar'), $bytes . 'x' x 300_000);
	fails_well(try({ limit => 30 }, $TARBOOT, 'pack', $file, '-o', $image, @PACK), 1,
		qr/^tarboot: .*huge\.tar: it ends in the middle of f$/m, "2^60 bytes $where");
	old_image_stays($image, "2^60 bytes $where");
}

# One hole of that size is no more than its header.
my $hole = spew(scratch('hole.tar'), tar_member(name => 'sbin/', type => 5)
	. tar_member(name => 'sbin/init', mode => 0755, data => "#!/bin/sh\n")
	. tar_pax('GNU.sparse.major' => 1, 'GNU.sparse.minor' => 0, 'GNU.sparse.name' => 'f', 'GNU.sparse.realsize' => $huge)
	. tar_member(name => 'f', data => "1\n$huge\n0\n" . "\0" x (512 - 24)) . tar_end());
is(try({ limit => 30 }, $TARBOOT, 'pack', $hole, '-o', scratch('hole.img'), '--kernel=none', @PACK)->{exit}, 0,
	'a hole of 2^60 bytes is packed at once');

# ---- signals ----

# Packs from a pipe what takes long to compress; when the image and the payload are open, the signal comes.
my $slow = tiny_root('slow', sub { run('sh', '-c', "head -c 30000000 /dev/urandom >$_[0]/noise") });
for my $signal (qw(INT TERM HUP KILL)) {
	my $image = old_image();
	my $dir   = $image =~ s{/[^/]*\z}{}r;
	my $tmp   = new_dir();
	open my $read, '-|', 'tar', '-C', $slow, '-cf', '-', '.' or die "tar: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN,  '<&', $read      or POSIX::_exit(126);
		open STDERR, '>', '/dev/null' or POSIX::_exit(126);
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		$ENV{TMPDIR} = $tmp;
		exec $TARBOOT, 'pack', '-', '-o', $image, @PACK, '--level=best' or POSIX::_exit(127);
	}
	my $open = 0;
	for (1 .. 600) {
		$open = grep { (readlink // '') =~ m{^\Q$dir\E/} } glob "/proc/$pid/fd/*";
		last if $open >= 2;
		sleep 0.1;
	}
	cmp_ok($open, '>=', 2, "SIG$signal: image and payload are open");
	kill $signal, $pid;
	waitpid $pid, 0;
	my $status = $?;
	close $read;
	isnt($status & 127, 0, "SIG$signal ends it by signal");
	old_image_stays($image, "SIG$signal");
	is(join(' ', glob "$tmp/*"), '', "SIG$signal: nothing is left in TMPDIR");
}

# What goes into the image from this machine is what was found there, whatever becomes of it while the root is compressed.
{
	my $dir     = new_dir();
	my $busybox = "$dir/busybox";
	run('cp', (grep { -e } qw(/bin/busybox /usr/bin/busybox))[0], $busybox);
	my $bytes = slurp($busybox);
	my $pid   = fork // die "fork: $!";
	if ($pid == 0) {
		open STDOUT, '>', '/dev/null' or POSIX::_exit(126);
		open STDERR, '>', "$dir/err"  or POSIX::_exit(126);
		exec $TARBOOT, 'pack', $slow, '-o', "$dir/image", '--force', '--level=best', '--kernel=none', '--shell', $busybox or POSIX::_exit(127);
	}
	my $open = 0;
	for (1 .. 600) {
		$open = grep { (readlink // '') =~ m{^\Q$dir\E/(?!err)} } glob "/proc/$pid/fd/*";
		last if $open >= 2;
		sleep 0.1;
	}
	unlink $busybox;
	waitpid $pid, 0;
	is($?, 0, 'a busybox that goes while the root is compressed') or diag(slurp("$dir/err"));
	is(join(',', map { $_->{data} eq $bytes ? 'right' : 'other' } grep { $_->{name} eq 'bin/busybox' } newc_read("$dir/image")), 'right', 'is in the image');
}

done_testing();
