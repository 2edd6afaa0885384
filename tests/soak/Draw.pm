# What is done to a boot: drawn from a seed and the number of the boot, so that any can be done again; how much memory it has depends also
# on what image and kernel need. With that, which endings are right: whether it may boot, the sentences that it may fail with, and in
# what time.
#
# A boot: number, name (of its logs), way (embedded, stream), root (small, big), smp, mem (MiB), kinds (of its faults), about (in words);
# append (kernel parameters), netwait, panic, reaction; urls, image, cable, events (see Site.pm; kind: of the fault that each belongs to);
# trace (for each kind, patterns of which the console shows one when the fault took place; none: it always does); may_boot, says
# (patterns), sentences (rows of step, what, why and kind), may_lack_memory (for the root), kernel_may_lack_memory, limit (seconds, without
# those in which the host let it wait).
#
# facts: for each root its payload's bytes, and for each way to boot it, in MiB, what a machine needs by `inspect` (machine) and with this
# kernel and zram (edge), and below what the kernel may lack memory for itself (kernel); seconds that such a boot takes without faults;
# has_pci_hotplug: the kernel notices PCI devices that are plugged in; mem: to have that much in place of what is drawn.
package Draw;

use strict;
use warnings;

use Digest::MD5 qw(md5);
use Exporter qw(import);
use FindBin;
use lib $FindBin::RealBin;
use Parameters;
use Sentences;

our @EXPORT = qw(draw plain_boot describe @KINDS $OWN_PORT);

our @KINDS    = qw(memory payload parameter hotplug loss restart mirror cable);
our $OWN_PORT = 8081;    # of a boot's own server
my %WITHOUT_NETWORK = map { $_ => 1 } qw(memory payload parameter hotplug);
my $PLENTY          = 512;    # MiB
my $NETWAIT         = 60;     # seconds
my $NETWAIT_FAILING = 30;     # where it cannot boot
my $MARGIN          = 15;     # seconds more than twice those without faults

# What it does after a failure. then: as it says that; wait: seconds until it ends; says: the kernel's word.
my %REACTION = (
	reboot   => { panic => -1, then => qr/^rebooting now \(panic=-1\)$/, wait => 0, says => qr/reboot: Restarting system/ },
	later    => { panic => 3, then => qr/^rebooting in 3 s \(panic=3\)$/, wait => 3, says => qr/reboot: Restarting system/ },
	stay     => { panic => 0,  then => qr/^staying like this \(panic=0\)$/ },
	poweroff => { panic => -1, then => qr/^powering off in 1 s \(tarboot\.onfail=\)$/, wait => 1, says => qr/reboot: Power down/,
		append => 'tarboot.onfail=poweroff tarboot.failwait=1' },
	halt     => { panic => -1, then => qr/^halting in 1 s \(tarboot\.onfail=\)$/, says => qr/reboot: System halted/,
		append => 'tarboot.onfail=halt tarboot.failwait=1' },
	shell    => { panic => -1, then => qr/^a shell now \(tarboot\.onfail=\)$/, is_shell => 1, append => 'tarboot.onfail=shell tarboot.shell' });

sub _between { return $_[0] + rand($_[1] - $_[0]) }

# When something happens: what the console says first, and how many seconds later.
sub _moment {
	my ($b) = @_;
	my @moments = ([ qr/Linux version/, 3 ], [ qr{Run /init as init}, 1.5 ], [ qr/^tarboot: check memory/m, 0.5 ]);

	push @moments, [ qr/^tarboot: fetching http/m, 0.5 ] if $b->{way} eq 'stream';
	my ($sign, $most) = @{ pick(@moments) };
	return (sign => $sign, after => _between(0, $most));
}

# ---- one function for each kind of fault ----

# Of what this kernel and the image need: most often nearly that, sometimes more, seldom much less, where the kernel alone is tested.
my @SHARES = ((map { [ 0.85, 1.15 ] } 1 .. 7), [ 1.15, 2 ], [ 1.15, 2 ], [ 0.5, 0.85 ]);

