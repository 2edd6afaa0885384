# Where the boots of the soak test take place: roots that compare all of themselves with what was packed, their images, a network with
# its servers. It starts a boot that was drawn (Draw.pm), does to it what was drawn, and returns what was seen (Ending.pm).
package Site;

use strict;
use warnings;

use Digest::MD5 qw(md5);
use Exporter qw(import);
use File::Path qw(make_path);
use FindBin;
use JSON::PP qw(decode_json);
use Time::HiRes qw(sleep time);
use lib $FindBin::RealBin, "$FindBin::RealBin/../netboot", "$FindBin::RealBin/../boot";
use Ending;
use Guest;
use Modules;
use Stream;

our @EXPORT = qw(prepare facts_of kernel_name run_boot keep_logs $SLOW);

our $SLOW = $ENV{TARBOOT_SLOW} || 1;
my $OWN    = 8081;                      # port of a boot's own server
my $MIB    = 1 << 20;
my %MORE   = (small => 0, big => 24);    # MiB of noise in the root
my $TRIES  = 60;                         # machines have the same addresses after so many boots
my $SILENT = 45;                         # seconds after which a kernel will not come to /init any more
my $STAYS  = 4;                          # seconds after which a machine that stays has stayed
my @MODULES = qw(virtio_pci virtio_net virtio_blk xhci_pci usbhid hid_generic zram zstd);

# ---- roots ----

# All that is in the root: kind, mode, owner, links, size and time of each name, and the digests of the files.
my $LOOK = <<'END';
b=/bin/busybox
cd / || exit 1
$b ls -A
for top in bin data etc lib sbin; do
	$b find $top -type d -exec $b stat -c '%A %u %g %n' {} +
	$b find $top ! -type d -exec $b stat -c '%A %u %g %h %s %Y %N' {} +
	$b find $top -type f -exec $b md5sum {} +
done | $b sort
END

my $INIT = <<'END';
#!/bin/sh
b=/bin/busybox
echo "SOAK-ROOT-RUNS pid=$$" >/dev/console
$b sh /soak/look >/run/soak 2>&1
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
	utime 1e9, 1e9 + 7, glob "$dir/data/many/*";
	return;
}

sub _make_root {
	my ($name) = @_;
	my $root = tiny_root("root-$name", sub {
		my ($dir) = @_;
		_fill($dir, $MORE{$name});
		copy_modules('bookworm', $dir, @MODULES);
		spew("$dir/sbin/init", $INIT, 0755);
		spew("$dir/soak/look", $LOOK);
	});
	spew("$root/soak/expected", run('chroot', $root, '/bin/busybox', 'sh', '/soak/look'));
	return $root;
}

# ---- images and servers ----

my (%facts, %members, @lasting);
my $http;

# What the image says that a machine needs, and what the kernel may lack for itself: it and the image twice.
sub _read_facts {
	my ($name) = @_;
	my $memory = decode_json(tarboot('inspect', '--json', "$http/$name.img"))->{memory};
	my $kernel = 58 + 48;
	my $part   = 2 * (-s "$http/$name.boot") / $MIB;

	return {
		embedded => { machine => $memory->{machine_bytes} / $MIB, kernel => $memory->{load_bytes} / $MIB + $kernel },
		stream   => { machine => $memory->{fetching_machine_bytes} / $MIB, kernel => $part + $kernel } };
}

sub _file_of { return $_[0] eq 'big' ? 'tar.zst' : 'tar.xz' }

sub _publish {
	my ($name) = @_;

	$http = publish($name, _make_root($name), join(',', @MODULES), '--no-scrub', $name eq 'big' ? '--compress=zstd' : ());
	my $payload = "$http/$name." . _file_of($name);
	my $data    = slurp($payload);
	spew($payload =~ s/\Q$name\E\.tar/$name-short.tar/r, substr $data, 0, int(length($data) * 0.7));
	spew($payload =~ s/\Q$name\E\.tar/$name-long.tar/r,  $data . md5($name) x 100);
	$facts{$name}   = _read_facts($name);
	$members{$name} = [ newc_read("$http/$name.img") ];
	return;
}

sub prepare {
	_publish($_) for sort keys %MORE;
	push @lasting, dhcp('br0', '--port=0', '--dhcp-range=192.168.77.100,192.168.77.200,255.255.255.0,1h'), web('web');
	run('truncate', '-s', '1M', scratch('hot'));
	return;
}

sub facts_of { return \%facts }

