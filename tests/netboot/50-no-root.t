#!/usr/bin/perl
# What keeps a machine from its root: no card, no driver, no cable, no lease, no route, no name, no server, a wrong file, an
# image that cannot fetch. Each is a sentence. And what does not: a DHCP server that answers with junk.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../boot";
use Test::More;
use Stream;

need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip));
enter_network();

my $NETWAIT = 8;
my $http    = public('http');
publish_root('tiny', 0);
my @bare = grep { $_->{name} !~ m{^/?tarboot/fetch$} } newc_read("$http/tiny.boot");
newc_write("$http/bare.boot", @bare);
newc_write("$http/unpinned.boot", grep { $_->{name} !~ m{^/?tarboot/manifest$} } newc_read("$http/tiny.boot"));

my $dhcp = dhcp('br0', '--dhcp-range=192.168.77.20,192.168.77.90,255.255.255.0,1h', '--local=/test/');
add_bridge('br1', '192.168.79.1/24');
add_bridge('br2');
my $junk = serve('junk', "$FindBin::RealBin/junk-dhcp", 'br1');
ok($junk->wait_for(qr/^serving/, 20), 'a DHCP server with junk runs') or diag($junk->text);
my $web = web('web');
my $URL = "http://$SERVER:$WEB/tiny.tar.xz";
my $n   = 0;

# TARBOOT_TEST_ALL=1 has those, too, that differ from others only in what is on the kernel command line.
sub rare_case { return $ENV{TARBOOT_TEST_ALL} ? case(@_) : () }

sub case {
	my ($what, $arg, %want) = @_;
	my %arg = (urls => $URL, netwait => $NETWAIT, %$arg);
	my $prepare = delete $arg{prepare} // sub { $_[0] };
	$n++;
	my $number = $n;
	return (sub { $prepare->(fetching('tiny', $number, %arg)) }, sub { fail_with($what, $_[0], %want) });
}

two_at_once(
	case('no card', { networks => [] },
		what => 'the network', why => 'there is no network card; the image has drivers for virtio_net, net_failover',
		do => 'Check that the machine has one, and that its module is in the image (--modules net).'),
	case('no driver', { networks => [], args => [qw(-device e1000)] },
		what => 'the network', why => 'there is no driver for the network card with the PCI ID 8086:100e; the image has virtio_net, net_failover',
		do => 'Pack with --modules net, or with the module for that card.'),
	case('no cable', { monitor => 1, prepare => sub { unplug($_[0], 0) } },
		what => 'the network', why => "no link on eth0 after $NETWAIT s", do => 'Check cable and switch.'),
	case('no lease', { networks => ['br2'] },
		what => 'the network', why => "no address for eth0 after $NETWAIT s",
		do => 'Check the DHCP server of that network, or set ip=.'),
	case('no route', { append => 'ip=192.168.76.5:::24::eth0:none' },
		what => "$SERVER:$WEB", why => 'no route to it from eth0 (192.168.76.5/24)',
		do => 'Check the gateway of that network.'),
	rare_case('no answer', { append => 'ip=192.168.76.5::192.168.76.1:24::eth0:none' },
		what => "$SERVER:$WEB", why => qr/^nobody answers there \(from eth0, 192\.168\.76\.5\/24, for \d+ s\)$/,
		do => 'Check that the server runs, and firewalls on the way.'),
	case('no name', { urls => 'http://nobody.test/tiny.tar.xz', netwait => 15 },
		what => 'nobody.test:80', why => "its name cannot be resolved (eth0, DNS $SERVER)",
		do => "Check the name, or write the server's address instead of it."),
	rare_case('another card', { append => 'ip=192.168.77.9:::24::eth7:none' },
		what => 'the network', why => 'ip=, BOOTIF= and vlan= name none of the network cards (eth0)',
		do => 'Correct them in the boot menu. Cards have the kernel\'s names here.'),
	case('refused', { urls => "http://$SERVER:81/tiny.tar.xz", netwait => 15 },
		what => "http://$SERVER:81/tiny.tar.xz", why => 'nobody listens there',
		do => 'Start the server, or correct the port in the URL.'),
	case('a proxy that is not there', { append => "tarboot.proxy=http://$SERVER:82", netwait => 15 },
		what => $URL, why => "nobody listens at the proxy $SERVER:82",
		do => 'Start the proxy, or correct where it is given: tarboot.proxy=, or the environment\'s http_proxy.'),
	rare_case('no way to a proxy', { append => "ip=192.168.76.5:::24::eth0:none tarboot.proxy=http://$SERVER:82" },
		what => "the proxy $SERVER:82", why => 'no route to it from eth0 (192.168.76.5/24)',
		do => 'Check the gateway of that network.'),
	case('not there', { urls => "http://$SERVER:$WEB/other.tar.xz", netwait => 15 },
		what => "http://$SERVER:$WEB/other.tar.xz", why => 'the server does not have it (404)',
		do => 'Publish it there, or correct the URL.'),
	case('wrong everywhere', { urls => "http://$SERVER:$WEB/damaged=100000/tiny.tar.xz,http://$SERVER:$WEB/damaged=100001/tiny.tar.xz" },
		what => qr{^http://$SERVER:$WEB/damaged=10000[01]/tiny\.tar\.xz$},
		why => 'Block 1 (byte 12) is not what its digest in the manifest says',
		do => 'Copy the payload to that server again, or publish boot part and payload of the same version.'),
	rare_case('https', { urls => "https://$SERVER/tiny.tar.xz" }, what => qr/tarboot\.rootfs=https:/, why => qr/\S/, do => qr/\S/),
	case('no fetcher', { initrd => "$http/bare.boot" },
		what => 'kernel parameter tarboot.rootfs', why => 'the image has no program that fetches (/tarboot/fetch)',
		do => 'Pack the image with `tarboot pack --stream`.'),
	case('no manifest', { initrd => "$http/unpinned.boot" },
		what => $URL, why => 'no manifest in the image says what it must be',
		do => 'Boot the boot part that `tarboot netboot --stream` published with it, or take it as it comes with tarboot.verify=no.'),
	sub { fetching('tiny', 40, urls => "http://192.168.79.1:$WEB/tiny.tar.xz", networks => ['br1'], netwait => 90) },
	sub {
		my ($guest) = @_;
		come_up('junk by DHCP', $guest, 'tiny', qr/^tarboot: eth0: a DHCP server gave an answer without a usable address$/m,
			qr/^tarboot: eth0: address 192\.168\.79\.8\/24 from 192\.168\.79\.1$/m);
		ok($guest->text !~ /\(reboot\)|`reboot`|6\.6\.6\.6/, 'and nothing of the junk is used');
		note($junk->text);
	});
note($web->text, $dhcp->text) unless Test::More->builder->is_passing;
done_testing();
