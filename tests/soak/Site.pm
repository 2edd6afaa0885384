# Where the boots of the soak test take place: roots that compare themselves with what was packed, their images, a network with its
# servers. It starts a boot that was drawn (Draw.pm), does to it what was drawn, and returns what was seen (Ending.pm).
package Site;

use strict;
use warnings;

use Digest::MD5 qw(md5);
use Exporter qw(import);
use File::Path qw(make_path);
use FindBin;
use JSON::PP qw(decode_json);
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time utime);
use lib $FindBin::RealBin, "$FindBin::RealBin/../netboot", "$FindBin::RealBin/../boot";
use Draw;
use Ending;
use Guest;
use Modules;
use Stream;

our @EXPORT = qw(prepare facts kernel_name kernel_file run_boot keep_logs $SLOW);

our $SLOW = $ENV{TARBOOT_SLOW} || 1;
my $MIB   = 1 << 20;
my %MORE  = (small => 0, big => 24);    # MiB of noise in the root
my $TRIES = 60;                         # machines have the same addresses after so many boots
my $STAYS = 4;                          # seconds after which a machine that stays has stayed
my $FIRST = 150;                        # seconds, times SLOW, for boots of which nobody knows yet how long they take
my @MODULES = qw(virtio_pci virtio_net virtio_blk xhci_pci usbhid hid_generic zram zstd);

# ---- the kernel ----

# The minimal kernel where it was built, else Debian's.
sub kernel_name { return $ENV{KERNEL} || (-e build_path('kernel/vmlinuz') ? 'minimal' : 'bookworm') }

# It has no modules.
sub _has_all_built_in { return kernel_name() eq 'minimal' }

# The first time it may be built or fetched.
sub kernel_file {
	return _has_all_built_in() ? made_once('kernel/vmlinuz', 'make-kernel') : kernel_of(kernel_name()) . '/vmlinuz';
}

# Its configuration is beside it; Debian's has this.
sub _has_pci_hotplug {
	my $config = kernel_file() . '.config';
	return !_has_all_built_in() || (-e $config && slurp($config) =~ /^CONFIG_HOTPLUG_PCI_ACPI=y/m);
}

# ---- roots ----

# Kind, mode, owner and time of each name in the root, links, size, device and target of what is no directory, and digests of the files:
# as far as busybox can tell, which knows no extended attributes. What tarboot mounts is left out.
my $LIST_ROOT = <<'END';
b=/bin/busybox
export TZ=UTC
cd / || exit 1
$b ls -A
for top in $($b ls -A | $b grep -vx -e dev -e proc -e run -e sys); do
	$b find $top -type d -exec $b stat -c '%A %u %g %y %n' {} +
	$b find $top ! -type d ! -path soak/expected -exec $b stat -c '%A %u %g %h %s %t:%T %y %N' {} +
	$b find $top -type f ! -path soak/expected -exec $b md5sum {} +
done | $b sort
END

my $INIT = <<'END';
#!/bin/sh
b=/bin/busybox
echo "SOAK-ROOT-RUNS pid=$$" >/dev/console
$b sh /soak/list-root >/run/soak 2>&1
verdict=WRONG
[ $$ = 1 ] && $b cmp -s /run/soak /soak/expected && verdict=RIGHT
{
	$b cat /run/tarboot/report.json
	[ $verdict = RIGHT ] || $b diff /soak/expected /run/soak | $b head -n 40
	echo "SOAK $verdict"
} >/dev/ttyS1 2>&1
exec $b poweroff -f
END

# So many MiB that no compressor makes smaller, and that are the same each time.
sub _noise {
	my ($mib) = @_;
	return join '', map { md5("noise $_") } 1 .. $mib * $MIB / 16;
}

sub _fill {
	my ($dir, $mib) = @_;

	make_path(map { "$dir/$_" } qw(data/many data/own soak));
	spew("$dir/etc/hostname", "soak\n");
	spew("$dir/data/noise", _noise($mib)) if $mib;
	spew("$dir/data/many/$_", "file $_\n" x (1 + $_ % 97), 0600 + $_ % 64) for 1 .. 200;
	chown 1000, 100, "$dir/data/own", "$dir/data/many/7" or die "chown: $!";
	chmod 04755, "$dir/data/many/8" or die "chmod: $!";
	link "$dir/data/many/1", "$dir/data/own/hard" or die "link: $!";
	symlink '../many/2', "$dir/data/own/soft" or die "symlink: $!";
	run('mkfifo', "$dir/data/own/fifo");
	run('mknod', "$dir/data/own/null", qw(c 1 3));
	utime 1e9, 1e9 + 7.25, glob("$dir/data/many/*"), "$dir/data/own";
	return;
}