# The minimal kernel where it was built, else Debian's.
sub kernel_name { return $ENV{KERNEL} || (-e build_path('kernel/vmlinuz') ? 'minimal' : 'bookworm') }

sub _kernel { return kernel_name() eq 'minimal' ? build_path('kernel/vmlinuz') : kernel_of(kernel_name()) . '/vmlinuz' }

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
	my %at    = (web => "$SERVER:$WEB", own => "$SERVER:$OWN", closed => "$SERVER:9", nobody => "192.168.77.250:$WEB");
	my @words = grep { length } $url->{words} // '';

	push @words, 'damaged=' . int($url->{damaged} * -s "$http/$boot->{root}.$file") if defined $url->{damaged};
	return 'http://' . join '/', $at{ $url->{server} // 'web' }, @words, $boot->{root} . ($url->{file} // '') . ".$file";
}

# For what is plugged in, beside the machine's own devices.
sub _devices {
	return (-device => 'qemu-xhci,id=xhci', -drive => 'if=none,id=hot,format=raw,file=' . scratch('hot'),
		-netdev => 'socket,id=dead,udp=127.0.0.1:20001,localaddr=127.0.0.1:20002');
}

sub _start {
	my ($boot) = @_;
	my $n   = $boot->{number};
	my %arg = (
		name => "boot-$n", kernel => _kernel(), mem => $boot->{mem}, smp => $boot->{smp}, panic => $boot->{panic}, monitor => 1,
		args => [ _devices() ]);
	my $append = join ' ', @{ $boot->{append} };

	return Guest->start(%arg, dir => scratch(), initrd => _image($boot), append => "no_timer_check net.ifnames=0 $append")
		if $boot->{way} eq 'embedded';
	return fetching($boot->{root}, 1 + $n % $TRIES, %arg,
		urls => join(',', map { _url($boot, $_) } @{ $boot->{urls} }), netwait => $boot->{netwait}, append => $append,
		networks => [ $boot->{cable} ? [ 'br0', @{ $boot->{cable} } ] : 'br0' ]);
}

sub _do {
	my ($event, $guest, $servers) = @_;

	if ($event->{monitor}) {
		my $answer = $guest->monitor($event->{monitor}) // 'QEMU has no monitor';
		$event->{trouble} = "$event->{monitor}: $1" if $answer =~ /^((?:Error|QEMU has).*)/m;
	} elsif ($event->{server} eq 'stop') {
		@$servers = ();
	} else {
		@$servers = serve('own', repo_path('tests/netboot/web'), $OWN, $http);
	}
	return;
}

# Does what is due. Each event: sign, after, what to do; when it is due, once its sign was seen; whether it is done, and QEMU's trouble
# with it.
sub _do_events {
	my ($events, $text, $guest, $servers) = @_;

	for my $event (grep { !$_->{is_done} } @$events) {
		$event->{due} //= time + $event->{after} if $text =~ $event->{sign};
		next if !$event->{due} || time < $event->{due};
		$event->{is_done} = 1;
		_do($event, $guest, $servers);
	}
	return;
}

# True: it does nothing more that is of interest.
sub _is_over {
	my ($boot, $text, $guest, $since) = @_;
	my $reaction = $boot->{reaction};

	return 1 if !is_at_init($text) && $guest->elapsed > $SILENT * $SLOW;
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
	my (%since, @servers);

	while ($guest->elapsed < $boot->{limit} * $SLOW) {
		my $runs = $guest->running;    # before the look: the last words count
		my $text = $guest->text;
		$since{block} //= time if read_block($text);
		last if !$runs || _is_over($boot, $text, $guest, \%since);
		_do_events(\@events, $text, $guest, \@servers);
		_ask($boot, $guest, \%since);
		sleep 0.1;
	}
	my %seen = (has_ended => !$guest->running, elapsed => $guest->elapsed, stayed => time - ($since{block} // time), answer => $guest->answer,
		events => scalar @events, done => scalar grep({ $_->{is_done} } @events), troubles => [ map { $_->{trouble} // () } @events ]);
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
		last if is_at_init($seen->{text}) || $boot->{may_lack};
	}
	return $seen;
}

# The directory with the logs of a boot that went wrong.
sub keep_logs {
	my ($boot) = @_;
	my $dir = build_path('soak', "$boot->{seed}-$boot->{number}");

	make_path($dir);
	for my $log (glob scratch('*.{log,ttyS1,qemu}')) {
		run('cp', $log, $dir) if $log =~ m{/(?:boot-$boot->{number}|own|web|dhcp-br0)\.\w+$};
	}
	return $dir;
}

1;
