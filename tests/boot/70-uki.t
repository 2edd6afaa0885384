#!/usr/bin/perl
# From the firmware's key to the last byte of the root: own keys are enrolled as docs/security.md says, then the firmware starts a
# unified kernel image from an ESP, signed with them, whose boot part fetches the demo root by a manifest that a key in it has signed, to
# a login under lockdown, with what the TPM was told as `inspect --pcr` says. What is not signed, signed with another key or was
# changed, the firmware refuses; a manifest without its signature, /init. The same
# on aarch64, with a whole image.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IO::Socket::INET;
use Test::More;
use Guest;
use Image;

need_programs(qw(qemu-system-x86_64 qemu-system-aarch64 swtpm mformat mmd mcopy openssl uuidgen cert-to-efi-sig-list sign-efi-sig-list sbsign minisign busybox));
my $FIRMWARE = '/usr/share/OVMF';
my $LINE     = 'console=ttyS0 no_timer_check';
my $vars     = scratch('keys.vars');

# A disk with one partition's worth of FAT and these files: where, from. Directories are made.
sub esp {
	my ($name, %files) = @_;
	my $esp = scratch("$name.esp");
	my $size = 40;
	my %made;

	$size += (-s $_) >> 20 for values %files;
	run('truncate', '-s', "${size}M", $esp);
	run('mformat', '-i', $esp, '-F', '::');
	for my $to (sort keys %files) {
		my $directory = '';
		for (split m{/}, $to =~ s{/?[^/]*\z}{}r) {
			$directory .= "/$_";
			run('mmd', '-i', $esp, "::$directory") unless $made{$directory}++;
		}
		run('mcopy', '-i', $esp, $files{$to}, "::/$to");
	}
	return $esp;
}

# A machine with UEFI that keeps its variables in a file, and boots from an ESP.
sub start {
	my ($name, $esp, $its_vars, @more) = @_;
	return Guest->start(dir => scratch(), name => $name, firmware => 'q35,smm=on,graphics=off', args => [
		-global => 'driver=cfi.pflash01,property=secure,value=on',
		-drive => "if=pflash,format=raw,readonly=on,file=$FIRMWARE/OVMF_CODE_4M.secboot.fd",
		-drive => "if=pflash,format=raw,file=$its_vars",
		-drive => "if=none,id=esp,format=raw,file=$esp", -device => 'virtio-blk-pci,drive=esp,bootindex=0', @more ]);
}

sub key_pair {
	my ($name) = @_;
	my ($key, $cert) = (scratch("$name.key"), scratch("$name.pem"));
	run('openssl', 'req', qw(-x509 -newkey rsa:2048 -nodes -days 3650 -subj), "/CN=$name", '-keyout', $key, '-out', $cert);
	return ('--secureboot-key', $key, '--secureboot-cert', $cert);
}

# ---- keys ----

my @key = key_pair('mine');
my ($key, $cert) = @key[ 1, 3 ];
chomp(my $guid = run('uuidgen'));
run('cert-to-efi-sig-list', '-g', $guid, $cert, scratch('sb.esl'));
run('sign-efi-sig-list', '-k', $key, '-c', $cert, $_, scratch('sb.esl'), scratch("$_.auth")) for qw(PK KEK db);
run('cp', "$FIRMWARE/OVMF_VARS_4M.fd", $vars);
my $enrolling = start('enroll', esp('enroll', 'EFI/BOOT/BOOTX64.EFI' => '/usr/lib/systemd/boot/efi/systemd-bootx64.efi',
		'loader/loader.conf' => spew(scratch('loader.conf'), "timeout 3\nsecure-boot-enroll force\n"),
		map { ("loader/keys/auto/$_.auth" => scratch("$_.auth")) } qw(PK KEK db)), $vars);
ok($enrolling->wait_end(120), 'systemd-boot enrolls own keys, and resets the machine') or $enrolling->show_end;
like($enrolling->text, qr/Enrolling secure boot keys/, 'as it says');

# ---- what is refused ----

