# The line that all peers are booted through: one bridge with this machine as server (dnsmasq, nginx), whose cables are shaped by tc
# or lose frames; and one boot of an empty machine through it, watched from outside.
package Line;

use strict;
use warnings;

use Exporter qw(import);
use Net;
use POSIX ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(start_servers http_stop http_start publish_file boot_script boot_peer memory_in_use
	keeps_capabilities ram_touched with_changed $CONSOLE $SERVER);

our $CONSOLE = 'console=ttyS0 panic=-1 net.ifnames=0';    # what the console and these tests need, and nothing else

my $LOGIN   = qr/\w login:/;
my $WELCOME = qr/^.*Welcome to Debian GNU\/Linux 12 \(bookworm\)!/m;    # of the root's systemd, not that in an initramfs

# After these nothing more comes: each peer's own way to give up.
my $GIVES_UP = join '|', 'Kernel panic', '^\(initramfs\) ', 'tarboot: FAILED', 'No bootable device', 'Press Enter for maintenance',
	'emergency mode', 'dracut:/#', 'baseline: .* failed,', 'Halting automatically', 'Rebooting automatically', 'System halted',
	'Unable to find a (?:live|medium)', 'LTSP boot error';

my ($dhcp, $http);

sub http_dir { return public('http', @_) }

# Puts a file of a peer's where the web server has it; its URL.
sub publish_file {
	my ($peer, $name, $path) = @_;
	my $dir = $peer->{dir} = http_dir($peer->{name});
	run('mkdir', '-p', $dir);
	symlink $path, "$dir/$name" or die "$dir/$name: $!";
	return "http://$SERVER/$peer->{name}/$name";
}

