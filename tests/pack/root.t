#!/usr/bin/perl
# What pack makes of a root: its init must be able to start, its kernel goes beside the image, a shell
# goes in, and what no archive can hold is told.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use IO::Socket::UNIX;
use Test::More;

need_programs(qw(busybox tar setcap));
my $TARBOOT = build_path('tarboot');
my $image   = scratch('image');
my $kernel  = "$image.vmlinuz";
my ($busybox) = grep { -x } map { "$_/busybox" } split /:/, $ENV{PATH};

sub pack_root {
	my ($root, @options) = @_;
	unlink $image, $kernel;
	return try($TARBOOT, 'pack', $root, '-o', $image, '--level=fast', @options);
}

# Packed, with exactly these warnings, in this order.
sub packs {
	my ($name, $r, @warnings) = @_;
	my @said = $r->{err} =~ /^tarboot: warning: (.*)$/mg;

	is($r->{exit}, 0, $name) or diag($r->{err});
	is(scalar(@said), scalar(@warnings), "$name: warnings") or diag($r->{err});
	like($said[$_], $warnings[$_], "$name: warned of $warnings[$_]") for 0 .. $#warnings;
	return;
}

sub refuses {
	my ($name, $r, $why) = @_;
	fails_well($r, 1, $why, $name);
	ok(!-e $image && !-e $kernel, "$name: nothing is written");
	return;
}

# Paths in the payload, and the boot part's members by name.
sub payload_paths { return map { s{^\./}{}r } split /\n/, run('tar', '-tf', payload_of($image)) }
sub boot_part { return map { $_->{name} => $_ } newc_read($image) }

