#!/usr/bin/perl
# Networks over which a machine fetches its root: two cards of which neither is of use and one that is, static addresses,
# IPv6; a server that comes late and goes in between, lost packets, a mirror with a wrong Block. What the new system
# finds: the network as if nobody had touched it, or as it was used.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../boot";
use Test::More;
use Time::HiRes qw(sleep);
use Stream;

need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip));
enter_network();

my $http = public('http');
publish_root('big',   40, '--compress=zstd');
publish_root('small', 0);
my @dhcp = (
	# another network, which leads nowhere
	dhcp(add_bridge('br1', '10.9.9.1/24'), '--port=0', '--dhcp-range=10.9.9.20,10.9.9.90,255.255.255.0,1h',
		'--dhcp-option=option:router,10.9.9.254'),
	dhcp('br0', "--address=/web.test/$SERVER", '--dhcp-range=192.168.77.20,192.168.77.90,255.255.255.0,1h'),
	dhcp(add_bridge('br6', 'fd00:77::1/64'), '--enable-ra', '--dhcp-range=fd00:77::,ra-only', '--local=/test/',
		'--host-record=web.test,fd00:77::1'));
my $web = web('web');

# The network as the new system finds it.
sub is_untouched {
	my ($what, $results, @cards) = @_;
	my ($links, $addresses, $routes) = $results =~ /^LINKS\n(.*)ADDRESSES\n(.*)ROUTES\n(.*)FILES\n/ms or return fail($what);

	is_deeply([ $links =~ /^\d+: (\S+): <BROADCAST,MULTICAST> mtu 1500 /mg ], \@cards, "$what: the cards are down");
	is_deeply([ $links =~ /^\d+: (\S+):/mg ], [ 'lo', @cards ], 'there are no others');
	is($addresses . $routes, '', 'and there are neither addresses nor routes');
	return;
}

# One leads nowhere, one stays without a cable, one gets its cable later.
sub three_cards {
	my $guest = fetching('big', 1, urls => "http://$SERVER:$WEB/big.tar.zst", networks => [qw(br1 br0 br0)], monitor => 1);
	unplug($guest, $_) for 1, 2;
	return $guest;
}

