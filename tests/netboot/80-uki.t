#!/usr/bin/perl
# UEFI firmware that boots a unified kernel image from the network itself, without iPXE and menu: with PXE by TFTP, and by UEFI
# HTTP boot. It holds the boot part: /init asks by DHCP, and fetches the root from the same server.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../boot";
use Test::More;
use Net;

need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip));
enter_network();

my $image = scratch('lab.img');
my $uki   = scratch('lab.efi');
my $site  = public('site');

# The modules of a kernel go into the boot part only from a root that has them.
my $root = tiny_root('root', sub {
	run('tar', '-xf', demo_root(), '-C', $_[0], '--wildcards', './usr/lib/modules/*', './boot/vmlinuz-*', '--transform=s,^./usr/lib,./lib,');
});
tarboot('pack', $root, '-o', $image, qw(--level=fast --stream --modules virtio_net --no-shell), '--uki', $uki,
	'--cmdline', "console=ttyS0 no_timer_check net.ifnames=0 tarboot.rootfs=http://$SERVER/images/lab/current/root.tar.xz");
tarboot('netboot', $image, '-o', $site, '--stream', '--uki', $uki, '--server', $SERVER, '--subnet', $SUBNET);
my $serve = serve('serve', build_path('tarboot'), 'serve', $site);
ok($serve->wait_for(qr/^serving /m, 20), 'the servers run') or diag($serve->text);

# without: PXE by these, for which the firmware would wait in vain, a minute each.
sub boots {
	my ($name, $n, $loads, @without) = @_;
	my %firmware = uefi($name);
	push @{ $firmware{args} }, map { (-fw_cfg => "name=opt/org.tianocore/${_}PXESupport,string=no") } @without;
	my $guest = machine(name => $name, mac => mac($n), %firmware);
	ok($guest->wait_for(qr/^TINY-INIT-RAN/m, 300), "$name: it comes to the new init") or $guest->show_end(60);
	my $text = $guest->text;
	like($text, $loads, "$name: the firmware loads it itself");
	unlike($text, qr/iPXE/, "$name: without iPXE");
	like($text, qr{Kernel command line: console=ttyS0 no_timer_check net\.ifnames=0 tarboot\.rootfs=http://\S+/root\.tar\.xz$}m,
		"$name: the kernel command line is that of the image");
	like($text, qr/^tarboot: eth0: address 192\.168\.77\.\d+\/24 from /m, "$name: /init asks for an address");
	$guest->stop;
	return;
}

boots('pxe', 1, qr/>>Start PXE over IPv4\.(?:.*\n)*? *NBP filename is uki-x86-64\.efi\n/);
my $log = $serve->text;
like($log, qr/${\mac(1)} \S+ +TFTP   uki-x86-64\.efi\n/, 'the log: the UKI by TFTP');
like($log, qr/${\mac(1)} \S+ +HTTP   \S+root\.tar\.xz  /, 'the root by HTTP');
is($serve->stop, 0, 'the servers stop cleanly');

# A DHCP server that has nothing for PXE: the firmware goes on to UEFI HTTP boot.
my $http_only = spew(public('http-only.conf'), slurp("$site/config/dnsmasq.conf") =~ s/^dhcp-boot=tag:!ipxe,tag:x64,.*\n//mr);
my $dhcp = serve('dnsmasq', qw(dnsmasq -k --log-facility=- -C), $http_only);
my $web  = serve('httpd', qw(busybox httpd -f -v -p), "$SERVER:80", '-h', "$site/http");
boots('http', 2, qr{>>Start HTTP Boot over IPv4(?:.*\n)*? *URI: http://\Q$SERVER\E/uki-x86-64\.efi\n}, qw(IPv4 IPv6));
done_testing();
