# What the boot tests boot: the build's programs, the demo root and its kernel, tiny roots, and
# images with faults put in. Everything is made in one directory that goes away with the test
# (TARBOOT_KEEP=1 keeps it).
package Image;

use strict;
use warnings;

use Exporter qw(import);
use Fcntl qw(LOCK_EX);
use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use FindBin;
use POSIX ();
use Test::More;

our @EXPORT = qw(build_path repo_path scratch public public_tarboot run made_once bare_root_of demo_root demo_root_name demo_kernel tarboot slurp spew
	newc_read newc_write tiny_root pack_payload elf_program bzimage efi_kernel word_image need_programs);

my $REPO  = "$FindBin::RealBin/../..";
my $BUILD = $ENV{TARBOOT_BUILD} || "$REPO/build";
my ($SCRATCH, $PUBLIC);
my $OWNER = $$;

sub build_path { return join '/', $BUILD, @_ }
sub repo_path  { return join '/', $REPO,  @_ }

# The test's own directory, or a path in it.
sub scratch {
	if (!$SCRATCH) {
		make_path(build_path('tests'));
		$SCRATCH = tempdir('tmp-' . basename($0, '.t') . '-XXXXXX', DIR => build_path('tests'));
	}
	return join '/', $SCRATCH, @_;
}

# The same in a directory that all users can reach, as those that servers become must: the checkout may lie below /root,
# which only root may enter.
sub public {
	if (!$PUBLIC) {
		$PUBLIC = tempdir('tarboot-' . basename($0, '.t') . '-XXXXXX', TMPDIR => 1);
		chmod 0755, $PUBLIC or die "$PUBLIC: $!";
	}
	return join '/', $PUBLIC, @_;
}

# tarboot, for other users.
sub public_tarboot {
	run('cp', build_path('tarboot'), build_path('init'), public('')) unless -e public('tarboot');
	return public('tarboot');
}

# a signal must end QEMU and remove the files, too
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

END {
	local $?;
	remove_tree(grep { defined } $SCRATCH, $PUBLIC) if $OWNER == $$ && !$ENV{TARBOOT_KEEP};
}

# Run a command (a list, or one string for the shell); its output when it succeeds, else die.
sub run {
	my (@command) = @_;
	my $pid = open(my $pipe, '-|') // die "fork: $!";
	if ($pid == 0) {
		open STDIN,  '<',  '/dev/null';
		open STDERR, '>&', \*STDOUT;
		exec @command or POSIX::_exit(127);
	}
	my $output = do { local $/; <$pipe> } // '';
	close $pipe;
	die "@command: status $?:\n$output" if $?;
	return $output;
}

sub tarboot { return run(build_path('tarboot'), @_) }

sub slurp {
	my ($path) = @_;
	open my $f, '<:raw', $path or die "$path: $!";
	local $/;
	return <$f> // '';
}

sub spew {
	my ($path, $data, $mode) = @_;
	open my $f, '>:raw', $path or die "$path: $!";
	print {$f} $data or die "$path: $!";
	close $f or die "$path: $!";
	chmod $mode, $path if defined $mode;
	return $path;
}

# Skip the whole test where it cannot run, with the reason; a missing program is a failure.
sub need_programs {
	plan skip_all => 'not root: owners, devices and capabilities must be real' if $> != 0;
	for my $program (@_) {
		die "$program: not found: run scripts/install-packages build demo test\n" unless grep { -x "$_/$program" } split /:/, $ENV{PATH};
	}
	return;
}

# The path in the build directory that a script of ours makes, called with the arguments and the path; made once, under
# a lock because prove may run the tests side by side.
sub made_once {
	my ($name, $script, @arguments) = @_;
	my $path = build_path($name);

	return $path if -e $path;
	make_path(dirname($path));
	open my $lock, '>', "$path.lock" or die "$path.lock: $!";
	flock $lock, LOCK_EX;
	local $ENV{BUILD} = build_path();
	run(repo_path('scripts', $script), @arguments, $path) unless -e $path;
	return $path;
}

# The root that most tests boot; suite, arch, init: another Debian, machine or init.
sub demo_root {
	my (%o) = @_;
	local %ENV = (%ENV, map { uc $_ => $o{$_} } keys %o);
	return made_once(demo_root_name(%o), 'make-demo-root');
}