sub _make_root {
	my ($name) = @_;
	my $root = tiny_root("root-$name", sub {
		my ($dir) = @_;
		_fill($dir, $MORE{$name});
		copy_modules('bookworm', $dir, @MODULES) unless _has_all_built_in();
		spew("$dir/sbin/init", $INIT, 0755);
		spew("$dir/soak/list-root", $LIST_ROOT);
		spew("$dir/soak/expected",  '');    # before its directory's time is read
	});
	spew("$root/soak/expected", run('chroot', $root, '/bin/busybox', 'sh', '/soak/list-root'));
	return $root;
}

# ---- images and servers ----

my $KERNEL_TAKES = 58;              # MiB, by packer/image/needs.c
my $ALONE        = 48;              # MiB beside image and kernel, with which it always came to /init
my (%facts, %members, @lasting);    # facts: see Draw.pm
my $http;

# What the image says that a machine needs, and what has to be loaded and unpacked before /init.
sub _read_needs {
	my ($name) = @_;
	my $memory = decode_json(tarboot('inspect', '--json', "$http/$name.img"))->{memory};
	my $part   = (-s "$http/$name.boot") / $MIB;

	$facts{$name} = {
		payload  => -s "$http/$name." . _file_of($name),
		embedded => { machine => $memory->{machine_bytes} / $MIB,          load => $memory->{load_bytes} / $MIB },
		stream   => { machine => $memory->{fetching_machine_bytes} / $MIB, load => 2 * $part } };
	return;
}

sub _file_of { return $_[0] eq 'big' ? 'tar.zst' : 'tar.xz' }

sub _publish {
	my ($name) = @_;
	my $modules = _has_all_built_in() ? 'none' : join ',', @MODULES;

	$http = publish($name, _make_root($name), $modules, '--no-scrub', $name eq 'big' ? '--compress=zstd' : ());
	my $payload = "$http/$name." . _file_of($name);
	my $data    = slurp($payload);
	spew($payload =~ s/\Q$name\E\.tar/$name-short.tar/r, substr $data, 0, int(length($data) * 0.7));
	spew($payload =~ s/\Q$name\E\.tar/$name-long.tar/r,  $data . md5($name) x 100);
	_read_needs($name);
	$members{$name} = [ newc_read("$http/$name.img") ];
	return;
}