my $tiny = tiny_root('tiny');
my @tiny = ('pack', $tiny, '-o', scratch('tiny.img'), '--level=fast', '--kernel', demo_kernel(), '--cmdline', $LINE, '--uki');
my %refused = (unsigned => scratch('unsigned.efi'), foreign => scratch('foreign.efi'), altered => scratch('altered.efi'));
tarboot(@tiny, $refused{unsigned});
tarboot(@tiny, $refused{foreign}, key_pair('foreign'));
tarboot(@tiny, scratch('tiny.efi'), @key);
my $altered = slurp(scratch('tiny.efi'));
$altered =~ s/console=ttyS0 no_timer_check/console=ttyS0 no_timer_chess/ or die;
spew($refused{altered}, $altered);
for my $name (sort keys %refused) {
	run('cp', $vars, scratch("$name.vars"));
	my $guest = start($name, esp($name, 'EFI/BOOT/BOOTX64.EFI' => $refused{$name}), scratch("$name.vars"));
	ok($guest->wait_for(qr/^BdsDxe: No bootable option or device was found/m, 90), "$name: nothing is booted") or $guest->show_end;
	like($guest->text, qr/^BdsDxe: failed to load Boot\d{4} "[^"]*" from \S+: Access Denied\n/m, "$name: the firmware says why");
	unlike($guest->text, qr/^tarboot:|Linux version/m, "$name: neither kernel nor /init was started");
	$guest->stop;
}

# ---- what is ignored ----

# A boot loader that the firmware trusts gives another kernel command line.
run('sbsign', '--key', $key, '--cert', $cert, '--output', scratch('loader.efi'), '/usr/lib/systemd/boot/efi/systemd-bootx64.efi');
run('cp', $vars, scratch('options.vars'));
my $options = start('options', esp('options', 'EFI/BOOT/BOOTX64.EFI' => scratch('loader.efi'), 'tiny.efi' => scratch('tiny.efi'),
		'loader/loader.conf' => spew(scratch('loader.conf'), "timeout 1\ndefault tiny.conf\n"),
		'loader/entries/tiny.conf' => spew(scratch('tiny.conf'), "title tiny\nefi /tiny.efi\noptions console=ttyS0 init=/bin/sh tarboot.shell=start\n")),
	scratch('options.vars'));
ok($options->wait_for(qr/^TINY-INIT-RAN/m, 120), 'options of a boot entry: the init of the root runs') or $options->show_end(40);
like($options->text, qr/Kernel command line: \Q$LINE\E\n/, 'the stub has ignored them');
$options->stop;

# ---- what is booted ----

run(qw(minisign -G -W -f -p), scratch('room.pub'), '-s', scratch('room.key'));
my $site = public('site');
my $free = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "listen: $!";
my $port = $free->sockport;
close $free;
my $url = "http://10.0.2.2:$port/images/demo/current/root.tar.xz";
$LINE .= " net.ifnames=0 tarboot.netwait=20 tarboot.rootfs=$url";
my $uki = scratch('demo.efi');
tarboot('pack', demo_root(), '-o', scratch('demo.img'), qw(--level=fast --stream --modules virtio_net --trust), scratch('room.pub'),
	'--uki', $uki, '--cmdline', $LINE, @key);
tarboot('netboot', scratch('demo.img'), '-o', $site, qw(--server 10.0.2.2 --subnet 10.0.2.0/24 --name demo --stream --sign), scratch('room.key'));
my $web = fork // die;
if ($web == 0) {
	exec 'busybox', 'httpd', '-f', '-p', "127.0.0.1:$port", '-h', "$site/http" or POSIX::_exit(127);
}
my @network = (-netdev => 'user,id=n', -device => 'virtio-net-pci,netdev=n,romfile=');
like(tarboot('verify', $uki, '--secureboot-cert', $cert), qr/^signature: right: of every byte/m, 'a signed one is made');
mkdir scratch('tpm');
my $socket = "/tmp/tarboot-tpm-$$";    # a socket's path must be short
my $tpm = fork // die;
if ($tpm == 0) {
	exec 'swtpm', 'socket', '--tpm2', '--tpmstate', 'dir=' . scratch('tpm'), '--ctrl', "type=unixio,path=$socket", '--terminate' or POSIX::_exit(127);
}
for (1 .. 100) { last if -S $socket; select undef, undef, undef, 0.1 }
my $guest = start('signed', esp('signed', 'EFI/BOOT/BOOTX64.EFI' => $uki), $vars,
	@network, -chardev => "socket,id=tpm,path=$socket", -tpmdev => 'emulator,id=tpm0,chardev=tpm', -device => 'tpm-tis,tpmdev=tpm0');
