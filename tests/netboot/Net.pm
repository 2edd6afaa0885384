# A network of its own, a bridge with this machine as its server, and machines that boot from it. Everything is in
# namespaces of the test, which end with it.
package Net;

use strict;
use warnings;

use Exporter qw(import);
use FindBin;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);
use lib "$FindBin::RealBin/../boot";
use Guest;
use Image;
use Modules;

our @EXPORT = (@Image::EXPORT, qw(enter_network private_machine servers serve machine uefi root_is_in_memory mac add_bridge $SERVER $SUBNET));
our ($SERVER, $SUBNET) = ('192.168.77.1', '192.168.77.0/24');

# What servers keep is in directories of their own, which exist where Debian's packages were installed.
my $STATE = <<'END';
for dir in /run /var/lib /var/log; do mount -t tmpfs -o mode=0755 none $dir || exit 126; done
mkdir /run/kea /var/lib/nginx /var/lib/dhcp /var/lib/kea /var/lib/misc /var/log/nginx
exec "$0" "$@"
END

# A command that runs its arguments with network, processes, /run, /var/lib and /var/log of their own. What needs the
# machine's own, apt for one, must run before.
sub private_machine { return ('unshare', qw(-n -m -p --fork --kill-child --mount-proc sh -c), $STATE) }

# Runs the test again in a network of its own.
sub enter_network {
	plan skip_all => 'not root: makes networks of its own' if $> != 0;
	if (!$ENV{TARBOOT_NETWORK}) {
		$ENV{TARBOOT_NETWORK} = 1;
		servers();
		demo_root();
		kernel_of('bookworm');
		exec private_machine(), $^X, $0, @ARGV or die "unshare: $!\n";
	}
	run('ip', 'link', 'set', 'lo', 'up');
	add_bridge('br0', "$SERVER/24");
	$ENV{PATH} = servers() . "/commands:$ENV{PATH}";
	return;
}

# A network, in which this machine has these addresses. A bridge takes another MAC whenever a machine goes, and the others send to the
# old one for some seconds, unless it was told to keep its own.
sub add_bridge {
	my ($name, @addresses) = @_;

	run(qw(ip link add), $name, qw(type bridge forward_delay 0 stp_state 0));
	run(qw(ip address add), $_, 'dev', $name, /:/ ? 'nodad' : ()) for @addresses;
	run(qw(ip link set), $name, 'up');
	run(qw(ip link set), $name, 'address', run(qw(ip -o link show), $name) =~ m{link/ether (\S+)});
	return $name;
}

# Debian's servers, not installed.
sub servers { return made_once('servers', 'fetch-servers') }

