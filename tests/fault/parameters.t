#!/usr/bin/perl
# Kernel parameters that are wrong stop the boot and are named; odd ones that are right do not.
# tests/unit/test_params.c has every value; here is what the operator sees.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Fault;

need_programs(qw(qemu-system-x86_64 busybox tar xz));

my %wrong = (
	'tarboot.size=lots'         => 'a size like',
	'tarboot.size='             => 'a size like',
	'tarboot.rootfs=relative'   => 'an absolute path, or a URL',
	'tarboot.netwait=soon'      => 'a number of seconds',
	'tarboot.net=up'            => 'down or keep',
	'tarboot.proxy=proxy:3128'  => 'a URL like',
	'tarboot.init'              => 'an absolute path',
	'tarboot.shell=always'      => 'fail, start, unpacked or end',
	'tarboot.onfail=panic'      => 'reboot, poweroff, halt or shell',
	'tarboot.failwait=-3'       => 'a number of seconds',
	'tarboot.threads=0'         => 'a number from 1 to 4096',
	'tarboot.hotplug=perhaps'   => 'on or off',
	'tarboot.quiet=2'           => 'on or off',
	'tarboot.debug='            => 'on or off',
	"tarboot.size=\xff\xfe\x01" => 'a size like',
	'tarboot.init="with blanks"' => 'an absolute path',
	'tarboot.mount=' . 'x' x 300 => 'tmpfs mount options');

my $n = 0;
for my $parameter (sort keys %wrong) {
	my ($key) = split /=/, $parameter;
	my $shown = substr(($parameter =~ s/"//gr), 0, 60) =~ s/[^ -~]+.*//sr;
	fails("wrong: " . ($shown || $key), name => 'wrong-' . $n++, append => $parameter, step => 'check parameters',
		about => [ qr/what: +kernel parameter \Q$shown\E/, qr/it must be \Q$wrong{$parameter}\E/, qr/boot menu/ ]);
}
fails('tmpfs does not know tarboot.mount=', append => 'tarboot.mount=colour=red', step => 'mount root',
	about => [qr/tarboot\.mount=/, qr/colour=red/]);
fails('a read-only root', append => 'tarboot.mount=ro', step => qr/mount root|unpack root/, about => [qr/tarboot\.mount=|[Rr]ead-only/]);

# A wrong parameter does not hide the others: what shall happen after a failure counts.
subtest 'a wrong parameter and tarboot.shell' => sub {
	my $guest = shell_at(name => 'wrong-shell', append => 'tarboot.size=lots tarboot.shell', enter => 1);
	like(type_and_see($guest, 'echo "<$TARBOOT_FAILED>"', qr/^<.*>/m), qr/^<check parameters>$/m, 'the shell knows the step');
	like($guest->text, qr/^  exit: fails again; type reboot -f and correct the parameter in the boot menu\r?$/m, 'and that another try is in vain');
	$guest->type("reboot -f\n");
	ok($guest->wait_end(60), 'what it advises can be done');
	$guest->stop;
};

boots('parameters twice, quoted, unknown, long', append => join(' ',
	'tarboot.size=1g', '"tarboot.size=50%"', 'tarboot.threads="1"', 'tarboot.siez=1g', 'tarboot.thread=2', 'x=' . 'y' x 1500, "z=\xff\xfe"), like => [
	qr/tarboot: tarboot\.siez: unknown parameter; did you mean tarboot\.size\?$/m,
	qr/tarboot: tarboot\.thread: unknown parameter; did you mean tarboot\.threads\?$/m,
	qr/unpack root: .* 1 threads/, qr/check memory: .* root of 2\d\d\.\d MiB/ ]);
boots('quiet', append => 'quiet', also => sub {
	unlike($_[0]->text, qr/^tarboot:/m, 'nothing on the console');
});
boots('debug', append => 'debug', like => [qr/tarboot: mounted a tmpfs on/]);
boots('tarboot.hotplug=off', append => 'tarboot.hotplug=off', like => [qr/plug in devices: .* left out/]);
# Its size is chosen again after unpacking, when the need is known.
my $tells_size = root_is(sub {
	my ($root) = @_;
	spew("$root/sbin/init", <<'END', 0755);
#!/bin/sh
echo "TINY-INIT-RAN pid=$$ root=$(/bin/busybox stat -f -c '%b*%S inodes=%c' /)" >/dev/console
/bin/busybox grep root_size /run/tarboot/report.json >/dev/console
exec /bin/busybox poweroff -f
END
});
boots('tarboot.mount=size= without a manifest', change => $tells_size, append => 'tarboot.mount=size=300m', like => [
	qr/ root=76800\*4096 /, qr/ and may grow to 300\.0 MiB$/m, qr/"root_size_bytes": 314572800,$/m, qr/"root_size_from": "tarboot\.mount=",$/m ]);
boots('tarboot.mount=nr_blocks= and nr_inodes= without a manifest', change => $tells_size, append => 'tarboot.mount=nr_blocks=80000,nr_inodes=70001',
	like => [qr/ root=80000\*4096 inodes=70001$/m]);
boots('huge=always', mem => 2048, append => 'tarboot.mount=huge=always', like => [qr/huge=always takes/]);
my @two_nodes = map { (-object => "memory-backend-ram,id=m$_,size=256M", -numa => "node,nodeid=$_,memdev=m$_") } 0, 1;
boots('two NUMA nodes', append => 'debug', args => \@two_nodes,
	like => [qr/mounted a tmpfs on \/newroot \(\S*mpol=interleave/]);
boots('two NUMA nodes and another policy', append => 'debug tarboot.mount=mpol=local', args => \@two_nodes,
	like => [qr/huge=within_size,mpol=local/]);
done_testing();