if (ok($guest->wait_for(qr/\w login:/, 300), 'the firmware starts it, to a login') && ok($guest->log_in, 'somebody can log in')) {
	like($guest->text, qr{^tarboot: \Q$url\E\.manifest is signed: demo 20\d{6}-\d{6} of 20\S+Z$}m, 'the manifest was signed');
	$guest->says('dmesg -n 1');    # the console is for what is asked
	$guest->says('timeout 60 systemctl is-system-running --wait', 90);
	# It wants to tell the TPM, too, and the demo root lacks the library for that.
	is($guest->says('systemctl --failed --plain --no-legend | grep -v "^systemd-pcrphase"'), '', 'no unit failed');
	like($guest->says('findmnt -n -o FSTYPE,SOURCE /'), qr/^tmpfs +tarboot$/m, 'the root is in memory');
	is($guest->says('cat /sys/kernel/security/lockdown'), "none [integrity] confidentiality\n", 'the kernel is locked');
	is($guest->says('cat /proc/cmdline'), "$LINE\n", 'its command line is that of the image');
	like($guest->says('dmesg | grep -i "secure *boot"'), qr/Secure boot enabled/, 'Secure Boot is on');
	like($guest->says('lsmod'), qr/^virtio_blk /m, 'modules are loaded: they have kept their signatures');
	like($guest->says('head -c -100 $(modinfo -n dummy) >/tmp/unsigned.ko; insmod /tmp/unsigned.ko; modprobe dummy; lsmod'),
		qr/Key was rejected by service(?:.*\n)*dummy /, 'one without its signature is refused, and taken with it');
	my ($pcr) = $guest->says('cat /sys/class/tpm/tpm0/pcr-sha256/11') =~ /^([0-9A-F]{64})$/m;
	my %phase = map { lc $_ => 1 } tarboot('inspect', '--pcr', $uki) =~ /^11:sha256=(\w+)$/mg;
	is(scalar keys %phase, 3, 'three phases of PCR 11');
	ok($pcr && $phase{ lc $pcr }, 'the TPM has the value of one of them') or diag($pcr // 'none', ' ', join ' ', sort keys %phase);
} else {
	$guest->show_end(40);
}
$guest->stop;
kill TERM => $tpm;
waitpid $tpm, 0;
unlink $socket;

# The server has another root, which nobody has signed.
unlink glob "$site/http/images/demo/*/root.tar.xz.manifest.minisig";
my $bare = start('bare', esp('bare', 'EFI/BOOT/BOOTX64.EFI' => $uki), $vars, @network);
ok($bare->wait_for(qr/^  then: /m, 180), 'without the signature it does not start') or $bare->show_end;
like($bare->text =~ s/\n {8}/ /gr, qr{^tarboot: FAILED: find payload\n  what: \Q$url\E\.manifest\.minisig\n  why:  no server has it, and the boot part takes a root only with a signed manifest\n}m,
	'/init says why');
unlike($bare->text, qr/login:|Press Enter|# \z/, 'and gives no shell');
$bare->stop;
kill TERM => $web;
waitpid $web, 0;

# ---- aarch64, with the keys that Debian's firmware for tests has ----

my ($arm, $over, $snakeoil) = (scratch('arm.efi'), scratch('over'), '/usr/share/qemu-efi-aarch64/PkKek-1-snakeoil');
run('openssl', 'rsa', '-in', "$snakeoil.key", qw(-passin pass:snakeoil -out), scratch('snakeoil.key'));
run('mkdir', '-p', "$over/sbin", "$over/bin");
symlink 'busybox', "$over/bin/sh";
spew("$over/sbin/init", "#!/bin/sh\necho \"INIT \$(busybox uname -m)\" >/dev/console\nexec busybox poweroff -f\n", 0755);
tarboot('pack', bare_root_of('aarch64'), '--overlay', $over, '-o', scratch('arm.img'), '--level=fast', '--uki', $arm, '--cmdline', 'console=ttyAMA0',
	'--secureboot-key', scratch('snakeoil.key'), '--secureboot-cert', "$snakeoil.pem");
like(tarboot('inspect', $arm), qr/^unified kernel image for aarch64, signed .*\n  kernel   \d\S*-arm64\n  cmdline  console=ttyAMA0\n/m, 'one for aarch64, with the stub of the root');
like(tarboot('verify', $arm, '--secureboot-cert', "$snakeoil.pem"), qr/^kernel: right.*\nsignature: right/m, 'is whole');
run('cp', '/usr/share/AAVMF/AAVMF_VARS.snakeoil.fd', scratch('arm.vars'));
$guest = Guest->start(dir => scratch(), name => 'arm', arch => 'aarch64', firmware => 'virt', args => [
	-drive => 'if=pflash,format=raw,readonly=on,file=/usr/share/AAVMF/AAVMF_CODE.snakeoil.fd',
	-drive => 'if=pflash,format=raw,file=' . scratch('arm.vars'),
	-drive => 'if=none,id=esp,format=raw,file=' . esp('arm', 'EFI/BOOT/BOOTAA64.EFI' => $arm), -device => 'virtio-blk-pci,drive=esp' ]);
ok($guest->wait_for(qr/^INIT aarch64$/m, 240), 'its firmware starts it') or $guest->show_end(40);
like($guest->text, qr/locked down from EFI Secure Boot/, 'under lockdown');
$guest->stop;
done_testing();