# `tarboot serve`, or what else is given, until the object goes. Its words are in text().
sub serve {
	my ($name, @command) = @_;
	my $log  = spew(scratch("$name.log"), '');
	my $self = bless { log => $log, pid => fork // die "fork: $!" }, 'Net::Server';

	if ($self->{pid} == 0) {
		open STDIN,  '<', '/dev/null'   or POSIX::_exit(126);
		open STDOUT, '>', $self->{log}  or POSIX::_exit(126);
		open STDERR, '>&', \*STDOUT     or POSIX::_exit(126);
		exec @command or POSIX::_exit(127);
	}
	return $self;
}

# The test's machines have addresses of their own.
sub mac { return sprintf '52:54:00:00:00:%02x', $_[0] }

my $nth = 0;

# A card's end of a network: a bridge's name, or for a cable of tests/netboot/cable [ name, how it behaves... ]. Its
# arguments, and what must live as long as the machine.
sub netdev {
	my ($id, $network, $rate) = @_;
	my ($bridge, @how) = ref $network ? @$network : $network;
	my $tap = 'tap' . $nth++;

	run(qw(ip tuntap add), $tap, qw(mode tap));
	run(qw(ip link set), $tap, 'master', $bridge, 'up');
	run(qw(tc qdisc add dev), $tap, qw(root tbf rate), "${rate}mbit", qw(burst 256k latency 50ms)) if $rate;
	return "tap,id=$id,ifname=$tap,script=no,downscript=no" unless @how;
	my ($from, $to) = map { $_ + 2 * $nth } 30000, 30001;
	my $cable = serve($tap, repo_path('tests/netboot/cable'), $tap, $from, $to, @how);
	$cable->wait_for(qr/^laid/, 20) or die $cable->text;
	return ("socket,id=$id,udp=127.0.0.1:$to,localaddr=127.0.0.1:$from", $cable);
}

# A machine with an empty disk that boots from the network, by BIOS and the iPXE in QEMU's card, or a kernel that is given.
# Named arguments as of Guest->start, and mac; nic (options of the cards), rate (Mbit/s that their lines have towards
# them), more args; networks: of the cards, as of netdev() (default: one on br0); their MACs have the card's number in the
# fourth byte.
sub machine {
	my (%arg) = @_;
	my @networks = @{ $arg{networks} // ['br0'] };
	my $disk     = scratch("$arg{name}.disk");
	my (@cards, @cables);

	run('truncate', '-s', '1M', $disk);
	for my $i (0 .. $#networks) {
		my ($netdev, $cable) = netdev("n$i", $networks[$i], $arg{rate});
		my $mac = $arg{mac} =~ s/^(.{9})../$1 . sprintf '%02x', $i/er;
		push @cards, -netdev => $netdev, -device => "virtio-net-pci,netdev=n$i,mac=$mac" . ($arg{nic} // '');
		push @cables, $cable if $cable;
	}
	my $guest = Guest->start(
		dir => scratch(), mem => 1024, smp => 1, %arg,
		args => [ @{ $arg{args} // [] }, -drive => "file=$disk,format=raw,if=virtio", @cards ]);
	$guest->{cables} = \@cables;
	return $guest;
}

# Arguments for a machine with UEFI, whose firmware itself boots from the network.
sub uefi {
	my ($name) = @_;
	my $vars = scratch("$name.vars");

	run('cp', '/usr/share/OVMF/OVMF_VARS_4M.fd', $vars);
	return (nic => ',romfile=', args => [
		-drive => 'if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd',
		-drive => "if=pflash,format=raw,file=$vars" ]);
}

# The demo root after its login prompt: systemd is content, and nothing of it is on the machine's disk.
sub root_is_in_memory {
	my ($guest) = @_;

	$guest->type("root\n");
	$guest->wait_for(qr/Password:/, 30);
	$guest->type("tarboot\n");
	$guest->wait_for(qr/# /, 60);
	$guest->type("findmnt -no FSTYPE /; systemctl is-system-running --wait; ls -d /sys/block/vd*; grep -c ^/dev/ /proc/mounts\n");
	ok($guest->wait_for(qr/^tmpfs\n(?:.*\n)*?running\n\/sys\/block\/vda\n0\n/m, 90), 'the root is in memory, the disk is not used')
		or $guest->show_end;
	return;
}

package Net::Server;

use Time::HiRes qw(sleep time);

sub text { return Image::slurp($_[0]{log}) }

sub wait_for {
	my ($self, $pattern, $limit) = @_;
	my $end = time + $limit * ($ENV{TARBOOT_SLOW} || 1);

	sleep 0.1 until $self->text =~ $pattern or time > $end or $self->ended;
	return $self->text =~ $pattern;
}

# Its exit status, once it has ended.
sub ended {
	my ($self) = @_;
	$self->{status} = $? if !defined $self->{status} && waitpid($self->{pid}, POSIX::WNOHANG()) > 0;
	return defined $self->{status};
}

# Ends it; its exit status.
sub stop {
	my ($self) = @_;
	kill TERM => $self->{pid} unless $self->ended;
	for (1 .. 100) { last if $self->ended; sleep 0.1 }
	kill KILL => $self->{pid} unless $self->ended;
	return $self->{status};
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@, $!);
	$self->stop;
	return;
}

1;
