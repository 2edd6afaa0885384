#!/usr/bin/perl
# Machines with empty disks that boot from the network, through the whole chain: DHCP, iPXE by TFTP, the menu and its default,
# kernel and image by HTTP. One by BIOS and undionly.kpxe, to a login of systemd with the root in memory; one by UEFI and
# ipxe.efi, at once, to the init of a small root (30-stream.t brings UEFI to the login).
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../boot";
use Test::More;
use Image qw(tiny_root);
use Net;

need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip));
enter_network();

my $BOOT  = 240;              # seconds for one that takes forty
my $image = scratch('demo.img');
my $tiny  = scratch('tiny.img');
my $site  = public('site');

tarboot('pack', demo_root(), '-o', $image, '--level=fast');
tarboot('netboot', $image, '-o', $site, '--server', $SERVER, '--subnet', $SUBNET, '--title', 'Demo of Debian',
	'--timeout', 3, '--append', 'console=ttyS0 net.ifnames=0', '--host', mac(1) . '=192.168.77.21,bios-pc');
tarboot('pack', tiny_root('tiny'), '-o', $tiny, '--level=fast', '--kernel=none');
tarboot('netboot', $tiny, '-o', $site, '--kernel', "$image.vmlinuz", '--append', 'console=ttyS0', '--boot', mac(2) . '=tiny');
my $serve = serve('serve', build_path('tarboot'), 'serve', $site);
ok($serve->wait_for(qr/^serving /m, 20), 'the servers run') or diag($serve->text);

# QEMU's own iPXE would get the menu at once: it does here what the firmware of a PC does, and no more.
my $firmware = spew(scratch('firmware.ipxe'), <<'END');
#!ipxe
set user-class none
dhcp
chain tftp://${next-server}/${filename}
END
my %machine = (
	BIOS => machine(name => 'bios', mac => mac(1), nic => ',romfile=',
		args => [ -kernel => '/usr/lib/ipxe/ipxe.lkrn', -initrd => $firmware ]),
	UEFI => machine(name => 'uefi', mac => mac(2), uefi('uefi')));

for my $kind (sort keys %machine) {
	subtest $kind => sub {
		my $guest = $machine{$kind};
		my $comes_to = $kind eq 'BIOS' ? qr/\w login:/ : qr/^TINY-INIT-RAN/m;
		ok($guest->wait_for($comes_to, $BOOT), 'it comes to its init') or return $guest->show_end(60);
		my $platform = $kind eq 'BIOS' ? 'pcbios' : 'efi';
		my $text     = $guest->text;
		like($text, qr/tarboot +192\.168\.77\.\d+ +52:54:00:00:00:0\d +$platform/, 'the menu has address and MAC');
		like($text, qr/Demo of Debian \(\d+\.\d MiB\)/, 'and the image');
		like($text, qr/^tarboot: unpack root: \d+\.\d+ s/m, 'the root was unpacked');
		root_is_in_memory($guest) if $kind eq 'BIOS';
		$guest->stop;
	};
}

my $log = $serve->text;
my $who = mac(1) . ' 192\.168\.77\.21 ';
like($log, qr/$who +DHCP   address given to bios-pc\n/, 'the log: the fixed address');
like($log, qr/$who +TFTP   undionly\.kpxe\n/, 'iPXE for BIOS');
like($log, qr/$who +HTTP   \/menu\.ipxe\n/,   'the menu');
like($log, qr/$who +HTTP   \S+vmlinuz  \d+\.\d MB in \d+\.\d s, \d+ MB\/s\n/, 'the kernel');
like($log, qr/$who +HTTP   \S+initrd\.img  \d+\.\d MB in \d+\.\d s, \d+ MB\/s\n/, 'the image');
like($log, qr/${\mac(2)} \S+ +TFTP   ipxe\.efi\n/, 'iPXE for UEFI');
note($log);
is($serve->stop, 0, 'it stops cleanly');
like(run('ip neigh; ps -e'), qr/^(?!.*(?:dnsmasq|nginx))/s, 'and leaves no server');
done_testing();
