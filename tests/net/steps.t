#!/usr/bin/perl
# The boot steps around the network (init/net/), without a machine: in networks of their own, with cards that are veth pairs,
# Debian's dnsmasq and busybox' udhcpc. Each case ends as the boot would, with a server that is reached or with its sentence; and
# afterwards the cards are as nobody had touched them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../netboot";
use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);
use Net;

plan skip_all => 'not root: makes networks of its own' if $> != 0;
need_programs(qw(dnsmasq busybox ip nsenter unshare));
if (!$ENV{TARBOOT_NETWORK}) {
	$ENV{TARBOOT_NETWORK} = 1;
	exec private_machine(), $^X, $0, @ARGV or die "unshare: $!\n";
}

# Where the DHCP client, who is nobody, can start it: a checkout may lie below a directory of root's.
my $STEPS = '/etc/network_steps';
my ($n_networks, $n_clients, @children) = (0, 0);

END { local $?; kill KILL => @children if @children }

sub start {
	my (@command) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN,  '<', '/dev/null';
		open STDOUT, '>>', scratch('servers.log');
		open STDERR, '>&', \*STDOUT;
		exec @command or POSIX::_exit(127);
	}
	push @children, $pid;
	return $pid;
}

# A bridge; 192.168.N.1/24 is this machine on it, which listens on port 80. Returns N. Arguments are options of dnsmasq; without
# any there is no DHCP.
sub network {
	my (@options) = @_;
	my $n = 100 + $n_networks++;

	run('ip', 'link', 'add', "br$n", qw(type bridge forward_delay 0 stp_state 0));
	run('ip', 'address', 'add', "192.168.$n.1/24", 'dev', "br$n");
	run('ip', 'address', 'add', "2001:db8:$n\::1/64", 'dev', "br$n", 'nodad');
	run('ip', 'link', 'set', "br$n", 'up');
	start('dnsmasq', qw(--keep-in-foreground --conf-file=/dev/null --user=root --no-resolv --no-hosts --bind-interfaces --no-ping
		--leasefile-ro --except-interface=lo --log-facility=-), "--interface=br$n", "--pid-file=" . scratch("pid$n"),
		"--host-record=server.test,192.168.$n.1,2001:db8:$n\::1", @options) if @options;
	return $n;
}

sub dhcp { return "--dhcp-range=192.168.$_[0].20,192.168.$_[0].99,1h" }

