#!/usr/bin/perl
# Roots for other machines: the image gets the /init of the root's kind, and nothing of another kind goes with it.
# tests/boot/50-aarch64.t boots one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use Test::More;

need_programs(qw(busybox tar readelf));
my ($X86, $ARM) = (62, 183);
my $TARBOOT = build_path('tarboot');
my $image   = scratch('image');

# A static program, as far as one can see.
sub elf {
	my ($machine) = @_;
	return "\x7fELF" . pack('C3', 2, 1, 1) . "\0" x 9 . pack('vv', 2, $machine) . "\0" x 200;
}

sub root_for {
	my ($name, $machine, $script) = @_;
	return tiny_root($name, sub {
		my ($root) = @_;
		unlink "$root/sbin/init", "$root/bin/sh", "$root/bin/busybox";
		spew($script ? "$root/bin/sh" : "$root/sbin/init", elf($machine), 0755);
		spew("$root/sbin/init", "#!/bin/sh\n", 0755) if $script;
	});
}

# Heads of kernels, as the boot protocols of x86 and arm64 and UEFI have them.
my $Image = 'MZ' . "\0" x 0x36 . "ARM\x64" . "\0" x 200 . "Linux version 6.12.5-arm (x\@y)\0";
my $zboot = "MZ\0\0zimg" . pack('VV', 0x100, 0) . "\0" x 0x2c . pack('V', 0x40) . "PE\0\0";
my %kernel = (
	'bzImage' => bzimage('6.1'),
	'Image'   => $Image,
	'zboot for arm64'  => "$zboot\x64\xaa" . "\0" x 200,
	'zboot for x86'    => "$zboot\x64\x86" . "\0" x 200,
	'compressed Image' => run('sh', '-c', 'gzip -c <"$0"', spew(scratch('Image'), $Image)));
spew(scratch("kernel $_"), $kernel{$_}) for keys %kernel;

sub pack_it {
	my ($root, @options) = @_;
	unlink $image;
	return try($TARBOOT, 'pack', $root, '-o', $image, '--level=fast', @options);
}

sub packs_for {
	my ($name, $machine, $root, @options) = @_;
	my $r = pack_it($root, @options);
	is($r->{exit}, 0, "$name: it is packed") or diag($r->{err});
	my ($init) = grep { $_->{name} =~ m{^/?init\z} } newc_read($image);
	is(unpack('v', substr $init->{data}, 18, 2), $machine, "$name: /init is for that machine");
	return $r;
}

sub refuses {
	my ($name, $like, $root, @options) = @_;
	my $r = pack_it($root, @options);
	is($r->{exit}, 1, "$name: refused");
	like($r->{err}, $like, "$name: says why");
	ok(!-e $image, "$name: writes nothing");
	return;
}

my $x86    = root_for('x86', $X86);
my $arm    = root_for('arm', $ARM);
my $script = root_for('script', $ARM, 1);
my $tar    = scratch('arm.tar');
run('tar', '-C', $arm, '-cf', $tar, '.');
my @NO = qw(--kernel=none --no-shell);

my $PAGES = qr/to unpack the root\n {9}\S+ MiB where pages have 16 KiB, \S+ MiB where they have 64 KiB\nmachine  /;
unlike(packs_for('x86-64', $X86, $x86, @NO)->{out}, $PAGES, 'whose pages have 4 KiB');
like(packs_for('aarch64', $ARM, $arm, @NO)->{out}, $PAGES, 'and told what larger pages take');
packs_for('aarch64, its init a script', $ARM, $script, @NO);
packs_for('aarch64, a tar', $ARM, $tar, @NO);
{
	my $mixed = root_for('mixed', $X86);
	spew("$mixed/init", elf($ARM), 0755);
	packs_for('x86-64, with a program for aarch64', $X86, $mixed, @NO);
	packs_for('the same, that program its init', $ARM, $mixed, @NO, '--init=/init');
}
like(packs_for('without a busybox of its kind', $ARM, $arm, '--kernel=none')->{err},
	qr/warning: no static busybox for aarch64 here/, 'and a warning says so');
my $busybox = spew(scratch('busybox'), elf($ARM), 0755);
packs_for('with a busybox of its kind', $ARM, $arm, '--kernel=none', "--shell=$busybox");
for my $root ($arm, $tar) {
	refuses("with this machine's busybox, $root", qr{/busybox: it is not a static program for aarch64, the architecture of the root\n}, $root,
		'--kernel=none', '--shell=' . (grep { -e } qw(/bin/busybox /usr/bin/busybox))[0]);
	refuses("with a kernel of another kind, $root", qr/the kernel: it is for x86-64, the root is for aarch64/, $root,
		'--no-shell', '--kernel=' . scratch('kernel bzImage'));
	refuses("with a UEFI kernel of another kind, $root", qr/the kernel: it is for x86-64/, $root, '--no-shell',
		'--kernel=' . scratch('kernel zboot for x86'));
	packs_for("with $_, $root", $ARM, $root, '--no-shell', '--kernel=' . scratch("kernel $_")) for 'Image', 'zboot for arm64';
	like(packs_for("with a compressed Image, $root", $ARM, $root, '--no-shell', '--kernel=' . scratch('kernel compressed Image'))->{out},
		qr/^kernel   \S+\.vmlinuz: 6\.12\.5-arm$/m, 'which says its release inside');
	is(slurp("$image.vmlinuz"), $Image, 'and is decompressed for firmware and iPXE');
}
{
	my $uki = "MZ" . "\0" x 0x3a . pack('V', 0x40) . "PE\0\0\x64\x86" . "\0" x 300 . ".linux\0\0" . "\0" x 5000;
	refuses('a unified kernel image as its kernel', qr/it is a unified kernel image, which has an initramfs of its own\n  Take the kernel out of it: objcopy /, $x86,
		'--no-shell', '--kernel=' . spew(scratch('kernel.efi'), $uki));
}
refuses('an x86-64 root with a kernel for arm64', qr/the kernel: it is for aarch64, the root is for x86-64/, $x86,
	'--no-shell', '--kernel=' . scratch('kernel Image'));
{
	run('mkdir', "$arm/boot");
	run('cp', scratch('kernel bzImage'), "$arm/boot/vmlinuz-6.1.0");
	refuses('a root with a foreign kernel in it', qr/the kernel: it is for x86-64, the root is for aarch64/, $arm,
		'--no-shell');
}
{
	my $alone = new_dir('alone');
	run('cp', $TARBOOT, build_path('init'), $alone);
	$TARBOOT = "$alone/tarboot";
	refuses('where there is no /init for it', qr{/init for aarch64: .*\n  In tarboot's source: make ARCH=aarch64}, $arm, @NO);
	$TARBOOT = build_path('tarboot');
}
{
	packs_for('to run it', $ARM, $arm, '--no-shell', '--kernel=' . scratch('kernel Image'));
	my $r = try('env', 'PATH=' . scratch('nothing'), $TARBOOT, 'run', $image);
	is($r->{exit}, 1, 'run without QEMU fails');
	like($r->{err}, qr/qemu-system-aarch64: cannot start it: .*\n  Install QEMU \(Debian: qemu-system-arm\)/,
		'and would take the one for aarch64');
}
is(run('readelf', '-h', build_path('aarch64/init')) =~ /AArch64/ ? 1 : 0, 1, 'the build made an init for aarch64');
unlike(run('readelf', '-lW', build_path('aarch64/init')), qr/INTERP|DYNAMIC/, 'which is static');
done_testing();