# Its name in the build directory.
sub demo_root_name {
	my (%o) = @_;
	return join('-', 'demo-root', map { $o{$_} // () } qw(suite arch init)) . '.tar';
}

# Busybox and a kernel for another machine.
sub bare_root_of {
	local $ENV{ARCH} = $_[0];
	return made_once("bare-root-$_[0].tar", 'make-demo-root', '--bare');
}

sub demo_kernel {
	my $kernel = scratch('vmlinuz');
	my $tar    = demo_root();
	run("tar -xOf '$tar' --wildcards './boot/vmlinuz-*' >'$kernel'") unless -e $kernel;
	return $kernel;
}

# Members of the newc archives in an image, in order, as { name, mode, ..., data }. Trailers and the
# zeros between archives are left out.
my @FIELDS = qw(ino mode uid gid nlink mtime size devmajor devminor rdevmajor rdevminor namesize check);

sub newc_read {
	my ($path) = @_;
	my $image  = slurp($path);
	my ($at, @members) = (0);

	while ($at < length $image) {
		if (substr($image, $at, 4) eq "\0\0\0\0") { $at += 4; next }
		die "$path: no newc header at $at\n" if substr($image, $at, 6) ne '070701';
		my %m;
		@m{@FIELDS} = map { hex } unpack '(A8)13', substr $image, $at + 6, 104;
		$m{name} = substr $image, $at + 110, $m{namesize} - 1;
		my $data = _align($at + 110 + $m{namesize});
		@m{qw(head at)} = ($at, $data);    # where they are in the image
		$m{data} = substr $image, $data, $m{size};
		$at = _align($data + $m{size});
		push @members, \%m if $m{name} ne 'TRAILER!!!';
	}
	return @members;
}

sub _align { return ($_[0] + 3) & ~3 }

sub newc_write {
	my ($path, @members) = @_;
	my $image = join '', map { _newc_member($_) } @members, { name => 'TRAILER!!!', data => '' };
	return spew($path, $image);
}

sub _newc_member {
	my ($m) = @_;
	my %m = (%$m, size => length $m->{data}, namesize => 1 + length $m->{name}, check => 0);
	my $head = '070701' . join('', map { sprintf '%08X', $m{$_} // 0 } @FIELDS) . "$m{name}\0";

	return pack 'a' . _align(length $head) . 'a' . _align($m{size}), $head, $m{data};
}

# A root of two files that says a line on the console and powers off. The callback may change it.
# Its init prints its argument list, too.
sub tiny_root {
	my ($name, $change) = @_;
	my $root = scratch($name);

	make_path(map { "$root/$_" } qw(bin sbin dev proc sys run tmp etc));
	run('sh', '-c', 'cp "$(command -v busybox)" "$0/bin/busybox"', $root);
	symlink 'busybox', "$root/bin/sh";
	spew("$root/sbin/init", <<'END', 0755);
#!/bin/sh
echo "TINY-INIT-RAN pid=$$ args=$*" >/dev/console
/bin/busybox pidof sleep >/dev/null && echo "TINY-INIT-BESIDE sleep" >/dev/console
exec /bin/busybox poweroff -f
END
	$change->($root) if $change;
	return $root;
}

# The head of a program for x86-64; interpreter: undef for a static one.
sub elf_program {
	my ($interpreter) = @_;
	my $size = 1 + length($interpreter // '');

	return pack('a4 C3 x9 v2 V Q3 V v6', "\x7fELF", 2, 1, 1, 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
		. pack('V2 Q6', defined $interpreter ? 3 : 1, 4, 120, 0, 0, $size, $size, 1) . ($interpreter // '') . "\0";
}

# The head of a kernel for x86-64, which says its release, and some text behind it.
sub bzimage {
	my ($release, $text) = @_;
	my $head = "\0" x 0x400;

	substr $head, 0x202, 4, 'HdrS';
	substr $head, 0x206, 2, pack 'v', 0x20f;
	substr $head, 0x20e, 2, pack 'v', 0x100;
	substr $head, 0x236, 2, pack 'v', 1;
	substr $head, 0x300, length($release) + 13, "$release (x\@y) #1 x";
	return $head . ($text // '');
}

# The same with the headers that UEFI firmware wants; machine: of these headers.
sub efi_kernel {
	my ($release, %other) = @_;
	my $kernel   = bzimage($release, 'k' x 5000 . "\0" x 120);
	my $optional = pack 'v x14 x16 V2 x16 V2 V v2 x32 x4 V x128', 0x20b, 4096, 512, 12288, 1024, 0, 10, 0, 16;
	substr $kernel, 0x3c, 4, pack 'V', 0x40;
	substr $kernel, 0, 2, 'MZ';
	substr $kernel, 0x40, 24, "PE\0\0" . pack 'v2 x12 v2', $other{machine} // 0x8664, 1, length $optional, 0x206;
	substr $kernel, 0x58, length $optional, $optional;
	substr $kernel, 0x58 + length $optional, 40, pack 'a8 V4 x12 V', '.text', 5000, 4096, 5000, 1024, 0x60000020;
	return $kernel;
}

# An image NAME.img of the tiny root with a word in it, so that another word is another image; beside it what stands for its kernel.
sub word_image {
	my ($name, $word, @options) = @_;
	my $root  = tiny_root("root-$name-$word", sub { spew("$_[0]/word", $word) });
	my $image = scratch("$name.img");

	tarboot('pack', $root, '-o', $image, qw(--level=fast --kernel=none --no-shell), @options);
	spew("$image.vmlinuz", bzimage('6.1', "kernel of $word"));
	return $image;
}

# Pack a directory by hand, without tarboot: for roots that it refuses.
sub pack_payload {
	my ($root) = @_;
	run("tar -C '$root' --numeric-owner -cf - . | xz -T1 -1 >'$root.tar.xz'");
	return slurp("$root.tar.xz");
}

1;