# The server's side: what it gets, it closes.
start($^X, '-e', 'use Socket; socket(S, AF_INET6, SOCK_STREAM, 0); setsockopt S, SOL_SOCKET, SO_REUSEADDR, 1;
	bind S, pack_sockaddr_in6(80, "\0" x 16) or die; listen S, 9; while (accept C, S) { close C }');

# A machine with cards, on networks or (undef) with nothing at the other end: runs the steps.
package Client {
	sub new {
		my ($class, @networks) = @_;
		my $self = bless { n => $n_clients++, cards => scalar @networks }, $class;
		my $i    = 0;

		$self->{pid} = main::start('unshare', qw(-n -m sh -c), 'mount -t sysfs none /sys && mount -t tmpfs none /run && mkdir /run/tarboot &&
			mount -t tmpfs -o mode=755 none /etc && cp "$0" "$1" && touch /etc/ready && exec sleep 1000', main::build_path('tests/tools/network_steps'), $STEPS);
		main::sleep(0.02) until -e "/proc/$self->{pid}/root/etc/ready";
		for my $network (@networks) {
			my ($card, $far) = ("eth$i", "far$self->{n}-$i");
			main::run('ip', 'link', 'add', $far, 'type', 'veth', 'peer', 'name', $card, 'address',
				sprintf('52:54:00:00:%02x:%02x', $self->{n}, $i), 'netns', $self->{pid});
			main::run('ip', 'link', 'set', $far, 'master', "br$network", 'up') if defined $network;
			$i++;
		}
		$self->{before} = $self->state;
		return $self;
	}

	sub bootif { return sprintf 'BOOTIF=01-52-54-00-00-%02x-%02x', $_[0]{n}, $_[1] }

	sub far { return "far$_[0]{n}-$_[1]" }

	sub inside { my ($self, @command) = @_; return ('nsenter', "--target=$self->{pid}", '--net', '--mount', @command) }

	sub see { my ($self, @command) = @_; return main::run($self->inside(@command)) }

	sub file { my ($self, $path) = @_; return eval { main::slurp("/proc/$self->{pid}/root/$path") } // '' }

	# Links, addresses, routes.
	sub state {
		my ($self) = @_;
		return $self->see('sh', '-c', 'ip -o link; ip -o address; ip route show table all; ip -6 route show table all; ls /etc /run /run/tarboot')
			=~ s/ state \w+| qdisc \w+| qlen \d+//gr;
	}

	# Begins the steps; its words go to {said}.
	sub begin {
		my ($self, $line) = @_;
		pipe(my $in, $self->{stdin}) or die "pipe: $!";
		pipe($self->{stdout}, my $out) or die "pipe: $!";
		my $pid = fork // die "fork: $!";
		if ($pid == 0) {
			open STDIN,  '<&', $in;
			open STDOUT, '>&', $out;
			open STDERR, '>&', $out;
			exec $self->inside($STEPS, $line) or POSIX::_exit(127);
		}
		$self->{steps} = $pid;
		$self->{said} = '';
		return;
	}

	# Reads until its words match. False: they end without.
	sub hear {
		my ($self, $pattern, $limit) = @_;
		my $end = main::time() + $limit;
		my $set = '';

		vec($set, fileno $self->{stdout}, 1) = 1;
		while ($self->{said} !~ $pattern && main::time() < $end) {
			my $ready = $set;
			select($ready, undef, undef, 0.2) or next;
			sysread($self->{stdout}, $self->{said}, 4096, length $self->{said}) or return 0;
		}
		return $self->{said} =~ $pattern;
	}

	# To the end of the steps: their last line.
	sub boot {
		my ($self, $line, $limit) = @_;
		$self->begin($line);
		$self->hear(qr/^(?:reached|failed) .*\n/m, $limit // 20);
		my ($last) = $self->{said} =~ /^((?:reached|failed) .*)\n/m;
		return $last // "neither: $self->{said}";
	}

	sub stop {
		my ($self) = @_;
		syswrite $self->{stdin}, "\n";
		my $stopped = $self->hear(qr/^stopped\n/m, 10);
		$self->give_up if !$stopped;
		waitpid $self->{steps}, 0;
		return $stopped;
	}

	sub give_up { my ($self) = @_; return kill KILL => $self->{steps} }

	# Ends the steps: all is as it was.
	sub is_untouched {
		my ($self) = @_;
		main::ok($self->stop, 'the network is stopped');
		main::is($self->state, $self->{before}, 'and all is as it was');
		main::unlike(main::run('ps', '-ef'), qr/udhcpc.*eth/, 'no DHCP client is left');
		return;
	}
}

package main;

sub lines { my ($client) = @_; return join "\n", $client->{said} =~ /^tarboot: (.*)$/mg }
sub route { my ($client) = @_; return $client->see('ip', 'route') =~ s/ +\n/\n/gr }

my $n    = network(dhcp(100));
my $good = "192\\.168\\.$n";

subtest 'DHCP, and a name' => sub {
	my $c = Client->new($n);
	like($c->boot('tarboot.rootfs=http://server.test/root.tar.xz quiet'), qr{^reached\ nic=eth0\ address=($good\.\d+)/24\ from=$good\.1
		\ gateway=$good\.1\ dns=$good\.1\ about=server\.test:80\ mac=52:54:00:00:00:00\ times=good$}x, 'reached');
	my ($address) = $c->{said} =~ /address=([\d.]+)/;
	is(lines($c), "eth0: link up, 10000 Mbit/s (52:54:00:00:00:00)\n"
		. "eth0: address $address/24 from 192.168.$n.1, gateway 192.168.$n.1, DNS 192.168.$n.1\neth0: server.test:80 reached",
		'three lines on the console');
	is(route($c), "default via 192.168.$n.1 dev eth0\n192.168.$n.0/24 dev eth0 proto kernel scope link src $address\n", 'the routes');
	is($c->file('run/tarboot/fetch/etc/resolv.conf'), "nameserver 192.168.$n.1\noptions timeout:3\n", 'DNS for the fetcher');
	is($c->file('run/tarboot/fetch/etc/resolv.conf'), $c->see('cat', '/etc/resolv.conf'), 'and for init');
	is($c->see('stat', '-c', '%a', map { "/run/tarboot/fetch$_" } '', '/etc', '/etc/resolv.conf'), "755\n755\n644\n", 'that all may read');
	$c->is_untouched;
};

subtest 'a fixed address, several cards, and one is kept' => sub {
	my $c = Client->new(undef, $n, $n);
	my $ip = "ip=192.168.$n.200::192.168.$n.1:255.255.255.0:pc::none:192.168.$n.1:192.168.$n.2 BOOTIF=01-52-54-00-00-01-02 nameserver=2001:db8::53";
	is($c->boot("tarboot.rootfs=http://192.168.$n.1/x tarboot.net=keep $ip"), "reached nic=eth2 address=192.168.$n.200/24 from=ip= "
		. "gateway=192.168.$n.1 dns=2001:db8::53, 192.168.$n.1, 192.168.$n.2 about=192.168.$n.1:80 mac=52:54:00:00:01:02 times=good", "reached, by BOOTIF's card");
	is(lines($c), "eth2: link up, 10000 Mbit/s (52:54:00:00:01:02)\n"
		. "eth2: address 192.168.$n.200/24 from ip=, gateway 192.168.$n.1, DNS 192.168.$n.1\neth2: 192.168.$n.1:80 reached",
		'the others are not touched');
	my $routes = route($c);
	ok($c->stop, 'the network is stopped');
	is(route($c), $routes, 'the routes are kept');
	like($c->see('ip', '-o', '-4', 'address'), qr{ eth2 +inet 192\.168\.$n\.200/24 }, 'and the address');
	is($c->file('run/systemd/network/05-tarboot.network'), <<"END", 'for systemd-networkd');
# The card that tarboot fetched the root by (tarboot.net=keep).
[Match]
MACAddress=52:54:00:00:01:02
Type=ether

[Network]
KeepConfiguration=yes
Address=192.168.$n.200/24
Gateway=192.168.$n.1
DNS=2001:db8::53
DNS=192.168.$n.1
DNS=192.168.$n.2
END
	is($c->file('run/NetworkManager/system-connections/tarboot.nmconnection'), <<"END", 'for NetworkManager');
# The card that tarboot fetched the root by (tarboot.net=keep).
[connection]
id=tarboot
type=ethernet
autoconnect-priority=1

[ethernet]
mac-address=52:54:00:00:01:02

[ipv4]
method=manual
address1=192.168.$n.200/24,192.168.$n.1
dns=192.168.$n.1;192.168.$n.2;

[ipv6]
method=auto
dns=2001:db8::53;
END
	is($c->see('stat', '-c', '%a', '/run/NetworkManager/system-connections/tarboot.nmconnection'), "600\n", 'that only root may read');
};

subtest 'one card has no link, one a lease of another network, one reaches the server' => sub {
	my $other = network(dhcp(101), '--dhcp-option=3');    # no router
	my $c     = Client->new(undef, $other, $n);
	like($c->boot("tarboot.rootfs=http://192.168.$n.1/x BOOTIF=01-52-54-00-00-02-01"),
		qr{^reached nic=eth2 address=$good\.\d+/24 .* mac=52:54:00:00:02:01 }, 'reached, by the third');
	like(lines($c), qr/^eth1: address .*\n(?:.*\n)*eth1: 192\.168\.$n\.1:80 not reached: no route to it\n(?:.*\n)*eth2: 192\.168\.$n\.1:80 reached$/m,
		'the card of BOOTIF had its turn before');
	unlike($c->see('ip', '-o', 'address', 'show', 'up'), qr/eth[01]/, 'the others are down');
	$c->is_untouched;
};

subtest 'IPv6 only, with what the router announces' => sub {
	my $six = network('--enable-ra', '--dhcp-range=2001:db8:102::,ra-only');
	my $c   = Client->new($six);
	like($c->boot('tarboot.rootfs=http://server.test/x', 30), qr{^reached\ nic=eth0\ address=2001:db8:$six:\S+/64\ from=IPv6\ router\ gateway=
		\ dns=(?:2001:db8:$six|fe80):\S+\ about=server\.test:80\ }x, 'reached');
	$c->is_untouched;
	$c = Client->new($six);
	like($c->boot("tarboot.rootfs=http://[2001:db8:$six\::1]/x ip=auto6", 30),
		qr{^reached nic=eth0 address=2001:db8:$six:\S+/64 .* about=\[2001:db8:$six\::1\]:80 }, 'by its address');
	$c->is_untouched;
	$c = Client->new($six);
	$c->see('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6');
	like($c->boot("tarboot.rootfs=http://[2001:db8:$six\::1]/x ip=[2001:db8:$six\::5]::[2001:db8:$six\::1]:64::eth0:none"),
		qr{^reached nic=eth0 address=2001:db8:$six\::5/64 from=ip= gateway=2001:db8:$six\::1 }, 'with a fixed address, on a card where IPv6 was disabled');
	$c->is_untouched;
};

subtest 'a DHCP server that talks junk' => sub {
	my $junk = network(dhcp(103), '--dhcp-option-force=6,224.0.0.1,255.255.255.255',
		'--dhcp-option-force=3,127.0.0.9', '--dhcp-option-force=26,9',
		'--dhcp-option-force=15,a b;c', '--dhcp-option-force=121,0.0.0.0/0,240.0.0.1', '--dhcp-option-force=12,$(reboot)');
	my $c    = Client->new($junk);
	like($c->boot("tarboot.rootfs=http://192.168.$junk.1/x"), qr{^reached nic=eth0 address=192\.168\.$junk\.\d+/24 from=\S+ gateway= dns= },
		'its address is taken, and nothing else');
	is($c->see('cat', '/etc/resolv.conf'), "options timeout:3\n", 'no DNS');
	$c->is_untouched;
};

subtest 'a link that is lost, and a server that comes late' => sub {
	my $late = network(dhcp(104));
	my $c    = Client->new($late);
	$c->begin("tarboot.rootfs=http://192.168.$late.7:80/x tarboot.netwait=0");
	ok($c->hear(qr/not reached: no answer/, 20), 'nobody is there');
	is(() = $c->{said} =~ /not reached/g, 1, 'said once');
	my ($udhcpc) = run('ps', '-eo', 'pid,args') =~ /^ *(\d+) .*udhcpc .*-i eth0/m;
	like(slurp("/proc/$udhcpc/status"), qr/^Uid:\s65534\s65534\s65534\s65534\nGid:\s65534\s(?:.*\n)*?CapPrm:\s0*2400\nCapEff:\s0*2400\nCapBnd:\s0*2400\n/m, 'the DHCP client is nobody, who may send raw packets and have its port');
	run('ip', 'address', 'add', "192.168.$late.7/32", 'dev', "br$late");
	ok($c->hear(qr/^reached nic=eth0 /m, 20), 'then it is');
	run('ip', 'link', 'set', $c->far(0), 'down');
	ok(wait_for(sub { $c->see('ip', 'route') eq '' }), 'without the link there is no route');
	run('ip', 'link', 'set', $c->far(0), 'up');
	ok(wait_for(sub { $c->see('ip', 'route') =~ /^default/ }), 'with it there is one again');
	$c->is_untouched;
};

sub wait_for {
	my ($is_so) = @_;
	my $end = time + 20;
	sleep 0.1 until $is_so->() || time > $end;
	return $is_so->();
}

# The router is silent from then on, as it is for minutes between two announcements.
subtest 'a link that is lost for a moment, with IPv6 only' => sub {
	my $six = 100 + $n_networks;
	network('--enable-ra', "--dhcp-range=2001:db8:$six\::,ra-only");
	my $router = $children[-1];
	my $c      = Client->new($six);
	$c->begin("tarboot.rootfs=http://[2001:db8:$six\::7]/x tarboot.netwait=0");
	ok($c->hear(qr/not reached: no answer/, 30), 'there is an address, and no server');
	kill KILL => $router;
	run('ip', 'link', 'set', $c->far(0), 'down');
	ok($c->hear(qr/^tarboot: eth0: link lost$/m, 20), 'the link is lost');
	run('ip', 'link', 'set', $c->far(0), 'up');
	ok($c->hear(qr/^tarboot: eth0: link lost\n(?:.*\n)*tarboot: eth0: link up/m, 20), 'and there again');
	run('ip', 'address', 'add', "2001:db8:$six\::7/128", 'dev', "br$six", 'nodad');
	ok($c->hear(qr/^reached nic=eth0 address=2001:db8:$six:/m, 20), 'the address still counts');
	$c->is_untouched;
};

sub children_of { my ($parent) = @_; return run('ps', '-eo', 'pid=,ppid=,stat=') =~ /^ *(\d+) +$parent +(\S)/mg }

# The network process stands still, so that it does not see the link go before the card.
subtest 'the card that was reached by is removed' => sub {
	my $c = Client->new($n, $n);
	like($c->boot("tarboot.rootfs=http://192.168.$n.1/x " . $c->bootif(0)), qr{^reached nic=eth0 }, 'reached');
	ok(wait_for(sub { $c->see('ip', '-o', 'link', 'show', 'up') !~ /eth1/ }), 'the other one is down');
	my ($network) = children_of($c->{steps});
	kill STOP => $network;
	run('ip', 'link', 'delete', $c->far(0));
	kill CONT => $network;
	ok(wait_for(sub { route($c) =~ /^default via 192\.168\.$n\.1 dev eth1$/m }), 'then that is used');
	ok($c->stop, 'the network is stopped');
};

# A firewall that refuses in the server's name: what listens does so on one bridge alone.
subtest 'a card on whose way the connection is refused, and a good one' => sub {
	start($^X, '-e', "use Socket; socket(S, AF_INET, SOCK_STREAM, 0); setsockopt S, SOL_SOCKET, SO_REUSEADDR, 1;
		setsockopt S, SOL_SOCKET, 25, 'br$n' or die; bind S, sockaddr_in(8081, INADDR_ANY) or die; listen S, 9; while (accept C, S) { close C }");
	my $other = network(dhcp(100 + $n_networks));
	my $c     = Client->new($other, $n);
	like($c->boot("tarboot.rootfs=http://192.168.$n.1:8081/x " . $c->bootif(0)),
		qr{^reached nic=eth1 }, 'reached, by the good one');
	like(lines($c), qr/^eth0: 192\.168\.$n\.1:8081 not reached: the connection is refused\n(?:.*\n)*eth1: 192\.168\.$n\.1:8081 reached$/m,
		'which had its turn after the other');
	$c->is_untouched;
};

subtest 'an address that the kernel has configured' => sub {
	my $c = Client->new($n);
	$c->see('ip', 'address', 'add', "192.168.$n.210/24", 'dev', 'eth0');
	$c->see('ip', 'link', 'set', 'eth0', 'up');
	like($c->boot("tarboot.rootfs=http://192.168.$n.1/x"), qr{^reached nic=eth0 address=192\.168\.$n\.210/24 from=the kernel's ip= }, 'is used');
	is($c->{said} =~ /^tarboot: eth0: address/m ? 1 : 0, 0, 'without asking for another');
	$c->is_untouched;

	$c = Client->new($n);
	$c->see('ip', 'address', 'add', "192.168.$n.211/24", 'dev', 'eth0');
	$c->see('ip', 'link', 'set', 'eth0', 'up');
	like($c->boot("tarboot.rootfs=http://192.168.$n.1/x tarboot.net=keep ip=192.168.$n.211::192.168.$n.1:24::eth0:none:192.168.$n.1"),
		qr{^reached nic=eth0 address=192\.168\.$n\.211/24 from=ip= gateway=192\.168\.$n\.1 dns=192\.168\.$n\.1 }, 'by the ip= that init reads, too');
	ok($c->stop, 'the network is stopped');
	like($c->file('run/systemd/network/05-tarboot.network'), qr{^Address=192\.168\.$n\.211/24\nGateway=192\.168\.$n\.1\nDNS=}m, 'whoever keeps it is told of no DHCP');
};

# The broadcast address as a gateway; and bits behind the prefix, which the kernel refuses, too.
subtest 'a DHCP server with routes of which one is refused' => sub {
	my $odd = 100 + $n_networks;
	network("--dhcp-range=192.168.$odd.20,192.168.$odd.20,1h",
		"--dhcp-option=121,10.8.0.0/16,192.168.$odd.255,10.9.1.0/22,192.168.$odd.1,10.7.0.0/16,0.0.0.0,0.0.0.0/0,192.168.$odd.1");
	my $c = Client->new($odd);
	like($c->boot("tarboot.rootfs=http://192.168.$odd.1/x"), qr{^reached nic=eth0 address=192\.168\.$odd\.20/24 }, 'reached');
	is(join("\n", grep { /kernel/ } split /\n/, lines($c)), "eth0: the kernel does not take the route to 10.8.0.0/16 via 192.168.$odd.255: Invalid argument",
		'it is named, once');
	is(route($c), "default via 192.168.$odd.1 dev eth0\n10.7.0.0/16 dev eth0 scope link\n10.9.0.0/22 via 192.168.$odd.1 dev eth0\n"
		. "192.168.$odd.0/24 dev eth0 proto kernel scope link src 192.168.$odd.20\n", 'the others are there');
	is($c->see('sh', '-c', 'timeout 1 ip -4 monitor address route; true'), '', 'and stay as they are');
	$c->is_untouched;
};

subtest 'a DHCP server with an MTU' => sub {
	my $narrow = network(dhcp(100 + $n_networks), '--dhcp-option-force=26,1400');
	my $c      = Client->new($narrow);
	for (['', 1400], [' ip=eth0:dhcp:1450', 1450]) {
		my ($ip, $mtu) = @$_;
		like($c->boot("tarboot.rootfs=http://192.168.$narrow.1/x$ip"), qr{^reached nic=eth0 }, "reached$ip");
		is($c->see('cat', '/sys/class/net/eth0/mtu'), "$mtu\n", "its MTU is $mtu");
		$c->is_untouched;
		is($c->see('cat', '/sys/class/net/eth0/mtu'), "1500\n", 'its own MTU is back');
	}
};

subtest 'an MTU of ip= on a network that has IPv6 alone' => sub {
	my $six = 100 + $n_networks;
	network('--enable-ra', "--dhcp-range=2001:db8:$six\::,ra-only");
	my $c = Client->new($six);
	like($c->boot("tarboot.rootfs=http://[2001:db8:$six\::1]/x ip=eth0:auto6:1400"), qr{^reached nic=eth0 }, 'reached');
	is($c->see('cat', '/sys/class/net/eth0/mtu'), "1400\n", 'its MTU is that');
	$c->is_untouched;
	is($c->see('cat', '/sys/class/net/eth0/mtu'), "1500\n", 'its own MTU is back');
};

# It is that of a macvlan, which can have no larger one than its card: of one that vlan= does not name.
subtest 'an MTU that the kernel refuses, on a network that has IPv6 alone' => sub {
	my $six = 100 + $n_networks;
	network('--enable-ra', "--dhcp-range=2001:db8:$six\::,ra-only");
	my $c = Client->new($six, $six);
	$c->see(qw(ip link add link eth1 name v5 address 52:54:00:01:02:04 type macvlan mode bridge));
	$c->see(qw(ip link set eth1 up));
	like($c->boot("tarboot.rootfs=http://[2001:db8:$six\::1]/x vlan=v5:eth0 ip=v5:auto6:9000", 30), qr{^reached nic=v5 }, 'reached');
	is(scalar(() = $c->{said} =~ /v5: cannot set an MTU of 9000: /g), 1, 'which is said, once');
	ok($c->stop, 'the network is stopped');
};

# A macvlan, as below: like a VLAN, it can have no larger MTU than its card.
subtest 'a VLAN with an MTU larger than that of its card' => sub {
	my $c = Client->new($n);
	$c->see(qw(ip link add link eth0 name v5 address 52:54:00:01:02:04 type macvlan mode bridge));
	$c->{before} = $c->state;
	like($c->boot("tarboot.rootfs=http://192.168.$n.1/x vlan=v5:eth0 ip=v5:dhcp:9000"), qr{^reached nic=v5 }, 'reached');
	unlike($c->{said}, qr/cannot set an MTU/, 'the kernel takes it');
	is($c->see('cat', "/sys/class/net/$_/mtu"), "9000\n", "$_ has it") for qw(v5 eth0);
	$c->is_untouched;
	is($c->see('cat', "/sys/class/net/$_/mtu"), "1500\n", "$_ has its own again") for qw(v5 eth0);
};

# With an MTU below 1280 a card has no IPv6. For the log alone the first card with an address is kept.
subtest 'a card whose address the kernel refuses, and a good one, for the log alone' => sub {
	my $c = Client->new($n, $n);
	$c->see(qw(ip link set eth0 mtu 1000));
	$c->{before} = $c->state;
	$c->begin("tarboot.log=192.168.$n.1 ip=[2001:db8:$n\::5]::[2001:db8:$n\::1]:64::eth0:none ip=eth1:dhcp");
	ok(wait_for(sub { $c->see(qw(ip -o -4 address show eth1)) =~ / inet $good\.\d+\/24 / }), 'the second has its address');
	sleep 1;
	like($c->see(qw(ip -o -4 address show eth1)), qr/ inet $good\.\d+\/24 /, 'and keeps it');
	unlike($c->see(qw(ip -o link show up)), qr/eth0/, 'the first is down');
	$c->is_untouched;
	is(() = $c->{said} =~ /^tarboot: eth0: the kernel does not take its address: /mg, 1, 'that it was refused is said once');
};

my $silent = network();

# The last one's cable alone is plugged in; it is also behind the 64th link.
subtest 'seventy cards' => sub {
	my $c = Client->new((undef) x 69, $n);
	like($c->boot("tarboot.rootfs=http://192.168.$n.1/x ip=eth69:dhcp"), qr{^reached nic=eth69 }, 'reached, by the one that ip= names');
	unlike($c->{said}, qr/not used/, 'without a word about the others');
	$c->is_untouched;
	like($c->boot("tarboot.rootfs=http://192.168.$n.1/x " . $c->bootif(69), 60), qr{^reached nic=eth69 }, 'by that of BOOTIF=');
	is(join("\n", grep { /not used/ } split /\n/, lines($c)), 'eth31: not used: no more than 32 network cards are tried', 'the first that has no place is named');
	$c->is_untouched;
	like($c->boot("tarboot.rootfs=http://192.168.$n.1/x tarboot.netwait=3"), qr{^failed the network: no link on eth0, }, 'by none');
	like(lines($c), qr/^eth32: not used: no more than 32 network cards are tried$/m, 'which is said');
	$c->is_untouched;
	like($c->boot("tarboot.rootfs=http://192.168.$n.1/x tarboot.netwait=3 " . $c->bootif(0)), qr{^failed the network: no link on eth0, }, 'by none, with BOOTIF=');
	like(lines($c), qr/^eth32: not used: no more than 32 network cards are tried$/m, 'whose card has a place, so that the last one is for any');
	$c->is_untouched;
};

# A macvlan with its card's MAC is none that the kernel sets up; who makes it here lends it the name of a VLAN.
subtest 'a card that cannot be set up' => sub {
	my $c = Client->new($n);
	my ($mac) = $c->see('ip', 'link', 'show', 'eth0') =~ /ether (\S+)/;
	$c->see(qw(ip link add link eth0 name v5 address), $mac, qw(type macvlan mode bridge));
	$c->begin("tarboot.rootfs=http://192.168.$n.1/x vlan=v5:eth0 ip=v5:dhcp");
	ok($c->hear(qr/^tarboot: v5: cannot set it up: Address in use$/m, 20), 'the reason');
	my $heard = time;
	$c->see(qw(ip link set v5 address 52:54:00:01:02:03));
	sleep 1.5;
	my $is_down = $c->see(qw(ip link show v5 up)) eq '';
	ok($is_down || time > $heard + 4, 'it is not tried all the time');
	ok($c->hear(qr/^reached nic=v5 /m, 20), 'but again');
	is(() = $c->{said} =~ /cannot set it up/g, 1, 'the reason is said once');
	ok($c->stop, 'the network is stopped');
};

subtest 'a card that is removed at the moment when its probe ends' => sub {
	my $c = Client->new($silent);
	$c->begin("tarboot.rootfs=http://192.168.$silent.9/x ip=192.168.$silent.204:::24::eth0:none tarboot.netwait=20");
	ok($c->hear(qr/not reached: no answer/, 20), 'a probe has ended');
	my ($network) = children_of($c->{steps});
	ok(wait_for(sub { children_of($network) }), 'the next one runs');
	kill STOP => $network;
	ok(wait_for(sub { ((children_of($network))[1] // '') eq 'Z' }), 'and ends');
	run('ip', 'link', 'delete', $c->far(0));
	kill CONT => $network;
	ok($c->hear(qr/^failed (.*)\n/m, 30), 'the boot fails');
	like($c->{said}, qr/^tarboot: eth0: removed\n(?:.*\n)*failed the network: there is no network card; /m, 'for want of a card');
	ok($c->stop, 'the network is stopped');
};
my @DHCP = ('Check the DHCP server of that network, or set ip=.');
for (
	[ 'no card', [], '', 'the network', 'there is no network card; the image has drivers for none', 'Check that the machine has one, and that its module is in the image (--modules net).' ],
	[ 'no link', [ undef, undef ], '', 'the network', 'no link on eth0, eth1 after 3 s', 'Check cable and switch.' ],
	[ 'no lease', [ $silent, undef ], '', 'the network', 'no address for eth0, eth1 after 3 s', @DHCP ],
	[ 'other cards', [$n], 'ip=enp0s3:dhcp', 'the network', 'ip=, BOOTIF= and vlan= name none of the network cards (eth0)',
		'Correct them in the boot menu. Cards have the kernel\'s names here.' ],
	[ 'no route', [$n], "ip=192.168.$n.201:::24::eth0:none", '198.51.100.1:80', "no route to it from eth0 (192.168.$n.201/24)",
		'Check the gateway of that network.' ],
	[ 'no name', [$n], "ip=192.168.$n.202:::24::eth0:none:192.168.$n.1", 'other.test:80', "its name cannot be resolved (eth0, DNS 192.168.$n.1)",
		'Check the name, or write the server\'s address instead of it.' ],
	[ 'nobody', [$silent], "ip=192.168.$silent.203:::24::eth0:none", "192.168.$silent.9:80",
		"nobody answers there (from eth0, 192.168.$silent.203/24, for 7 s)", 'Check that the server runs, and firewalls on the way.' ],
	[ 'a wrong ip=', [$n], 'ip=10.0.0.5:::x', 'kernel parameter ip=10.0.0.5:::x', '"x" is no netmask', 'Correct it: 255.255.255.0, or 24.' ],
) {
	my ($name, $networks, $line, $what, $why, $todo) = @$_;
	my $server = $what =~ /^(.*:80)$/ ? $1 : "192.168.$n.1";
	my $wait   = $why =~ /for 7 s|name cannot/ ? 7 : 3;
	subtest "failure: $name" => sub {
		my $c = Client->new(@$networks);
		is($c->boot("tarboot.rootfs=http://$server/x tarboot.netwait=$wait $line"), "failed $what: $why [$todo]", 'its sentence');
		$c->is_untouched;
	};
}
# Not only when it is given up, ten minutes later.
for ([ [$n], 'ip=enp0s3:dhcp', 'ip=, BOOTIF= and vlan= name none of the network cards (eth0)', 'Correct them in the boot menu. Cards have the kernel\'s names here.' ],
	[ [undef], '', qr/no link on eth0 after 1\d s/, 'Check cable and switch.' ]) {
	my ($networks, $line, $why, $todo) = @$_;
	my $c = Client->new(@$networks);
	$c->begin("tarboot.rootfs=http://192.168.$n.1/x $line");
	$why = quotemeta $why unless ref $why;
	ok($c->hear(qr/^tarboot: the network: $why; waiting up to 600 s\. \Q$todo\E\n/m, 20), 'why it waits') or diag($c->{said});
	ok(!$c->hear(qr/waiting.*waiting/s, 3), 'is said, once');
	$c->give_up;
}
subtest 'failure: no card, with drivers in the image' => sub {
	my $c = Client->new;
	my $m = '/run/l/modules/' . $c->see('uname', '-r') =~ s/\n//r;
	$c->see('sh', '-c', 'mkdir -p "$0" && printf %s "$1" >"$0/modules.dep" && mount -t overlay -o lowerdir=/run/l:/lib none /lib', $m,
		"kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz\nkernel/net/8021q/8021q.ko:\n"
		. "updates/drivers/net/ethernet/intel/ice/ice.ko:\nupdates/dkms/r8125.ko.xz: kernel/drivers/net/phy/libphy.ko.xz\n");
	$c->{before} = $c->state;
	is($c->boot("tarboot.rootfs=http://192.168.$n.1/x tarboot.netwait=3"), 'failed the network: there is no network card; the image has drivers for virtio_net, ice, r8125 '
		. '[Check that the machine has one, and that its module is in the image (--modules net).]', 'its sentence names them, wherever they lie');
	$c->is_untouched;
};
subtest 'failure: cards for InfiniBand alone' => sub {
	my $c = Client->new;
	$c->see('sh', '-c', 'mount -t tmpfs none /sys/class/net && for i in 0 1; do mkdir /sys/class/net/ib$i && echo 32 >/sys/class/net/ib$i/type; done');
	$c->{before} = $c->state;
	like($c->boot("tarboot.rootfs=http://192.168.$n.1/x tarboot.netwait=3"),
		qr/^failed the network: there is no network card but those for InfiniBand \((?:ib0, ib1|ib1, ib0)\), by which nothing is fetched \[Connect an Ethernet card, /, 'its sentence');
	$c->is_untouched;
};
subtest 'failure: an IPv6 router that leaves addresses to DHCPv6' => sub {
	my $managed = 100 + $n_networks;
	network('--enable-ra', "--dhcp-range=2001:db8:$managed\::20,2001:db8:$managed\::99,64,1h");
	my $c = Client->new($managed);
	is($c->boot("tarboot.rootfs=http://[2001:db8:$managed\::1]/x tarboot.netwait=8"), 'failed the network: no address for eth0 after 8 s: '
		. 'the IPv6 router there lets no machine make its own [Check the DHCP server of that network, or let the router announce a prefix for addresses (there is no DHCPv6 here), or set ip=.]', 'its sentence');
	$c->is_untouched;
};
# A log server: named by DHCP, by its address or by a name. What it gets of the lines on the console, with MAC and host name.
subtest 'the log' => sub {
	my $logged = network(dhcp(100 + $n_networks), map { ("--dhcp-option=7,192.168.$_.1", "--host-record=ipv4.test,192.168.$_.1") } 100 + $n_networks);
	for my $case ([ 'by DHCP', '', 514 ], [ 'by its name', 'tarboot.log=server.test:5514', 5514 ],
		[ 'by a name that has no IPv6 address', 'tarboot.log=ipv4.test:5515', 5515 ],
		[ 'with a name of its own', "tarboot.log=192.168.$logged.1 ip=192.168.$logged.200:::24:pc-7::none", 514, 'pc-7' ]) {
		my ($name, $line, $port, $host) = @$case;
		my $server = IO::Socket::INET->new(Proto => 'udp', LocalAddr => "192.168.$logged.1", LocalPort => $port) or die "udp: $!\n";
		my $c      = Client->new($logged);
		like($c->boot("tarboot.rootfs=http://192.168.$logged.1/x $line"), qr/^reached nic=eth0 /, "$name: reached");
		my ($mac) = $c->{said} =~ /mac=(\S+)/;
		my $text  = '';
		$c->stop;
		while (IO::Select->new($server)->can_read(1)) { $server->recv(my $message, 2000); $text .= "$message\n" }
		my @said = split /\n/, lines($c);
		my $head = '<29>1 - ' . ($host // '-') . " tarboot $mac - -";
		is($text, join('', map { "$head $_\n" } @said, 'hand over: '), 'what is on the console');
	}
	my $none = IO::Socket::INET->new(Proto => 'udp', LocalAddr => "192.168.$logged.1", LocalPort => 514) or die "udp: $!\n";
	my $deaf = Client->new($logged);
	like($deaf->boot("tarboot.rootfs=http://192.168.$logged.1/x tarboot.log="), qr/^reached nic=eth0 /, 'an empty value: reached');
	$deaf->stop;
	ok(!IO::Select->new($none)->can_read(1), 'and nothing is sent to the server that DHCP names');
	close $none;
	my $c = Client->new($logged);
	for my $line ("tarboot.log=192.168.$logged.1", "tarboot.log=192.168.$logged.1 tarboot.rootfs=http://192.168.$logged.1/x ip=192.168.$logged.201:::24") {
		my $server = IO::Socket::INET->new(Proto => 'udp', LocalAddr => "192.168.$logged.1", LocalPort => 514) or die "udp: $!\n";
		my $later  = Client->new($logged);
		$later->boot("$line quiet");
		syswrite $later->{stdin}, "fail\n";
		ok($later->hear(qr/^told\n/m, 20), 'a step that fails when the network was stopped: it is started again') or diag($later->{said});
		my $text = '';
		while (IO::Select->new($server)->can_read(1)) { $server->recv(my $message, 2000); $text .= "$message\n" }
		like($text, qr/ tarboot 52:54:00:\S+ failure - switch root failed: \/newroot: no reason\n/, 'and the log server hears of it');
		like($text, qr/ - - hand over: \n/, 'after the end of the boot before') if $line =~ /http/;
		waitpid $later->{steps}, 0;
		is($later->state =~ s/^report\.json\n//mr, $later->{before}, 'and all is as it was');
	}
	like($c->boot("tarboot.rootfs=http://192.168.$logged.1/x tarboot.log=192.168.$logged.9"), qr/^reached nic=eth0 /, 'one that does not exist');
	my $before = time;
	ok($c->stop, 'the network is stopped');
	cmp_ok(time - $before, '<', 3, 'keeps nobody waiting');
};
is(Client->new($n)->boot('tarboot.rootfs=/rootfs.tar.xz ip=rubbish vlan=rubbish'), 'reached nic= address= from= gateway= dns= about= mac= times=wrong',
	'a root that is not fetched: nothing is done, nor read');
is(Client->new($n)->boot('tarboot.rootfs=/rootfs.tar.xz ip=rubbish vlan=rubbish BOOTIF=01-52-54-00-12-34-56'),
	'reached nic= address= from= gateway= dns= about= mac=52:54:00:12:34:56 times=wrong', 'but the MAC of BOOTIF=, whatever stands beside it');
done_testing();
