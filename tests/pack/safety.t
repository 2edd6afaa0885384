#!/usr/bin/perl
# An image appears whole or not at all: whatever makes pack fail, the old image and kernel stay, and
# nothing else is left beside them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use Test::More;
use Time::HiRes qw(sleep);

need_programs(qw(busybox tar gzip unshare mount setpriv));
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
	spew("$dir/boot/vmlinuz-6.1", 'new kernel');
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
	is(slurp("$image.vmlinuz"), 'new kernel', 'and the kernel');
	is(join(' ', map { s{.*/}{}r } sort glob $image =~ s{[^/]*\z}{*}r),
		'image image.vmlinuz', 'and leaves nothing else');
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
	fails_well($r, 1, qr/secret: .*Permission denied/, 'a file that may not be read');
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
		like($r->{err}, qr/^tarboot: .*No space left on device/m, 'and it is told');
	}
}

# ---- signals ----

# Packs from a pipe that delivers half a root and then nothing; when its temporary files are there, the
# signal comes.
for my $signal (qw(INT TERM HUP)) {
	my $image = old_image();
	my $dir   = $image =~ s{/[^/]*\z}{}r;
	pipe(my $read, my $write) or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		close $write;
		open STDIN,  '<&', $read      or POSIX::_exit(126);
		open STDERR, '>', '/dev/null' or POSIX::_exit(126);
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		exec $TARBOOT, 'pack', '-', '-o', $image, @PACK or POSIX::_exit(127);
	}
	close $read;
	syswrite $write, substr $bytes, 0, 700000 for 1;
	for (1 .. 600) {
		last if (() = glob "$dir/*") >= 4;
		sleep 0.1;
	}
	cmp_ok(scalar(() = glob "$dir/*"), '>=', 3, "SIG$signal: temporary files are there");
	kill $signal, $pid;
	waitpid $pid, 0;
	close $write;
	isnt($? & 127, 0, "SIG$signal ends it by signal");
	old_image_stays($image, "SIG$signal");
}

done_testing();
