#!/usr/bin/perl
# A machine with two network cards fetches its root through a VLAN on one of them; the other one has no DHCP server. Afterwards the
# new system finds the cards as nobody had touched them. tests/net/steps.t has the rest of the network without machines.
#
# This machine's kernel may know no VLANs: QEMU sends the frames as UDP packets, and a process takes the tags off.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IO::Socket::INET;
use Test::More;
use Net;
use Modules;

need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip));
kernel_of('bookworm') unless $ENV{TARBOOT_NETWORK};    # where there still is a network to fetch it by
enter_network();

my $BOOT = 120;    # seconds for one that takes ten

# Frames of VLAN 5 to and from a TAP device, without their tags.
sub relay {
	my ($tap_name, $here, $there) = @_;

	open my $tap, '+<:raw', '/dev/net/tun' or die "/dev/net/tun: $!\n";
	ioctl $tap, 0x400454ca, pack('a16 s x22', $tap_name, 2 | 0x1000) or die "TUNSETIFF: $!\n";
	run('ip', 'link', 'set', $tap_name, 'master', 'br0', 'up');
	my $udp = IO::Socket::INET->new(Proto => 'udp', LocalAddr => "127.0.0.1:$here", PeerAddr => "127.0.0.1:$there") or die "$!\n";
	while (1) {
		my $set = '';
		vec($set, fileno $_, 1) = 1 for $tap, $udp;
		select $set, undef, undef, undef;
		if (vec($set, fileno $udp, 1) && defined $udp->recv(my $frame, 2048)) {
			my ($macs, $type, $tag) = unpack 'a12 n n', $frame;
			syswrite $tap, $macs . substr $frame, 16 if $type == 0x8100 && ($tag & 0xfff) == 5;
		}
		if (vec $set, fileno $tap, 1) {
			sysread $tap, my $frame, 2048;
			$udp->send(substr($frame, 0, 12) . pack('n n', 0x8100, 5) . substr $frame, 12);
		}
	}
}

# A web server that has one file.
sub serve_file {
	my ($data) = @_;
	my $server = IO::Socket::INET->new(LocalAddr => "$SERVER:80", Listen => 9, ReuseAddr => 1) or die "$!\n";

	while (my $client = $server->accept) {
		local $/ = "\r\n\r\n";
		my $request = <$client> // next;
		print {$client} $request =~ m{^GET /root\.tar\.xz }
			? "HTTP/1.1 200 OK\r\nContent-Length: " . length($data) . "\r\nConnection: close\r\n\r\n$data"
			: "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	}
}

sub in_child {
	my ($function, @arguments) = @_;
	my $pid = fork // die "fork: $!";
	return $pid if $pid;
	eval { $function->(@arguments); 1 } or warn $@;
	POSIX::_exit(1);
}

my $root = tiny_root('root', sub {
	copy_modules('bookworm', $_[0], qw(virtio_net virtio_pci 8021q));
	spew("$_[0]/sbin/init", <<'END', 0755);
#!/bin/sh
PATH=/bin
alias run=/bin/busybox
exec >/dev/ttyS1
run ip -o link
run ip -o address
run ip route
run cat /run/tarboot/report.json
run ls /run /run/systemd
run poweroff -f
END
});
tarboot('pack', '--stream', '--kernel', 'none', $root, '-o', scratch('image'));
my @members = newc_read(scratch('image'));
my ($payload) = map { $_->{data} } grep { $_->{name} =~ m{^/?rootfs\.tar\.} } @members;
newc_write(scratch('boot-part'), grep { $_->{name} !~ m{^/?rootfs\.tar\.} } @members);

my @children = (in_child(\&relay, 'vlan5', 5002, 5001), in_child(\&serve_file, $payload));
END { local $?; kill KILL => @children if @children }
my $dhcp = serve('dhcp', qw(dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --no-resolv --no-hosts --no-ping
	--bind-interfaces --interface=br0 --leasefile-ro --log-facility=- --pid-file=), '--dhcp-range=192.168.77.20,192.168.77.99,1h');

my $guest = Guest->start(dir => scratch(), name => 'vlan', booting('bookworm'), initrd => scratch('boot-part'),
	append => "tarboot.rootfs=http://$SERVER/root.tar.xz vlan=vlan0005:eth1 tarboot.netwait=40",
	args => [ -netdev => 'socket,id=dead,udp=127.0.0.1:5003,localaddr=127.0.0.1:5004', -device => 'virtio-net-pci,netdev=dead,mac=' . mac(1),
		-netdev => 'socket,id=vlan,udp=127.0.0.1:5002,localaddr=127.0.0.1:5001', -device => 'virtio-net-pci,netdev=vlan,mac=' . mac(2) ]);
ok($guest->wait_end($BOOT), 'the machine ends by itself');
my $text  = $guest->text =~ s/^\[.*\n//gmr;
my $found = $guest->results;
note($text, $found);
my ($vlan, $dead) = (mac(2), mac(1));
like($text, qr/^tarboot: eth0: link up \($dead, virtio_net\)$/m, 'the card that is dead has a link');
like($text, qr/^tarboot: vlan0005: link up \($vlan\)$/m, 'the VLAN has one');
like($text, qr/^tarboot: vlan0005: address 192\.168\.77\.\d+\/24 from $SERVER, gateway $SERVER, DNS $SERVER$/m, 'and a lease');
like($text, qr/^tarboot: vlan0005: $SERVER:80 reached$/m, 'by which the server is reached');
like($text, qr/^tarboot: stop network: /m, 'the network is stopped');
is(join(' ', sort $found =~ /^\d+: (\w+): <[^>]*>/mg), 'eth0 eth1 lo', 'the new system finds the cards, and no VLAN');
unlike($found, qr/^\d+: \w+: <[^>]*\bUP\b/m, 'all are down');
unlike($found, qr/ inet6? | via | dev /, 'no address, no route');
like($found, qr/"nic": "vlan0005"/, 'the report says how it was');
unlike($found, qr/resolv|05-tarboot/, 'nothing for the new system is left');
done_testing();