# What its firmware, iPXE, loads: a kernel and an initramfs, or several, as paths. Or, with text, a script of its own.
sub boot_script {
	my ($peer, %o) = @_;
	my @names  = map { "initrd$_.img" } 1 .. @{ $o{initrds} // [] };
	my $text   = $o{text} // join "\n",
		join(' ', 'kernel', publish_file($peer, 'vmlinuz', $o{kernel}), map({ "initrd=$_" } @names), $CONSOLE, $o{append}, '|| goto failed'),
		map({ 'initrd ' . publish_file($peer, $names[$_], $o{initrds}[$_]) . ' || goto failed' } 0 .. $#names), "boot\n";
	$peer->{initrds} = [ map { "$peer->{dir}/$_" } @names ];
	spew(http_dir("$peer->{name}.ipxe"), "#!ipxe\n$text:failed\nexit 1\n");
	return;
}

# Each peer has a MAC and with it a boot file: its number is its place in the list.
sub start_servers {
	my (@peers) = @_;
	$dhcp = serve('dnsmasq', qw(dnsmasq -k --conf-file=/dev/null --log-facility=- --interface=br0 --bind-interfaces
		--except-interface=lo --dhcp-leasefile=/dev/null --no-resolv --no-hosts --no-ping --user=root --port=0 --dhcp-authoritative),
		'--dhcp-range=192.168.77.128,192.168.77.254,255.255.255.0,12h',
		map { ("--dhcp-host=$_->{mac},set:$_->{name}", "--dhcp-boot=tag:$_->{name},http://$SERVER/$_->{name}.ipxe,,$SERVER") } @peers);
	$dhcp->wait_for(qr/started/, 20) or die $dhcp->text;
	spew(public('nginx.conf'), <<"END");
daemon off; worker_processes auto; pid @{[public('nginx.pid')]}; error_log stderr; user root;
events { worker_connections 4096; }
http { access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
server { listen $SERVER:80; root @{[http_dir()]}; } }
END
	http_start();
	return;
}

sub http_start {
	$http = serve('nginx', 'nginx', '-e', 'stderr', '-c', public('nginx.conf'));
	sleep 0.5;
	die 'nginx: ' . $http->text if $http->ended;
	return;
}

# As when the service is stopped: connections are closed.
sub http_stop { $http->stop; return }

# ---- the line's counters ----

# { tap => [ bytes from the machine, bytes towards it ] }
sub counters {
	return { map { /^\s*(tap\d+):\s*(.*)/ ? ($1 => [ (split ' ', $2)[0, 8] ]) : () } split /\n/, slurp('/proc/self/net/dev') };
}

# ---- a boot ----

my $nth = 0;

# Boots a peer with mem MiB through a line of rate Mbit/s; with loss => N every Nth frame is lost, in each direction. It ends with the
# login, with the words of one that gives up (or bad, a pattern), after limit seconds, or when it is silent: for so many seconds nothing
# was printed and nothing came over the line. during is called with the bytes that came so far.
# Returns { guest, name, frame, systemd, login, took, bytes, cpu, said }: seconds after power on (frame: when the machine, iPXE, sends its
# first one), bytes towards the machine and QEMU's seconds of CPU at the login, the last words of one that gave up.
sub boot_peer {
	my ($peer, %o) = @_;
	my $there = counters();
	my $guest = machine(name => "$peer->{name}-" . $nth++, mac => $peer->{mac}, mem => $o{mem} // $peer->{mem} // 3072, smp => 2,
		rate => $o{rate}, networks => [ $o{loss} ? [ 'br0', "loss=$o{loss}" ] : 'br0' ]);
	my ($tap) = grep { !$there->{$_} } keys %{ counters() };
	my %boot  = (guest => $guest, name => $peer->{name});
	my $limit = ($o{limit} // 600) * ($ENV{TARBOOT_SLOW} || 1);

	while (!defined $boot{login} && !defined $boot{said}) {
		my $running = $guest->running;    # before the look: the last words count
		_observe(\%boot, counters()->{$tap}, %o);
		last if !$running || $guest->elapsed > $limit;
		sleep 0.1;
	}
	$boot{took} = $guest->elapsed;
	_keep_console($peer, $guest, $o{case});
	return \%boot;
}

# What a failing boot said, in build/peers/consoles.
sub _keep_console {
	my ($peer, $guest, $case) = @_;
	run('mkdir', '-p', build_path('peers/consoles'));
	spew(build_path('peers/consoles', join '-', $peer->{name}, $case // 'login'), $guest->text);
	return;
}

# Writes down how far a boot has come. count: of the line, as of counters().
sub _observe {
	my ($boot, $count, %o) = @_;
	my $text = $boot->{guest}->text;
	my $now  = $boot->{guest}->elapsed;

	$boot->{frame}   //= $now if $count->[0];
	$boot->{systemd} //= $now if $text =~ $WELCOME;
	$o{during}->($count->[1]) if $o{during};
	if ($o{bad} && $text =~ /^(.*(?:$o{bad}).*)/m) {
		$boot->{said} = $1;
	} elsif ($text =~ $LOGIN) {
		@$boot{qw(login bytes cpu)} = ($now, $count->[1], cpu_of($boot->{guest}{pid}));
	} elsif ($text =~ /^(.*(?:$GIVES_UP).*)/m) {
		$boot->{said} = $1;
	} elsif ($o{silent} && _silence($boot, $now, length $text, $count->[1]) > $o{silent} * ($ENV{TARBOOT_SLOW} || 1)) {
		$boot->{said} = sprintf 'silent for %.0f s', $o{silent};
	}
	return;
}

# Seconds since more was printed or received.
sub _silence {
	my ($boot, $now, @progress) = @_;
	@$boot{qw(progress since)} = ("@progress", $now) if "@progress" ne ($boot->{progress} // '');
	return $now - $boot->{since};
}

# Seconds of CPU that QEMU took so far: the one time that can be compared on a machine that does other work, too.
sub cpu_of {
	my ($pid) = @_;
	my ($fields) = slurp("/proc/$pid/stat") =~ /\) (.*)/;
	my ($user, $system) = (split ' ', $fields)[11, 12];
	return ($user + $system) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# MiB in use, as the kernel counts what is not available, of a machine where root is logged in.
sub memory_in_use {
	my ($guest) = @_;
	my %kib = $guest->says('cat /proc/meminfo') =~ /^(\w+): +(\d+)/mg;
	return $kib{MemAvailable} ? ($kib{MemTotal} - $kib{MemAvailable}) / 1024 : undef;
}

# Has ping, which has cap_net_raw in the demo root and in the benchmark's, still got it? 'yes', 'no', or nothing where getcap is missing.
sub keeps_capabilities {
	my ($guest) = @_;
	my $said = $guest->says('getcap /usr/bin/ping');
	return $said =~ /not found/ ? undef : $said =~ /cap_net_raw/ ? 'yes' : 'no';
}

# MiB of a machine's memory that were ever written, page cache, loader and all.
sub ram_touched {
	my ($guest, $mem) = @_;
	my $most = 0;
	for my $mapping (split /^(?=[0-9a-f]+-[0-9a-f]+ )/m, slurp("/proc/$guest->{pid}/smaps")) {
		my ($size, $rss) = map { $mapping =~ /^$_: +(\d+)/m ? $1 / 1024 : 0 } qw(Size Rss);
		$most = $rss if abs($size - $mem) <= 64 && $rss > $most;
	}
	return $most;
}

# While the function runs, the file is changed: flipped (one byte of it) or cut, at three fifths of it.
sub with_changed {
	my ($path, $how, $function) = @_;
	my $at = int(0.6 * -s $path);

	rename $path, "$path.whole" or die "$path: $!";
	run('cp', '-L', '--remove-destination', "$path.whole", $path);
	open my $file, '+<:raw', $path or die "$path: $!";
	if ($how eq 'cut') {
		truncate $file, $at or die "$path: $!";
	} else {
		seek $file, $at, 0;
		read $file, my $byte, 1;
		seek $file, $at, 0;
		print {$file} $byte ^ "\xff";
	}
	close $file or die "$path: $!";
	my @result = eval { $function->() };
	my $error  = $@;
	rename "$path.whole", $path or die "$path: $!";
	die $error if $error;
	return wantarray ? @result : $result[0];
}

1;