sub see_three_cards {
	my ($guest) = @_;
	ok($guest->wait_for(qr/^tarboot: eth0: \S+ not reached/m, 60), 'the first is not the way to the server') or $guest->show_end;
	plug_in($guest, 2);
	my $r = come_up('three cards', $guest, 'big',
		qr/^tarboot: eth0: link up \(52:54:00:00:00:01, virtio_net\)$/m,
		qr/^tarboot: eth0: address 10\.9\.9\.\d+\/24 from 10\.9\.9\.1, gateway 10\.9\.9\.254$/m,
		qr/^tarboot: eth0: 192\.168\.77\.1:8080 not reached: no (?:route to it|answer)$/m,
		qr/^tarboot: eth2: address 192\.168\.77\.\d+\/24 from 192\.168\.77\.1, gateway 192\.168\.77\.1, DNS 192\.168\.77\.1$/m,
		qr/^tarboot: eth2: 192\.168\.77\.1:8080 reached$/m,
		qr/^tarboot: fetching http:\/\/192\.168\.77\.1:8080\/big\.tar\.zst, 41\.\d MiB$/m,
		qr/^tarboot: unpack root: +\d+ %, \d+\.\d MiB of 4\d\.\d MiB, \d+\.\d MiB of 41\.\d MiB fetched$/m);
	ok($guest->text !~ /eth1: link up/, 'the dead one is not used');
	is_untouched('three cards', $r, qw(eth0 eth1 eth2));
	is(report_of($r, 'bytes'), -s "$http/big.tar.zst", 'the report has the bytes');
	is(report_of($r, 'failures'), 0, 'and that no try failed');
	like(report_of($r, 'limit') // '', qr/^(?:line|cores)$/, 'and what the limit was');
	cmp_ok(report_of($r, 'first_byte_s'), '<', report_of($r, 'last_byte_s'), 'and when the first and last byte came');
	return;
}

# As the menu's iPXE writes it. The server comes late, and goes after some MB.
my $late = $WEB + 1;
sub static {
	my ($root, $n, %arg) = @_;
	my $address = "192.168.77.10$n";
	my $mac     = mac($n) =~ tr/:/-/r;

	return fetching($root, $n, %arg,
		append => join ' ', "ip=${address}::192.168.77.1:255.255.255.0:::none:192.168.77.1 BOOTIF=01-$mac", $arg{append} // ());
}

sub see_late_server {
	my ($guest) = @_;
	my @web = (qq($FindBin::RealBin/web), $late, $http);

	ok($guest->wait_for(qr/^tarboot: http:\S+big\.tar\.zst: nobody listens there.*; trying again$/m, 60), 'nobody listens yet')
		or $guest->show_end;
	sleep 5;
	my $first = serve('first', @web);
	ok($guest->wait_for(qr/ (?:1\d|2\d)\.\d MiB of 41\.\d MiB fetched$/m, 60), 'some MB come') or $guest->show_end;
	$first->stop;
	ok($guest->wait_for(qr/the connection ended early|nobody listens there.*nobody listens there/s, 30), 'the server went');
	sleep 3;
	my $second = serve('second', @web);
	my $r = come_up('a server that comes late and is restarted', $guest, 'big',
		qr/^tarboot: eth0: address 192\.168\.77\.102\/24 from ip=, gateway 192\.168\.77\.1, DNS 192\.168\.77\.1$/m);
	is_untouched('static', $r, 'eth0');
	cmp_ok(report_of($r, 'failures'), '>=', 2, 'the report counts the failures');
	like($first->text,  qr/^\S+ 200$/m,                   'from the beginning');
	like($second->text, qr/^\S+ 206 bytes=[1-9]\d{6,}-/m, 'and then from where it was');
	return;
}

sub lossy {
	return static('small', 3, urls => "http://$SERVER:$WEB/small.tar.xz", append => 'tarboot.net=keep',
		networks => [ [qw(br0 loss=20 delay=25)] ]);
}

sub see_lossy {
	my $r = come_up('packets are lost, the network is kept', $_[0], 'small', qr/^tarboot: eth0: 192\.168\.77\.1:8080 reached$/m);
	like($r, qr/^\d+: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> /m, 'the link is up');
	like($r, qr/^\d+: eth0 +inet 192\.168\.77\.103\/24 /m,        'the address is there');
	like($r, qr/^default via 192\.168\.77\.1 dev eth0/m,          'and the route');
	my $mac = mac(3);
	like($r, qr/^\[Match\]\nMACAddress=$mac\nType=ether\n\n\[Network\]\nKeepConfiguration=yes\nAddress=192\.168\.77\.103\/24\nGateway=192\.168\.77\.1\nDNS=192\.168\.77\.1\n/m,
		'networkd is told');
	like($r, qr/^\[ethernet\]\nmac-address=$mac\n\n\[ipv4\]\nmethod=manual\naddress1=192\.168\.77\.103\/24,192\.168\.77\.1\n/m,
		'and NetworkManager');
	return;
}

sub ipv6 { return fetching('small', 5, networks => ['br6'], urls => "http://web.test:$WEB/small.tar.xz") }

sub see_ipv6 {
	my $r = come_up('IPv6 only, and a name', $_[0], 'small', qr/^tarboot: eth0: address fd00:77::[0-9a-f:]+\/64 from IPv6 router/m,
		qr/^tarboot: eth0: web\.test:8080 reached$/m);
	is_untouched('IPv6', $r, 'eth0');
	return;
}

# The order of the two depends on the MAC; what is damaged lies in the second Block.
sub mirrors {
	my @urls = map { "http://web.test:$WEB$_/big.tar.zst" } '/damaged=30000000', '/damaged=30000001', '/m=1';
	return fetching('big', 6, urls => join ',', @urls);
}

sub see_mirrors {
	my $r = come_up('mirrors with a wrong Block, and a name', $_[0], 'big',
		qr{^tarboot: Block 2 is wrong from http://web\.test:8080/damaged=3000000[01]/big\.tar\.zst: it is fetched again from the next server$}m);
	like($web->text, qr{^/(?:m|damaged)=\d+/big\.tar\.zst 206 bytes=[1-9]\d{6,}-[1-9]\d{6,}$}m, 'only that Block is fetched again');
	is_untouched('mirrors', $r, 'eth0');
	return;
}

two_at_once(\&three_cards, \&see_three_cards, sub { static('big', 2, urls => "http://$SERVER:$late/rate=5/big.tar.zst") }, \&see_late_server,
	\&lossy, \&see_lossy, \&ipv6, \&see_ipv6, \&mirrors, \&see_mirrors);
note($web->text, map { $_->text } @dhcp) unless Test::More->builder->is_passing;
done_testing();