sub manifest {
	my %boot = boot_part();
	my %m;
	push @{ $m{$1} }, $2 while $boot{'tarboot/manifest'}{data} =~ /^([^#=\n]+)=(.*)$/mg;
	return %m;
}

my $n_roots = 0;

sub root_with {
	my (%files) = @_;
	return tiny_root('root-' . ++$n_roots, sub {
		my ($dir) = @_;
		for my $path (sort keys %files) {
			run('mkdir', '-p', "$dir/$path" =~ s{/[^/]*\z}{}r);
			spew("$dir/$path", $files{$path}) unless $path =~ m{/\z};
		}
	});
}

my @NO = qw(--kernel=none --no-shell);

# ---- the init ----

packs('a root with /sbin/init', pack_root(root_with(), @NO));
my %m = manifest();
is_deeply($m{init}, ['/sbin/init'], 'which the manifest names');

my %broken = (
	'without init' => [sub { unlink "$_[0]/sbin/init" }, qr{none of /sbin/init.* in the root}],
	'whose init is not executable' => [sub { chmod 0644, "$_[0]/sbin/init" }, qr{/sbin/init: .*0644}],
	'whose init is a dangling link' =>
		[sub { unlink "$_[0]/sbin/init"; symlink '/nowhere', "$_[0]/sbin/init" }, qr/not in the root|none of/],
	'whose init has no interpreter' =>
		[sub { spew("$_[0]/sbin/init", "#!/bin/missing\n") }, qr{/bin/missing}],
	'whose init is a text' => [sub { spew("$_[0]/sbin/init", "hello\n") }, qr/neither/],
	'whose init is for another machine' => [sub {
			my $elf = slurp(build_path('init'));
			substr($elf, 18, 2) = pack 'v', 22;    # s390
			spew("$_[0]/sbin/init", $elf);
		}, qr/s390|unknown/],
);
for my $what (sort keys %broken) {
	my ($break, $why) = @{ $broken{$what} };
	my $root = root_with();
	$break->($root);
	refuses("a root $what", pack_root($root, @NO), $why);
	packs("a root $what, --force", pack_root($root, @NO, '--force'), $why);
	ok(-s $image, 'which is packed all the same');

	# As a tar it is the same root.
	my $tar = scratch('root.tar');
	run('tar', '-C', $root, '-cf', $tar, '.');
	refuses("a tar of a root $what", pack_root($tar, @NO), $why);
	packs("a tar of a root $what, --force", pack_root($tar, @NO, '--force'), $why);
}
{
	my $root = root_with();
	my $tar = scratch('root.tar');
	run('tar', '-C', $root, '-cf', $tar, '.');
	packs('a tar of a good root', pack_root($tar, @NO));
	%m = manifest();
	is_deeply($m{init}, ['/sbin/init'], 'its init is in the manifest, too');
	my $overlay = scratch('overlay');
	run('mkdir', '-p', "$overlay/sbin");
	spew("$overlay/sbin/init", "#!/bin/missing\n", 0755);
	refuses('an overlay that breaks the init', pack_root($root, @NO, "--overlay=$overlay"), qr{/bin/missing});
	refuses('an init that is excluded', pack_root($tar, @NO, '--exclude=/sbin/init'), qr/none of/);
	refuses("the same from a directory", pack_root($root, @NO, '--exclude=/sbin/init'),
		qr{^tarboot: the new init: none of /sbin/init, .* is in the root, as a file or a link to one$}m);
	packs('the same with --force', pack_root($root, @NO, '--exclude=/sbin/init', '--force'),
		qr{^the new init: none of /sbin/init, .* is in the root, as a file or a link to one$});
	packs('SELinux that is enforcing', pack_root(root_with('etc/selinux/config' => "# x\nSELINUX=enforcing\n"), @NO), qr/SELinux is enforcing/);
	packs('the same, a dry run', try($TARBOOT, 'pack', root_with('etc/selinux/config' => "SELINUX=enforcing\n"), '-n', @NO),
		qr/^SELinux is enforcing in the root: boot with selinux=0, or set SELINUX=permissive in etc\/selinux\/config$/);
	packs('SELinux that is not', pack_root(root_with('etc/selinux/config' => "SELINUX=permissive\n#SELINUX=enforcing\n"), @NO));
}

# One that lies where no list has it.
my @NIX = map { "/nix/store/$_" } qw(1a-systemd/lib/systemd/systemd 2b-glibc/lib/ld-linux-x86-64.so.2 3c-nixos-system/init);

sub nix_root {
	my ($change) = @_;
	return root_with_no_init(sub {
		my ($dir) = @_;
		run('mkdir', '-p', map { "$dir$_" =~ s{/[^/]*\z}{}r } @NIX, '/nix/var/nix/profiles/x');
		spew("$dir$NIX[0]", elf_program($NIX[1]), 0755);
		spew("$dir$NIX[1]", elf_program(), 0755);
		spew("$dir$NIX[2]", "#!$NIX[0]\n", 0755);
		symlink '/nix/store/3c-nixos-system', "$dir/nix/var/nix/profiles/system" or die;
		$change->($dir) if $change;
	});
}

sub root_with_no_init {
	my ($change) = @_;
	return tiny_root('root-' . ++$n_roots, sub { unlink "$_[0]/sbin/init"; $change->($_[0]) });
}

for (['/init', root_with_no_init(sub { spew("$_[0]/init", "#!/bin/sh\n", 0755) })], ['/nix/var/nix/profiles/system/init', nix_root()]) {
	my ($path, $root) = @$_;
	my $tar = scratch('root.tar');
	run('tar', '-C', $root, '-cf', $tar, '.');
	for my $from ($root, $tar) {
		refuses("a root with $path alone", pack_root($from, @NO),
			qr{^tarboot: the new init: none of .*\n  Install an init in the root .*`tarboot pack --init PATH`, or at boot with tarboot\.init=PATH\.$}m);
		packs("--init=$path", pack_root($from, @NO, "--init=$path"));
		%m = manifest();
		is_deeply($m{init}, [$path], 'which the manifest names');
	}
}
{
	my $root = root_with();
	my $r = pack_root($root, @NO, '--init=/bin/busybox');
	packs('--init where there is a usual one', $r);
	%m = manifest();
	is_deeply($m{init}, ['/bin/busybox'], 'wins');
	my @not = (
		['/opt/none', qr{^tarboot: /opt/none: it is not in the root$}m], ['/etc', qr{^tarboot: /etc: it is a directory, not a program$}m],
		['/../../../../../../../../../../../proc/self/exe', qr{: it is not in the root$}m]);
	for (@not) {
		my ($path, $why) = @$_;
		refuses("--init=$path", pack_root($root, @NO, "--init=$path"), $why);
		refuses("--init=$path, a dry run", try($TARBOOT, 'pack', $root, '-n', "--init=$path"), $why);
		packs("--init=$path, --force", pack_root($root, @NO, "--init=$path", '--force'), qr{^\Q$path\E: it is });
	}
	refuses('--init without its interpreter', pack_root(nix_root(sub { unlink "$_[0]$NIX[1]" }), @NO, "--init=$NIX[2]"),
		qr{^tarboot: \Q$NIX[2]\E: its interpreter \Q$NIX[1]\E: it is not in the root$}m);
	my $conf = spew(scratch('init.conf'), "root = $root\noutput = $image\nkernel = none\ninit = /bin/busybox\n");
	packs('init = in a project file', try($TARBOOT, 'pack', '-p', $conf, '--no-shell'));
	%m = manifest();
	is_deeply($m{init}, ['/bin/busybox'], 'is the same');
}

# ---- other kinds of files ----

{
	my $root = root_with();
	my $tar  = scratch('kind.tar');
	run('tar', '-C', $root, '-cf', $tar, '.');
	run('xz', '-k', $tar);
	packs('a .tar.xz needs no program', try('env', 'PATH=/nowhere', $TARBOOT, 'pack', "$tar.xz", '-o', $image, '--level=fast', @NO));
	my $own  = run('cp', $image, scratch('own')) . scratch('own');
	my $cpio = scratch('old.cpio');
	run("cd '$root' && find . | cpio -o -H bin --quiet 2>/dev/null >'$cpio'");
	my $ROOT = 'Give a root: a directory, a tar or cpio archive, a disk or a container image.';
	my %files = (
		squashfs => 'hsqs' . "\1\0\0\0" x 500, erofs => "\0" x 1024 . "\xe2\xe1\xf5\xe0" . "\0" x 5000, text => "hello, world\n",
		zip => "PK\3\4" . "\0\1" x 1000, noise => "\1\2\3" x 1000, elf => slurp($busybox), luks => "LUKS\xba\xbe\0\1" . "\0\1" x 900);
	spew(scratch("a.$_"), $files{$_}) for keys %files;
	my @kinds = (
		[scratch('a.squashfs'), 'a squashfs image', 'Unpack it with unsquashfs and pack the directory.'],
		[scratch('a.erofs'), 'an erofs image', 'Mount it and pack the directory where it is mounted.'],
		[scratch('a.luks'), 'an encrypted disk (LUKS)', 'Open it with cryptsetup and pack what can be mounted then.'],
		[$cpio, 'a cpio archive in the old binary format',
			'Make it again with cpio -o -H newc, or unpack it with cpio -id and pack the directory.'],
		[$own, 'an image of tarboot pack', 'Give the root that it was packed from, or what `tarboot unpack` makes of it.'],
		[scratch('a.text'), 'a text', $ROOT], [scratch('a.elf'), 'a program', $ROOT], [scratch('a.noise'), 'neither a tar nor a cpio archive', $ROOT],
		[scratch('a.zip'), 'a zip archive', 'Unpack it and pack what is in it.']);
	for (@kinds) {
		my ($path, $what, $todo) = @$_;
		my $message = qr{^tarboot: \Q$path\E: it is \Q$what\E\n  \Q$todo\E\n\z};
		refuses("$what", pack_root($path, @NO), $message);
		run("gzip -c '$path' >'$path.gz'");
		refuses("$what, compressed", pack_root("$path.gz", @NO), qr{^tarboot: \Q$path\E\.gz: it is \Q$what\E\n  \Q$todo\E\n\z});
		refuses("$what, on stdin", try({ stdin => $path }, $TARBOOT, 'pack', '-', '-o', $image, @NO), qr{^tarboot: stdin: it is \Q$what\E\n});
	}
}

# A disk that comes through a pipe, or is empty.
{
	my $disk  = 'Give it as a file, not on standard input, and decompress it first.';
	my $ext   = spew(scratch('ext.img'), "\0" x 1080 . "\x53\xef" . "\0" x 100_000);
	my $late  = spew(scratch('late.img'), "\0" x 500_000 . 'x');
	my $zeros = spew(scratch('zeros.img'), "\0" x 3_000_000);
	my %pack  = (
		'a pipe' => sub { try({ limit => 30 }, 'sh', '-c', 'cat "$0" | "$@"', $_[0], $TARBOOT, 'pack', '-', '-o', $image, @NO) },
		'a file as stdin' => sub { try({ stdin => $_[0], limit => 30 }, $TARBOOT, 'pack', '-', '-o', $image, @NO) });
	for my $how (sort keys %pack) {
		refuses("what begins with zeros, by $how", $pack{$how}->($_->[0]), qr/^tarboot: stdin: \Q$_->[1]\E\n  \Q$disk\E\n\z/)
			for [ $ext, 'it is the disk of a virtual machine' ], [ $late, 'it begins with zeros, as a disk may, and so is no archive' ];
		refuses("only zeros, by $how", $pack{$how}->($_), qr/^tarboot: stdin: it is empty: there is nothing but zeros in its first MiB\n  Give a root: /) for $zeros, '/dev/zero';
	}
	refuses('a disk of zeros', pack_root($zeros, @NO), qr/^tarboot: \Q$zeros\E: it is empty: there is nothing but zeros in its first MiB\n/);
	refuses('a tar without members', pack_root(spew(scratch('none.tar'), "\0" x 10240), @NO), qr/none of \/sbin\/init/);
}

# ---- the kernel ----

my %KERNELS = (
	'boot/vmlinuz-6.1.0-9-amd64'  => bzimage('6.1.0-9-amd64', 'nine'),
	'boot/vmlinuz-6.1.0-10-amd64' => bzimage('6.1.0-10-amd64', 'ten'),
	'boot/vmlinuz-5.10.0'         => bzimage('5.10.0', 'old'),
	'boot/config-6.1.0-10-amd64'  => 'config',
	'lib/modules/6.1.0-9-amd64/kernel/x'  => '',
	'lib/modules/6.1.0-10-amd64/kernel/x' => '',
);
packs('a root with three kernels', pack_root(root_with(%KERNELS), '--no-shell'));
is(slurp($kernel), bzimage('6.1.0-10-amd64', 'ten'), 'the newest goes beside the image');
is_deeply([grep { /vmlinuz/ } payload_paths()], [], 'none into it');
ok((grep { $_ eq 'boot/config-6.1.0-10-amd64' } payload_paths()), 'what only stands beside kernels does');
%m = manifest();
is_deeply($m{kernel}, ['6.1.0-10-amd64', '6.1.0-9-amd64'], 'the manifest names their modules, the newest first');

packs('--kernel=none', pack_root(root_with(%KERNELS), @NO));
ok(!-e $kernel, 'puts no kernel beside the image');
is(scalar(grep { /vmlinuz-/ } payload_paths()), 3, 'all stay in the root');

my $own = spew(scratch('own-kernel'), bzimage('6.1.0-9-amd64', 'own'));
packs('--kernel=PATH', pack_root(root_with(%KERNELS), '--no-shell', '--kernel', $own));
is(slurp($kernel), slurp($own), 'is copied beside the image');
for (['a text', '/etc/passwd'], ['a device', '/dev/zero'], ['a program', '/bin/busybox'], ['a directory', '/']) {
	my ($name, $path) = @$_;
	$path = '/usr/bin/busybox' if $path eq '/bin/busybox' && !-e $path;
	fails_well(pack_root(root_with(), '--no-shell', '--kernel', $path), 1,
		qr{^tarboot: \Q$path\E: it is not a Linux kernel\n  Give the file that a boot loader loads: vmlinuz, bzImage or Image\.\n\z},
		"--kernel of $name");
	ok(!-e $image && !-e $kernel, 'and nothing is written');
}

# By their heads, whatever their names; of other distributions, too.
my $MODULES = 'lib/modules/6.10.0/kernel/x';
for (
	['Alpine',  '6.6.7-0-lts', { 'boot/vmlinuz-lts' => '6.6.7-0-lts' }],
	['Arch',    '6.9.1-arch1', { 'boot/vmlinuz-linux' => '6.9.1-arch1', 'boot/vmlinuz-linux-lts' => '6.6.9' }],
	['Gentoo',  '6.10.0', { 'boot/kernel-6.10.0' => '6.10.0', 'boot/kernel-6.9.9' => '6.9.9' }],
	['by hand', '6.10.0', { 'boot/bzImage-x' => '6.10.0', 'boot/vmlinuz' => '6.9' }],
	['a name that is newer than its kernel', '6.10.0', { 'boot/vmlinuz-9.9' => '6.1', 'boot/vmlinuz-1' => '6.10.0' }],
	['a release candidate', '6.10.0', { 'boot/vmlinuz-6.10.0-rc3' => '6.10.0-rc3', 'boot/vmlinuz-6.10.0' => '6.10.0' }],
	['an old copy that is newer', '6.10.0', { 'boot/vmlinuz.old' => '6.11', 'boot/vmlinuz' => '6.10.0' }],
	['what dpkg put aside', '6.10.0', { 'boot/vmlinuz-6.11.dpkg-bak' => '6.11', 'boot/vmlinuz' => '6.10.0' }],
	['one for debugging', '6.10.0', { 'boot/vmlinuz-6.11' => '6.11.0+debug', 'boot/vmlinuz' => '6.10.0' }],
	['one that has its modules', '6.10.0', { 'boot/vmlinuz-6.11' => '6.11', 'boot/vmlinuz-6.10.0' => '6.10.0' }]) {
	my ($name, $want, $kernels) = @$_;
	my $r = pack_root(root_with($MODULES => '', map { $_ => bzimage($kernels->{$_}) } keys %$kernels), '--no-shell', '--level=fast');
	is($r->{exit}, 0, "$name: it is packed") or diag($r->{err});
	is(slurp($kernel), bzimage($want), "$name: $want goes beside the image");
	like($r->{out}, qr/^kernel   \Q$kernel: $want\E$/m, "$name: which is said");
	is_deeply([grep { /vmlinuz|kernel-|bzImage/ } payload_paths()], [], "$name: none goes into it");
}
packs('a root without a kernel', pack_root(root_with(), '--no-shell'), qr/the root has no kernel \(vmlinuz\)/);
ok(!-e $kernel, 'gives none');
packs('a root whose kernel is a text', pack_root(root_with('boot/vmlinuz-6.1' => 'text'), '--no-shell'), qr/the root has no kernel \(vmlinuz\)/);
ok(!-e $kernel, 'gives none, too');
{
	my $dir = new_dir();
	run($TARBOOT, 'unpack', $image, $dir);
	is(slurp("$dir/boot/vmlinuz-6.1"), 'text', 'and the text stays in the root');
}
packs('a root with a kernel for debugging only', pack_root(root_with('boot/vmlinuz-6.1+debug' => bzimage('6.1+debug')), '--no-shell'),
	qr{the root has no kernel except boot/vmlinuz-6\.1\+debug, which is not booted by default: give it, or another, with --kernel PATH});
packs('a kernel without modules', pack_root(root_with('boot/vmlinuz-6.1' => bzimage('6.1')), '--no-shell'),
	qr/the root has no modules for its kernel 6\.1/);
packs('a kernel among its modules', pack_root(
		root_with('usr/lib/modules/6.12/vmlinuz' => bzimage('6.12'), 'usr/lib/modules/6.12/kernel/x' => ''), '--no-shell'));
is(slurp($kernel), bzimage('6.12'), 'is found there, too');
packs('a kernel beside more others than a manifest holds', pack_root(root_with('boot/vmlinuz-6.1' => bzimage('6.1'),
		map { ("lib/modules/6.$_/kernel/x" => '') } 1 .. 12), '--no-shell'));

# Names of a kernel that is left out must not be left behind: the boot would not find their first name.
{
	my $root = root_with(%KERNELS);
	link "$root/boot/vmlinuz-6.1.0-10-amd64", "$root/vmlinuz";
	link "$root/boot/vmlinuz-6.1.0-9-amd64",  "$root/vmlinuz.old";
	my $r = pack_root($root, '--no-shell');
	is($r->{exit}, 0, 'a kernel with a second name') or diag($r->{err});
	my $dir = new_dir();
	is_quiet(try($TARBOOT, 'unpack', $image, $dir), 'the image can be unpacked');
}

# Any bytes may stand in lib/modules.
{
	my $r = pack_root(root_with("lib/modules/6.1\nx=y/x" => ''), @NO);
	is($r->{exit}, 0, 'a module directory with a newline in its name') or diag($r->{err});
	is_quiet(try($TARBOOT, 'verify', $image), 'the image can be read');
}

# ---- the shell ----

packs('--shell=PATH', pack_root(root_with(), '--kernel=none', '--shell', $busybox));
my %boot = boot_part();
ok($boot{'bin/busybox'} && $boot{'bin/busybox'}{data} eq slurp($busybox)
		&& $boot{'bin/busybox'}{mode} == 0100755, 'the shell is in the image');
packs('--no-shell', pack_root(root_with(), @NO));
ok(!{ boot_part() }->{'bin/busybox'}, 'no shell is in the image');
refuses('a shell that is a script', pack_root(
		root_with(), '--kernel=none', '--shell', spew(scratch('script'), "#!/bin/sh\n", 0755)), qr/static/);
SKIP: {
	my ($dynamic) = grep { -x && run('head', '-c', 4096, $_) =~ /ld-linux/ } qw(/bin/true /usr/bin/perl);
	skip 'no dynamic program here', 2 unless $dynamic;
	refuses('a shell that is not static', pack_root(root_with(), '--kernel=none', '--shell', $dynamic), qr/static/);
}

# ---- what cannot go into an archive ----

{
	my $root = root_with();
	my $at   = "$root/run/s";
	symlink $root, scratch('r');    # socket names are short
	my $socket = IO::Socket::UNIX->new(Local => length $at > 100 ? scratch('r') . '/run/s' : $at, Listen => 1);
SKIP: {
		skip 'cannot make a socket here', 3 unless $socket;
		packs('a root with a socket', pack_root($root, @NO), qr/1 socket left out/);
		is_deeply([grep { m{run/s} } payload_paths()], [], 'which is not in the image');
	}
}

# The root directory itself: everybody must be able to enter it.
for my $tar (0, 1) {
	my $root = root_with();
	my $what = $tar ? 'a tar' : 'a directory';
	my $from = $tar ? scratch('root.tar') : $root;
	for my $case ([ 0700, 0, qr{^the root directory has mode 0700: only root could enter it, so most services will fail: run chmod 755 on it and pack again$} ],
		[ 01777, 0, qr{^the root directory has mode 1777: all users could write to it: run chmod 755 on it and pack again$} ],
		[ 0755, 1000, qr{^the root directory belongs to user 1000: systemd and sshd refuse files in it: run chown root on it and pack again$} ],
		[ 0555, 0 ]) {
		my ($mode, $owner, @warning) = @$case;
		chown $owner, 0, $root or die "chown: $!";
		chmod $mode, $root or die "chmod: $!";
		run('tar', '-C', $root, '-cf', $from, '.') if $tar;
		packs(sprintf('%s of mode %04o and user %d', $what, $mode, $owner), pack_root($from, @NO), @warning);
	}
}

# Unpacked by somebody else than root, or seen from outside of its user namespace.
{
	my $root = root_with('usr/bin/tool' => 'x', 'usr/bin/other' => 'x');
	run('chown', '-R', '1000:1000', $root);
	packs('a root of user 1000', pack_root($root, @NO), qr{^/usr belongs to user 1000, as if that user had unpacked the root: sudo and the like would run as that user});
	run('chown', '-R', '0:0', $root);
	run('setcap', '-n', '100000', 'cap_net_raw+ep', "$root/usr/bin/tool");
	run('setcap', 'cap_net_raw+ep', "$root/usr/bin/other");
	packs('capabilities of a user namespace', pack_root($root, @NO),
		qr{^1 file, as /usr/bin/tool, has capabilities of a user namespace in which user 100000 is root: the new system will ignore them});
}

# What was given is no root, but has one in it.
{
	my $above = new_dir('above');
	rename root_with('etc/hosts' => "127.0.0.1 localhost\n", 'usr/x' => 'x'), "$above/root.x86_64" or die "rename: $!";
	spew("$above/pkglist.txt", 'x');
	my $tar = scratch('above.tar');
	run('tar', '-C', $above, '-cf', $tar, 'root.x86_64', 'pkglist.txt');
	refuses("a root that is in a directory of $_", pack_root($_, @NO),
		qr{^tarboot: \Q$_\E: it is no root, but has one in its directory root\.x86_64\n  Give that directory; of an archive, unpack it as root first\.\n\z}) for $above, $tar;
	my $ova = spew(scratch('vm.ova'), tar_member(name => 'vm.ovf', data => 'x') . tar_member(name => 'vm-disk1.vmdk', data => 'KDMV') . tar_end());
	refuses('an appliance', pack_root($ova, @NO),
		qr{^tarboot: \Q$ova\E: it is no root, but may have one in its file vm-disk1\.vmdk\n  Unpack it and give that file\.\n\z});
}

# An ssh server that would not start, since its host keys stay on the builder.
my $NO_KEYS = qr{^the root has an ssh server, but neither host keys nor a unit that creates them: run ssh-keygen -A from a unit \(ssh\.service\.d\), or keep them with --keep '/etc/ssh/ssh_host_\*'$};
my $NO_SOURCE = qr{^without a datasource cloud-init creates no host keys for the ssh server, no users and no network: give one with --overlay or a layer \(var/lib/cloud/seed/nocloud\), or boot with ds=nocloud$};
for my $case ([ 'host keys are scrubbed', {}, [], $NO_KEYS ], [ 'host keys are kept', {}, ['--keep=/etc/ssh/ssh_host_*'] ],
	[ 'Fedora', { 'usr/lib/systemd/system/sshd-keygen@.service' => 'x' }, [] ], [ 'a drop-in', { 'etc/systemd/system/ssh.service.d/keys.conf' => "[Service]\nExecStartPre=/usr/bin/ssh-keygen -A\n" }, [] ],
	[ 'a drop-in for something else', { 'etc/systemd/system/ssh.service.d/x.conf' => "[Service]\nNice=5\n" }, [], $NO_KEYS ],
	[ 'a directory for drop-ins', { 'etc/systemd/system/ssh.service.d/' => undef }, [], $NO_KEYS ],
	[ 'a drop-in that systemd does not read', { 'etc/systemd/system/ssh.service.d/keys.conf.old' => 'ssh-keygen -A' }, [], $NO_KEYS ],
	[ 'a unit of its own', { 'etc/systemd/system/keys.service' => "[Service]\nExecStart=ssh-keygen -A\n" }, [] ],
	[ 'the unit of the package', { 'etc/systemd/system/sshd.service' => "[Service]\nExecStart=/usr/sbin/sshd -D\n" }, [], $NO_KEYS ],
	[ 'Raspberry Pi OS', { 'etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service' => "[Service]\nExecStart=/usr/bin/ssh-keygen -A -v\n" }, [] ],
	[ 'rc.local', { 'etc/rc.local' => "test -e /etc/ssh/ssh_host_rsa_key || dpkg-reconfigure openssh-server\n" }, [] ],
	[ 'units of cloud-init', { 'usr/bin/cloud-init' => 'x', 'etc/systemd/system/cloud-init.target.wants/cloud-init.service' => "[Unit]\nBefore=sshd-keygen.service\n" }, [], $NO_SOURCE ],
	[ 'cloud-init', { 'usr/bin/cloud-init' => 'x' }, [], $NO_SOURCE ], [ 'its datasource', { 'usr/bin/cloud-init' => 'x', 'var/lib/cloud/seed/nocloud/meta-data' => 'x' }, [] ],
	[ 'cloud-init that is disabled', { 'usr/bin/cloud-init' => 'x', 'etc/cloud/cloud-init.disabled' => '' }, [], $NO_KEYS ]) {
	my ($name, $files, $options, @warning) = @$case;
	packs("sshd: $name", pack_root(root_with('usr/sbin/sshd' => 'x', 'etc/ssh/ssh_host_ed25519_key' => 'x', %$files), @NO, @$options), @warning);
}

# A systemd that a container image left incomplete, and a root that nobody can enter. Links are { link => target }; undef is nothing.
sub systemd_root {
	my (%change) = @_;
	my %files = ('usr/lib/systemd/system/sysinit.target' => '', 'usr/lib/systemd/systemd-udevd' => 'x', 'etc/systemd/system/multi-user.target.wants/x.service' => 'x', %change);
	my $root  = root_with(map { $_ => $files{$_} } grep { defined $files{$_} && !ref $files{$_} } keys %files);

	unlink "$root/sbin/init";
	spew("$root/usr/lib/systemd/systemd", elf_program(), 0755);
	$files{'sbin/init'} = { link => '/usr/lib/systemd/systemd' };
	for my $path (grep { ref $files{$_} } sort keys %files) {
		run('mkdir', '-p', "$root/$path" =~ s{/[^/]*\z}{}r);
		symlink $files{$path}{link}, "$root/$path" or die "$path: $!";
	}
	return $root;
}

{
	my $NOBODY = qr{^nobody can log in: etc/shadow has no password, no home has \.ssh/authorized_keys, and no getty logs in by itself: run chpasswd in the root, or give keys with --overlay or a layer$};
	my $PASSWD = "root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n";
	my $MASKED = { link => '/dev/null' };
	my %SHUT   = ('etc/passwd' => $PASSWD, 'etc/shadow' => "root:*:1::::::\nu:!:1::::::\n");
	my @cases  = (
		[ 'all is well', {} ],
		[ 'no udev', { 'usr/lib/systemd/systemd-udevd' => undef }, qr{^systemd has no udev, so nothing loads drivers after the boot part: install it in the root \(Debian: udev, Fedora: systemd-udev\)$} ],
		[ 'masks of a container', { 'etc/systemd/system/getty.target' => $MASKED, 'etc/systemd/system/systemd-udevd.service' => $MASKED, 'etc/systemd/system/x.service' => $MASKED },
			qr{^systemd-udevd\.service is masked, as in a container, so nothing loads drivers after the boot part: leave it out with --exclude /etc/systemd/system/systemd-udevd\.service$},
			qr{^getty\.target is masked, as in a container, so no console has a login: leave it out with --exclude /etc/systemd/system/getty\.target$} ],
		[ 'nothing enabled', { 'etc/systemd/system/multi-user.target.wants/x.service' => undef, 'etc/machine-id' => "uninitialized\n" },
			qr{^no unit of systemd is enabled in etc/systemd/system, which it would do at a first boot only: run systemctl --root=ROOT preset-all and pack again, or boot with systemd\.condition-first-boot=yes systemd\.firstboot=no$} ],
		[ 'made for a first boot, and enabled', { 'etc/machine-id' => "uninitialized\n" } ],
		[ 'nobody', \%SHUT, $NOBODY ], [ 'a password', { %SHUT, 'etc/shadow' => "root:*:1::::::\nu:\$6\$x:1::::::\n" } ],
		[ 'no password needed', { %SHUT, 'etc/shadow' => "root::1::::::\n" } ], [ 'a password of old', { %SHUT, 'etc/passwd' => "root:abcdefghijklm:0:0::/root:/bin/sh\n" } ],
		[ 'a key', { %SHUT, 'home/u/.ssh/authorized_keys' => 'x' } ], [ 'a key of nobody', { %SHUT, 'home/v/.ssh/authorized_keys' => 'x' }, $NOBODY ],
		[ 'a getty', { %SHUT, 'etc/systemd/system/serial-getty@ttyS0.service.d/login.conf' => 'x' } ],
		[ 'a getty that is masked', { %SHUT, 'etc/systemd/system/console-getty.service' => $MASKED }, $NOBODY ],
		[ 'the getty of packages', { %SHUT, 'usr/lib/systemd/system/getty@.service' => 'x' }, $NOBODY ], [ 'accounts of a server', { %SHUT, 'etc/sssd/sssd.conf' => 'x' } ],
		[ 'accounts of another service', { %SHUT, 'etc/nsswitch.conf' => "passwd:\t files winbind\nhosts: files myhostname\n" } ],
		[ 'accounts of this root', { %SHUT, 'etc/nsswitch.conf' => "passwd: files systemd [NOTFOUND=return] # sss\nhosts: files myhostname\n" }, $NOBODY ],
		[ 'accounts of cloud-init', { %SHUT, 'usr/bin/cloud-init' => 'x' } ],
		[ 'keys of a server', { %SHUT, 'etc/ssh/sshd_config.d/50-ca.conf' => "TrustedUserCAKeys\t/etc/ssh/ca.pub\n" } ],
		[ 'keys elsewhere', { %SHUT, 'etc/ssh/sshd_config' => "AuthorizedKeysFile /etc/ssh/keys/%u\n" } ],
		[ 'keys where they always are', { %SHUT, 'etc/ssh/sshd_config' => "#TrustedUserCAKeys /x\nAuthorizedKeysFile\t.ssh/authorized_keys\n" }, $NOBODY ],
		[ 'localhost', { 'etc/nsswitch.conf' => "hosts: files dns\n", 'etc/hosts' => "127.0.0.1 localhost\n" } ],
		[ 'localhost of systemd', { 'etc/nsswitch.conf' => "hosts: files myhostname\n", 'etc/hosts' => '' } ],
		[ 'no localhost', { 'etc/nsswitch.conf' => "passwd: files\nhosts: files dns\n", 'etc/hosts' => '' },
			qr{^etc/hosts is empty, so localhost has no address: give one with the line "127\.0\.0\.1 localhost" with --overlay$} ],
		[ 'no hosts', { 'etc/nsswitch.conf' => "hosts: files dns\n" }, qr{^etc/hosts is missing, so localhost} ],
		[ 'hosts without localhost', { 'etc/nsswitch.conf' => "hosts:files dns # myhostname\n", 'etc/hosts' => "#127.0.0.1 localhost\n127.0.1.1\tbuilder # localhost\n" },
			qr{^etc/hosts has no line for it, so localhost has no address: give one with the line "127\.0\.0\.1 localhost" with --overlay$} ],
		[ 'localhost beside others', { 'etc/nsswitch.conf' => "hosts: files dns\n", 'etc/hosts' => "127.0.1.1 builder\n::1\tip6-localhost localhost # x\n" } ],
		[ 'localhost of resolved', { 'etc/nsswitch.conf' => "hosts:files resolve [!UNAVAIL=return] dns\n", 'etc/hosts' => "127.0.1.1 builder\n" } ],
		[ 'localhost of its server', { 'etc/nsswitch.conf' => "hosts: files dns\n", 'etc/hosts' => "127.0.1.1 builder\n",
			'etc/resolv.conf' => { link => '../run/systemd/resolve/stub-resolv.conf' } } ],
		[ 'localhost without the C library of GNU', { 'etc/hosts' => "127.0.1.1 builder\n" } ]);
	for my $case (@cases) {
		my ($name, $files, @warnings) = @$case;
		my $root = systemd_root(%$files);
		packs("systemd: $name", pack_root($root, @NO), @warnings);
		packs("systemd: $name, a dry run", try($TARBOOT, 'pack', $root, '-n', @NO), @warnings);
	}
	packs('another init beside systemd', pack_root(systemd_root(%SHUT, 'usr/lib/systemd/systemd-udevd' => undef), @NO, '--init=/bin/busybox'));
	packs('a root without systemd', pack_root(root_with(%SHUT), @NO));
	packs('a machine-id that is kept', pack_root(systemd_root('etc/systemd/system/multi-user.target.wants/x.service' => undef, 'etc/machine-id' => "uninitialized\n"), @NO, '--keep=/etc/machine-id'));
}

# Tables that are links, which are packed as they are, and units for disks.
{
	my $FSTAB = "/dev/disk/by-label/nixos / ext4 defaults 0 1\nUUID=1 /boot vfat defaults 0 2\ntmpfs /tmp tmpfs\n";
	my %NIX   = ('etc/fstab' => { link => '/etc/static/fstab' }, 'etc/static' => { link => '/nix/store/5e-etc/etc' }, 'nix/store/5e-etc/etc/fstab' => $FSTAB);
	my $LINK  = qr{^etc/fstab is a link to /etc/static/fstab, which is packed as it is, and its lines for /, /boot need disks: boot with fstab=no, or take them out there$};
	my $CRYPT = qr{^etc/crypttab is a link to \.\./crypttab, which is packed as it is, and its lines for luks need disks: boot with luks\.crypttab=no, or take them out there$};
	my $UNIT  = 'etc/systemd/system/data.mount';
	my $WANTS = 'etc/systemd/system/local-fs.target.wants/data.mount';
	my $DISK  = qr{^etc/systemd/system/data\.mount needs the disk /dev/sdb1, and systemd waits for it: leave the unit out with --exclude, or replace it with --overlay$};
	my $MOUNT = "[Mount]\nWhat=/dev/sdb1\nWhere=/data\n";
	my $over  = scratch('fstab');
	run('mkdir', '-p', "$over/etc");
	spew("$over/etc/fstab", '');
	for my $case (
		[ 'a link', \%NIX, [], $LINK ], [ 'a link and an overlay', \%NIX, ["--overlay=$over"] ], [ 'a link that is kept', \%NIX, ['--keep=/etc/fstab'] ],
		[ 'a link, --no-scrub', \%NIX, ['--no-scrub'] ], [ 'a link to what needs none', { %NIX, 'nix/store/5e-etc/etc/fstab' => "tmpfs /tmp tmpfs\n" }, [] ],
		[ 'a link to nothing', { 'etc/fstab' => { link => '/etc/static/fstab' } }, [] ],
		[ 'crypttab', { 'etc/crypttab' => { link => '../crypttab' }, 'crypttab' => "luks UUID=1 none luks\n" }, [], $CRYPT ],
		[ 'a unit', { $UNIT => $MOUNT, $WANTS => { link => '/etc/systemd/system/data.mount' } }, [], $DISK ],
		[ 'a unit that is not enabled', { $UNIT => $MOUNT }, [] ], [ 'a unit that needs none', { $UNIT => $MOUNT =~ s/.dev.sdb1/tmpfs/r, $WANTS => { link => '/x' } }, [] ]) {
		my ($name, $files, $options, @warnings) = @$case;
		packs("disks: $name", pack_root(systemd_root(%$files), @NO, @$options), @warnings);
	}
}

# A file system mounted in the root stays out; its mount point is an empty directory.
SKIP: {
	my $root = root_with('mnt/below' => 'below', 'mnt/data/x' => 'x', 'home/below' => 'x', 'srv/own/x' => 'x');
	my $r    = try('unshare', '-m', 'sh', '-c', <<'END', $TARBOOT, $root, $image);
mount --make-rprivate / && mount -t tmpfs none "$1/mnt" && mount -t tmpfs none "$1/proc" && mount --bind "$1/srv" "$1/home" || exit 77
echo above >"$1/mnt/above"
exec "$0" pack "$1" -o "$2" --no-shell --kernel=none --level=fast
END
	skip 'cannot mount a tmpfs here', 5 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
	packs('a root with mounts in it', $r, (qr{^/(?:home|mnt) is packed empty, since it is a mount point or a subvolume in the root: give what is in it by --overlay, or a copy of the whole$}) x 2);
	is_deeply([ sort grep { /mnt|home/ } payload_paths() ], [ 'home/', 'mnt/' ], 'keeps the mount points, empty, also that of a bind mount');
}

# An image written into the root that it is made of must not hold a part of itself.
{
	my $root = root_with();
	my @pack = ($TARBOOT, 'pack', $root, '-o', "$root/image", '--report', "$root/report.json", '--level=fast', @NO);
	my $r    = try(@pack);
	$image = "$root/image";
	is($r->{exit}, 0, 'an image inside its root') or diag($r->{err});
	is_deeply([grep { /^(?:image|report\.json)\z/ } payload_paths()], [], 'is not in itself');
	is(try(@pack)->{exit}, 0, 'packed again');
	is_deeply([grep { /^(?:image|report\.json)\z/ } payload_paths()], [], 'nor is the one before');
}

done_testing();