sub _memory {
	my ($b, $facts) = @_;
	my $need  = $facts->{ $b->{root} }{ $b->{way} };
	my $share = exp _between(map { log } @{ pick(@SHARES) });

	$b->{mem}                    = $facts->{mem} // 4 * int($need->{edge} * $share / 4);
	$b->{may_lack_memory}        = $b->{mem} < $need->{machine} + 2 * $b->{smp} + 8;
	$b->{kernel_may_lack_memory} = $b->{mem} < $need->{kernel};
	$b->{limit} += 20 + 2 * $need->{seconds};
	push @{ $b->{sentences} }, @{ $SENTENCES{memory} } if $b->{may_lack_memory};
	return "$b->{mem} MiB of about $need->{edge}";
}

sub _damaged_image {
	my ($b) = @_;
	my $how = pick(qw(flip cut long page), $b->{root} eq 'small' ? 'padded' : ());

	$b->{image} = { how => $how, at => rand };
	$b->{trace}{payload} = [qr/^tarboot: (?:FAILED: )?(?:find payload|unpack root)/m];
	if ($how eq 'padded') {
		# it is another payload then, without a manifest
		push @{ $b->{says} }, qr/the manifest is ignored: it describes another payload/;
		$b->{has_no_manifest} = 1;
	} else {
		$b->{may_boot} = 0;
		push @{ $b->{sentences} }, @{ $SENTENCES{"image $how"} };
	}
	return "image $how at " . sprintf '%.3f', $b->{image}{at};
}

# What is wrong with a server; a part of such a URL; the seconds that it may cost.
my %FAULT = (
	flip    => { damaged => 1, part => '/damaged=', costs => 10 },
	short   => { file => '-short', part => '-short.', costs => 5 },
	long    => { file => '-long',  part => '-long.', costs => 5 },
	page    => { options => 'page', part => '/page/', costs => 5 },
	missing => { file => '-none', part => '-none.', costs => 5 },
	refused => { server => 'closed', part => ':9/', costs => 5 },
	silent  => { server => 'nobody', part => '//192.168.77.250', costs => 40 },
	slow    => { options => 'rate=1', part => '/rate=1/', costs => 10 },
	breaks  => { options => 'cut=', part => '/cut=', costs => 20 });
my @FILE_FAULTS = qw(flip short long page missing);

# One of these servers, for that kind of fault, which took place when something was told of it.
sub _bad_url {
	my ($b, $facts, $kind, @faults) = @_;
	my $how   = pick(@faults);
	my $fault = $FAULT{$how};
	my %url   = (how => $how, map { $_ => $fault->{$_} } grep { defined $fault->{$_} } qw(server file options));

	$url{damaged} = rand if $fault->{damaged};
	$url{options} .= int _between(1e6, 4e6) if $how eq 'breaks';
	$b->{limit} += $fault->{costs} + ($how eq 'slow' ? $facts->{ $b->{root} }{payload} / 1e6 : 0);
	push @{ $b->{trace}{$kind} }, qr{^tarboot: (?:fetching |[^:\n]* from )?http:\S*\Q$fault->{part}\E}m;
	return \%url;
}

sub _damaged_file {
	my ($b, $facts) = @_;
	my @bad     = map { _bad_url($b, $facts, 'payload', @FILE_FAULTS) } 1 .. 1 + int rand 2;
	my $is_good = rand() < 0.5;

	$b->{urls} = [ @bad, $is_good ? @{ $b->{urls} } : () ];
	if (!$is_good) {
		$b->{may_boot}    = 0;
		$b->{bad_servers} = [ map { $_->{how} } @bad ];
	}
	return join ', ', (map { "server $_->{how}" } @bad), $is_good ? 'a good mirror' : 'no mirror';
}

sub _payload { return $_[0]{way} eq 'stream' ? _damaged_file(@_) : _damaged_image(@_) }

sub _parameter {
	my ($b) = @_;
	my $row = draw_parameter($b->{way});

	push @{ $b->{append} }, $row->{text};
	push @{ $b->{says} }, $row->{says} // ();
	$b->{trace}{parameter} = [qr/^tarboot: /m];
	if ($row->{step}) {
		$b->{may_boot} = 0;
		my $sentence = { %$row, kind => 'parameter' };
		push @{ $b->{sentences} }, $sentence;
		# nothing else is looked at before
		$b->{only} = $sentence if $row->{step} eq 'check parameters';
	}
	return $row->{text};
}