# What this kernel itself takes, in MiB, and what zram adds, by what is said of the memory when the root is about to be unpacked; struct page
# takes a 64th more.
sub _kernel_takes {
	my ($boot, $seen, $load) = @_;
	my ($available, $zram) = $seen->{text} =~ /^tarboot: check memory: .* ([\d.]+) MiB available(?:, about ([\d.]+) MiB more with zram)?/m
		or die "$boot->{name} does not say what is available\n";
	return ($boot->{mem} * 63 / 64 - $available - $load / 2, $zram // 0);
}

# A boot without faults: how long it takes, and how much memory this kernel needs. inspect reckons with Debian's, and without zram.
sub _measure {
	my ($root, $way) = @_;
	my $boot = plain_boot($root, $way, 4, $FIRST * $SLOW);
	my $need = $facts{$root}{$way};

	@$boot{qw(seed number name)} = (0, 0, "plain-$root-$way");
	my $seen = run_boot($boot);
	my ($ending, $wrong) = judge($boot, $seen, $SLOW);
	BAIL_OUT("$boot->{name}, without faults: $ending: $wrong; its logs: " . keep_logs($boot)) if $wrong;
	my ($takes, $zram) = _kernel_takes($boot, $seen, $need->{load});
	$need->{edge}    = 4 * int(($need->{machine} + ($takes - $KERNEL_TAKES - $zram) * 64 / 63) / 4 + 0.5);
	$need->{kernel}  = $need->{load} + $takes + $ALONE;
	$need->{seconds} = $seen->{elapsed} - $seen->{delay};
	diag(sprintf '%s, %s: %.0f s; a machine needs %d MiB by inspect, %d MiB with this kernel, which takes %d MiB, and zram', $way, $root,
		$need->{seconds}, $need->{machine}, $need->{edge}, $takes);
	return;
}

sub prepare {
	_publish($_) for sort keys %MORE;
	push @lasting, dhcp('br0', '--port=0', '--dhcp-range=192.168.77.100,192.168.77.200,255.255.255.0,1h'), web('web');
	run('truncate', '-s', '1M', scratch('hot'));
	$facts{has_pci_hotplug} = _has_pci_hotplug();
	$facts{mem}             = $ENV{MEM};
	for my $root (sort keys %MORE) { _measure($root, $_) for qw(embedded stream) }
	return;
}

sub facts { return \%facts }

# ---- a boot ----

# The payload in the image, with what was drawn.
sub _damaged {
	my ($how, $at, $data) = @_;
	my $place = int($at * length $data);

	return substr $data, 0, $place || 1 if $how eq 'cut';
	return $data . md5($at) x 50 if $how eq 'long';
	return "<html><body>Please log in.</body></html>\n" if $how eq 'page';
	return $data . "\0" x 4096 if $how eq 'padded';
	substr($data, $place, 1) ^= chr(1 << int($at * 1e6) % 8);
	return $data;
}

sub _image {
	my ($boot) = @_;
	my $change = $boot->{image} or return "$http/$boot->{root}.img";
	my @members = map { {%$_} } @{ $members{ $boot->{root} } };

	$members[-1]{data} = _damaged(@$change{qw(how at)}, $members[-1]{data});
	return newc_write(scratch('damaged.img'), @members);
}

sub _url {
	my ($boot, $url) = @_;
	my $file  = _file_of($boot->{root});
	my %at    = (web => "$SERVER:$WEB", own => "$SERVER:$OWN_PORT", closed => "$SERVER:9", nobody => "192.168.77.250:$WEB");
	my @options = grep { length } $url->{options} // '';

	push @options, 'damaged=' . int($url->{damaged} * -s "$http/$boot->{root}.$file") if defined $url->{damaged};
	return 'http://' . join '/', $at{ $url->{server} // 'web' }, @options, $boot->{root} . ($url->{file} // '') . ".$file";
}

# For what is plugged in, beside the machine's own devices.
sub _devices {
	return (-device => 'qemu-xhci,id=xhci', -drive => 'if=none,id=hot,format=raw,file=' . scratch('hot'),
		-netdev => 'socket,id=dead,udp=127.0.0.1:20001,localaddr=127.0.0.1:20002');
}

sub _start {
	my ($boot) = @_;
	my %arg = (
		name => "boot-$boot->{name}", kernel => kernel_file(), mem => $boot->{mem}, smp => $boot->{smp}, panic => $boot->{panic}, monitor => 1,
		args => [ _devices() ]);
	my $append = join ' ', @{ $boot->{append} };

	return Guest->start(%arg, dir => scratch(), initrd => _image($boot), append => "no_timer_check net.ifnames=0 $append")
		if $boot->{way} eq 'embedded';
	return fetching($boot->{root}, 1 + $boot->{number} % $TRIES, %arg,
		urls => join(',', map { _url($boot, $_) } @{ $boot->{urls} }), netwait => $boot->{netwait}, append => $append,
		networks => [ $boot->{cable} ? [ 'br0', @{ $boot->{cable} } ] : 'br0' ]);
}

# Has QEMU's monitor do it. Its trouble is none when the machine has ended meanwhile.
sub _tell_qemu {
	my ($event, $guest) = @_;
	my $answer = $guest->monitor($event->{monitor}) // '';

	$event->{is_done} = $answer =~ /\(qemu\).*\(qemu\)/s && $answer !~ /^Error/m;
	return if $event->{is_done};
	for (1 .. 20) {
		return if !$guest->running;
		sleep 0.1;
	}
	$event->{trouble} = "$event->{monitor}: " . ($answer =~ /^(Error.*)/m ? $1 : 'no answer');
	return;
}

sub _run_event {
	my ($event, $guest, $servers) = @_;

	$event->{was_run} = 1;
	return _tell_qemu($event, $guest) if $event->{monitor};
	@$servers = $event->{server} eq 'stop' ? () : serve('own', repo_path('tests/netboot/web'), $OWN_PORT, $http);
	$event->{is_done} = 1;
	return;
}

# Runs what is due. Each event: sign, after, what to do; when it is due, once its sign was seen; whether it was run, whether that was done,
# and QEMU's trouble with it.
sub _run_events {
	my ($events, $text, $guest, $servers) = @_;

	for my $event (grep { !$_->{was_run} } @$events) {
		$event->{due} //= time + $event->{after} if $text =~ $event->{sign};
		_run_event($event, $guest, $servers) if $event->{due} && time >= $event->{due};
	}
	return;
}

# Seconds in which one of its threads was ready and the host let it wait, of that which waited longest; 0 where the host's kernel does not
# count that.
sub _host_delay {
	my ($guest) = @_;
	my @delays = map { (eval { slurp($_) } // '') =~ /^\d+ (\d+)/ ? $1 / 1e9 : 0 } glob "/proc/$guest->{pid}/task/*/schedstat";
	return max(0, @delays);
}

# True: it does nothing more that is of interest.
sub _is_over {
	my ($boot, $text, $guest, $since) = @_;
	my $reaction = $boot->{reaction};

	return 1 if !is_at_init($text) && $since->{given} > $boot->{limit} / 2;    # a kernel that will not come to /init any more
	return 1 if has_panicked($text) && $boot->{panic} >= 0 && ($since->{panic} //= time) < time - $STAYS;
	return 0 if !$since->{block} || $reaction->{is_shell} || defined $reaction->{wait};
	return $since->{block} < time - $STAYS && (!$reaction->{says} || $text =~ $reaction->{says} || $since->{block} < time - 15 * $SLOW);
}

# Asks a shell whether it is one.
sub _ask {
	my ($boot, $guest, $since) = @_;

	return if !$boot->{reaction}{is_shell} || $since->{asked} || $guest->text !~ /^tarboot:\S*# $/m;
	$since->{asked} = 1;
	$guest->type("echo ALI''VE \$TARBOOT_FAILED; reboot -f\n");
	return;
}

sub _watch {
	my ($boot, $guest) = @_;
	my @events = map { {%$_} } @{ $boot->{events} };
	my %since  = (given => 0);
	my ($delay, @servers) = (0);

	while ($since{given} < $boot->{limit}) {
		my $runs = $guest->running;    # before the look: the last words count
		my $text = $guest->text;
		$since{block} //= time if read_block($text);
		last if !$runs || _is_over($boot, $text, $guest, \%since);
		_run_events(\@events, $text, $guest, \@servers) unless boot_is_over($text);
		_ask($boot, $guest, \%since);
		sleep 0.1;
		$delay = max($delay, _host_delay($guest));
		$since{given} = $guest->elapsed - $delay;
	}
	my %seen = (has_ended => !$guest->running, elapsed => $guest->elapsed, delay => $delay, stayed => time - ($since{block} // time),
		answer => $guest->answer, events => \@events);
	$guest->stop;
	return { %seen, text => $guest->text, results => $guest->results, errors => slurp($guest->{errors}) };
}

# Of machines that have ended.
sub _delete_taps {
	run(qw(ip link delete), $_) for run(qw(ip -o link show)) =~ /^\d+: (tap\d+):/mg;
	return;
}

# What was seen of it. Once more when QEMU or the kernel stopped before /init, which is nothing that is tested here; again: that.
sub run_boot {
	my ($boot) = @_;
	my $seen;

	for my $try (0, 1) {
		my $guest = _start($boot);
		$seen = _watch($boot, $guest);
		undef $guest;
		_delete_taps();
		$seen->{again} = $try;
		last if is_at_init($seen->{text}) || $boot->{kernel_may_lack_memory};
	}
	return $seen;
}

# The directory with the logs of a boot that went wrong.
sub keep_logs {
	my ($boot) = @_;
	my $dir = build_path('soak', "$boot->{seed}-$boot->{name}");

	make_path($dir);
	for my $log (glob scratch('*.{log,ttyS1,qemu}')) {
		run('cp', $log, $dir) if $log =~ m{/(?:boot-$boot->{name}|own|web|dhcp-br0)\.\w+$};
	}
	return $dir;
}

1;