# What can be plugged in: QEMU's device, whether it is on PCI, and what the kernel says when it comes.
my %DEVICE = (
	keyboard => { device => 'usb-kbd,bus=xhci.0',    says => qr/input: QEMU QEMU USB Keyboard/ },
	mouse    => { device => 'usb-mouse,bus=xhci.0',  says => qr/input: QEMU QEMU USB Mouse/ },
	tablet   => { device => 'usb-tablet,bus=xhci.0', says => qr/input: QEMU QEMU USB Tablet/ },
	disk     => { is_pci => 1, device => 'virtio-blk-pci,addr=0x1c,drive=hot', says => qr/pci 0000:00:1c\.0: \[1af4:/ },
	card     => { is_pci => 1, device => 'virtio-net-pci,addr=0x1d,netdev=dead,mac=52:54:00:00:01:01',
		says => qr/pci 0000:00:1d\.0: \[1af4:/ });

sub _hotplug {
	my ($b, $facts) = @_;
	my @possible = grep { $facts->{has_pci_hotplug} || !$DEVICE{$_}{is_pci} } sort keys %DEVICE;
	my @chosen   = grep { rand() < 0.5 } @possible;
	@chosen = pick(@possible) unless @chosen;
	my @said;

	for my $name (@chosen) {
		my %moment = _moment($b);
		push @{ $b->{events} }, { %moment, monitor => "device_add $DEVICE{$name}{device},id=$name" };
		push @{ $b->{trace}{hotplug} }, $DEVICE{$name}{says};
		push @said, "$name comes";
		next if rand() < 0.5;
		push @{ $b->{events} }, { %moment, after => $moment{after} + _between(0.2, 3), monitor => "device_del $name" };
		$said[-1] .= ' and goes';
	}
	$b->{limit} += 10;
	return join ', ', @said;
}

# TCP sends about 1.2 segments in the time to the server and back by the root of the share that is lost.
sub _loss {
	my ($b, $facts) = @_;
	my ($loss, $delay) = $b->{root} eq 'big' ? (int _between(100, 400), int _between(0, 6)) : (int _between(15, 60), int _between(0, 40));
	my $rate = 1.2 * 1448 * sqrt($loss) / (2 * $delay / 1000 + 0.005);

	$b->{cable} = [ "loss=$loss", "delay=$delay" ];
	$b->{trace}{loss} = [qr{^tarboot: (?:fetching )?http:}m];
	$b->{limit} += 20 + 3 * $facts->{ $b->{root} }{payload} / $rate;
	return "every ${loss}th packet lost, $delay ms";
}

# Its own server, which comes late, or goes in the midst of the file and comes back.
sub _restart {
	my ($b, $facts) = @_;
	my $rate    = $b->{root} eq 'big' ? 6 : 1;
	my $gone    = _between(0.5, 6);
	my $seconds = $facts->{ $b->{root} }{payload} / ($rate * 1e6);

	$_->{server} //= 'own' for @{ $b->{urls} };
	$_->{options} = join '/', $_->{options} // (), "rate=$rate" for grep { !$_->{how} } @{ $b->{urls} };
	$b->{trace}{restart} = [qr{^tarboot: http://[^/\s]*:$OWN_PORT/.*; trying again}m];
	$b->{limit} += 20 + 2 * $gone + $seconds;
	if (rand() < 0.3) {
		push @{ $b->{events} }, { sign => qr/^tarboot: /m, after => $gone + 3, server => 'start' };
		return sprintf 'the server comes %.1f s after /init', $gone + 3;
	}
	my $after = _between(0.1, 0.7) * $seconds;
	push @{ $b->{events} }, { sign => qr/^/, after => 0, server => 'start' },
		{ sign => qr/^tarboot: fetching http/m, after => $after,         server => 'stop' },
		{ sign => qr/^tarboot: fetching http/m, after => $after + $gone, server => 'start' };
	return sprintf 'the server goes after %.1f s, for %.1f s', $after, $gone;
}

# Which of the servers a machine asks first depends on its address: with two bad ones, it is a bad one more often.
sub _mirror {
	my ($b, $facts) = @_;
	my @often  = qw(refused silent slow breaks);
	my @faults = (@FILE_FAULTS, @often, @often);
	my @bad    = map { _bad_url($b, $facts, 'mirror', @faults) } 1 .. 1 + int rand 2;

	unshift @{ $b->{urls} }, @bad;
	return join ', ', map { "another server $_->{how}" } @bad;
}

sub _cable {
	my ($b) = @_;
	my %moment = _moment($b);
	my $long   = _between(0.5, 6);

	push @{ $b->{events} }, { %moment, monitor => 'set_link n0 off' },
		{ %moment, after => $moment{after} + $long, monitor => 'set_link n0 on' };
	$b->{limit} += 15 + 3 * $long;
	return sprintf 'the cable is out for %.1f s', $long;
}

my %DRAW = (
	memory => \&_memory, payload => \&_payload, parameter => \&_parameter, hotplug => \&_hotplug, loss => \&_loss,
	restart => \&_restart, mirror => \&_mirror, cable => \&_cable);

# ---- a whole boot ----

sub _choose_kinds {
	my ($way) = @_;
	my @left = grep { $way eq 'stream' || $WITHOUT_NETWORK{$_} } @KINDS;
	my $n    = pick(0, 1, 1, 1, 1, 2, 2, 2, 3, 3);
	my %chosen;

	$chosen{ splice @left, int rand @left, 1 } = 1 for 1 .. $n;
	delete $chosen{mirror} if $chosen{payload};    # which has mirrors itself
	return grep { $chosen{$_} } @KINDS;
}

# Does that to the boot.
sub _add_fault {
	my ($b, $kind, $facts) = @_;

	push @{ $b->{about} }, $DRAW{$kind}->($b, $facts);
	$_->{kind} //= $kind for @{ $b->{events} };
	return;
}

# What follows from all faults together: how long it waits for the network when it cannot boot, and what it may say then.
sub _settle {
	my ($b) = @_;
	my @transient = grep { /^(?:loss|restart|cable)$/ } @{ $b->{kinds} };

	push @{ $b->{sentences} }, sentences_of_servers(!!$b->{cable}, @{ $b->{bad_servers} }) if $b->{bad_servers};
	$b->{netwait} = $b->{may_boot} ? $NETWAIT : $NETWAIT_FAILING + 20 * @transient;
	$b->{limit} += $b->{netwait} if $b->{bad_servers};
	if ($b->{has_no_manifest} && !$b->{may_lack_memory} && $b->{mem} < $PLENTY) {
		$b->{may_lack_memory} = 1;    # what it needs is not known then
		push @{ $b->{sentences} }, @{ $SENTENCES{memory} };
	}
	push @{ $b->{sentences} }, map { sentences_of_cut_layer($_) } @{ $b->{append} } if $b->{may_lack_memory};
	$b->{sentences} = [ $b->{only} ] if $b->{only};
	$b->{limit} = int $b->{limit};
	return;
}

# One without faults.
sub plain_boot {
	my ($root, $way, $smp, $limit) = @_;

	return {
		root => $root, way => $way, smp => $smp, limit => $limit, mem => $PLENTY, netwait => $NETWAIT, kinds => [], about => [], append => [],
		urls => [ {} ], events => [], trace => {}, says => [], sentences => [], may_boot => 1, reaction => $REACTION{reboot}, panic => -1 };
}

sub draw {
	my ($seed, $number, $facts) = @_;

	srand unpack 'N', md5("$seed $number");
	my $way = pick(qw(embedded stream stream));
	my $b   = plain_boot(pick(qw(small small big)), $way, 1 + int rand 8);
	@$b{qw(seed number name kinds)} = ($seed, $number, $number, [ _choose_kinds($way) ]);
	$b->{limit} = $MARGIN + 2 * $facts->{ $b->{root} }{$way}{seconds} + 2 * $b->{smp};
	_add_fault($b, $_, $facts) for @{ $b->{kinds} };
	$b->{then}     = pick(qw(reboot reboot reboot later stay poweroff halt), $b->{mem} == $PLENTY ? 'shell' : ());
	$b->{reaction} = $REACTION{ $b->{then} };
	$b->{panic}    = $b->{reaction}{panic};
	push @{ $b->{append} }, $b->{reaction}{append} // ();
	_settle($b);
	return $b;
}

sub describe {
	my ($b) = @_;
	my $about = join '; ', @{ $b->{about} }, $b->{may_boot} ? () : "then $b->{then}";

	$about =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
	$about =~ s/(\S{60})\S+/$1.../g;
	return "$b->{way}, $b->{root}, $b->{smp} CPU" . ($b->{smp} > 1 ? 's' : '') . ", $b->{mem} MiB" . ($about ? ": $about" : '');
}

1;
