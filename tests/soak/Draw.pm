# What is done to a boot: drawn from a seed and the number of the boot alone, so that any can be done again. With that, which
# endings are right: whether it may boot, the sentences that it may fail with, and in what time.
#
# A boot: number, way (embedded, stream), root (small, big), smp, mem (MiB), kinds (of its faults), about (in words); append
# (kernel parameters), netwait, panic, reaction; urls, image, cable, events (see Site.pm); may_boot, says (patterns),
# sentences (rows of step, what, why and kind), may_be_short, may_lack (of memory: for the root, for the kernel), limit (seconds).
package Draw;

use strict;
use warnings;

use Digest::MD5 qw(md5);
use Exporter qw(import);
use FindBin;
use lib $FindBin::RealBin;
use Parameters;
use Sentences;

our @EXPORT = qw(draw describe @KINDS);

our @KINDS = qw(memory payload parameter hotplug loss restart mirror cable);
my %WITHOUT_NETWORK = map { $_ => 1 } qw(memory payload parameter hotplug);
my $PLENTY = 512;    # MiB
my $SOON   = 30;     # seconds: tarboot.netwait where it cannot boot

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
	my @signs = (qr/Linux version/, qr{Run /init as init}, qr/^tarboot: check memory/m);

	push @signs, qr/^tarboot: fetching http/m if $b->{way} eq 'stream';
	return (sign => pick(@signs), after => _between(0, 2));
}

# ---- one function for each kind of fault ----

# From much too little to plenty, on both sides of what the image says.
sub _memory {
	my ($b, $facts) = @_;
	my $need = $facts->{ $b->{root} }{ $b->{way} };

	$b->{mem} = 4 * int($need->{machine} * exp(_between(log 0.6, log 2)) / 4);
	$b->{may_be_short} = $b->{mem} < $need->{machine} + 2 * $b->{smp} + 8;
	$b->{may_lack}     = $b->{mem} < $need->{kernel};
	$b->{limit} += 60;
	push @{ $b->{sentences} }, @{ $SENTENCES{memory} } if $b->{may_be_short};
	return "$b->{mem} MiB of about $need->{machine}";
}

sub _cannot_boot {
	my ($b, @kinds) = @_;
	$b->{may_boot} = 0;
	push @{ $b->{sentences} }, map { @{ $SENTENCES{$_} } } @kinds;
	return;
}

sub _damaged_image {
	my ($b) = @_;
	my $how = pick(qw(flip cut long page), $b->{root} eq 'small' ? 'padded' : ());

	$b->{image} = { how => $how, at => rand };
	if ($how eq 'padded') {
		# it is another payload then, without a manifest
		push @{ $b->{says} }, qr/the manifest is ignored: it describes another payload/;
		$b->{has_no_manifest} = 1;
	} else {
		_cannot_boot($b, "image $how");
	}
	return "image $how at " . sprintf '%.3f', $b->{image}{at};
}

# A server, by what is wrong with it; and the sentences about it.
sub _bad_url {
	my ($b, @more) = @_;
	my $how = pick(qw(flip short long page missing), @more);
	my %url = (
		flip    => { damaged => rand },
		short   => { file => '-short' },
		long    => { file => '-long' },
		page    => { words => 'page' },
		missing => { file => '-none' },
		refused => { server => 'closed' },
		silent  => { server => 'nobody' },
		slow    => { words => 'rate=1' },
		breaks  => { words => 'cut=' . int _between(1e6, 4e6) });
	return { how => $how, %{ $url{$how} } };
}

sub _damaged_file {
	my ($b) = @_;
	my @bad = map { _bad_url($b) } 1 .. 1 + int rand 2;
	my $is_good = rand() < 0.5;

	$b->{urls} = [ @bad, $is_good ? @{ $b->{urls} } : () ];
	_cannot_boot($b, 'none', map { "server $_->{how}" } @bad) unless $is_good;
	return join ', ', (map { "server $_->{how}" } @bad), $is_good ? 'a good mirror' : 'no mirror';
}

sub _payload { return $_[0]{way} eq 'stream' ? _damaged_file(@_) : _damaged_image(@_) }

sub _parameter {
	my ($b) = @_;
	my $row = draw_parameter($b->{way});

	push @{ $b->{append} }, $row->{text};
	push @{ $b->{says} }, $row->{says} // ();
	if ($row->{step}) {
		$b->{may_boot} = 0;
		my $sentence = { %$row, kind => 'parameter' };
		push @{ $b->{sentences} }, $sentence;
		# nothing else is looked at before
		$b->{only} = $sentence if $row->{step} eq 'check parameters';
	}
	return $row->{text};
}

sub _hotplug {
	my ($b) = @_;
	my %device = (
		disk     => 'virtio-blk-pci,drive=hot',
		keyboard => 'usb-kbd,bus=xhci.0',
		card     => 'virtio-net-pci,netdev=dead,mac=52:54:00:00:01:01');
	my @chosen = grep { rand() < 0.6 } sort keys %device;
	@chosen = ('disk') unless @chosen;
	my @said;

	for my $name (@chosen) {
		my %moment = _moment($b);
		push @{ $b->{events} }, { %moment, monitor => "device_add $device{$name},id=$name" };
		push @said, "$name comes";
		next if rand() < 0.5;
		push @{ $b->{events} }, { %moment, after => $moment{after} + _between(0.2, 3), monitor => "device_del $name" };
		$said[-1] .= ' and goes';
	}
	$b->{limit} += 10;
	return join ', ', @said;
}

sub _loss {
	my ($b) = @_;
	my ($loss, $delay) = $b->{root} eq 'big' ? (int _between(100, 400), int _between(0, 6)) : (int _between(15, 60), int _between(0, 40));

	$b->{cable} = [ "loss=$loss", "delay=$delay" ];
	$b->{limit} += 90;
	return "every ${loss}th packet lost, $delay ms";
}

# Its own server, which comes late, or goes and comes back.
sub _restart {
	my ($b) = @_;
	my $rate = $b->{root} eq 'big' ? 6 : 1;
	my $gone = _between(0.5, 6);

	$_->{server} //= 'own' for @{ $b->{urls} };
	$_->{words} = join '/', $_->{words} // (), "rate=$rate" for grep { !$_->{how} } @{ $b->{urls} };
	$b->{limit} += 40;
	if (rand() < 0.3) {
		push @{ $b->{events} }, { sign => qr{Run /init as init}, after => $gone + 3, server => 'start' };
		return sprintf 'the server comes %.1f s after /init', $gone + 3;
	}
	my $after = _between(0.1, 3);
	push @{ $b->{events} }, { sign => qr/Linux version/, after => 0, server => 'start' },
		{ sign => qr/^tarboot: fetching http/m, after => $after,         server => 'stop' },
		{ sign => qr/^tarboot: fetching http/m, after => $after + $gone, server => 'start' };
	return sprintf 'the server goes after %.1f s, for %.1f s', $after, $gone;
}

sub _mirror {
	my ($b) = @_;
	my $bad = _bad_url($b, qw(refused silent slow breaks), qw(refused silent slow breaks));

	unshift @{ $b->{urls} }, $bad;
	$b->{limit} += 40;
	return "another server $bad->{how}";
}

sub _cable {
	my ($b) = @_;
	my %moment = _moment($b);
	my $long   = _between(0.5, 6);

	push @{ $b->{events} }, { %moment, monitor => 'set_link n0 off' },
		{ %moment, after => $moment{after} + $long, monitor => 'set_link n0 on' };
	$b->{limit} += 40;
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

# Lost packets may be the last thing that was wrong, where it cannot boot in the end; what was out for seconds may not.
sub _settle {
	my ($b) = @_;
	my @transient = grep { /^(?:loss|restart|cable)$/ } @{ $b->{kinds} };

	push @{ $b->{sentences} }, @{ $SENTENCES{loss} } if !$b->{may_boot} && $b->{cable};
	$b->{netwait} = $b->{may_boot} ? 60 : $SOON + 20 * @transient;
	$b->{limit} += $b->{netwait} unless $b->{may_boot};
	if ($b->{has_no_manifest} && !$b->{may_be_short} && $b->{mem} < $PLENTY) {
		$b->{may_be_short} = 1;    # what it needs is not known then
		push @{ $b->{sentences} }, @{ $SENTENCES{memory} };
	}
	$b->{sentences} = [ $b->{only} ] if $b->{only};
	return;
}

# facts: for each root and way, what a machine needs (machine) and what the kernel itself may lack (kernel), in MiB.
sub draw {
	my ($seed, $number, $facts) = @_;

	srand unpack 'N', md5("$seed $number");
	my $way = pick(qw(embedded stream stream));
	my %b   = (
		seed => $seed, number => $number, way => $way, root => pick(qw(small small big)), smp => 1 + int rand 8, mem => $PLENTY,
		kinds => [ _choose_kinds($way) ], append => [], urls => [ {} ], events => [], says => [], sentences => [], may_boot => 1,
		limit => $way eq 'stream' ? 75 : 60);
	$b{limit} += 5 * $b{smp};
	$b{about} = [ map { $DRAW{$_}->(\%b, $facts) } @{ $b{kinds} } ];
	$b{name}  = pick(qw(reboot reboot reboot later stay poweroff halt), $b{mem} == $PLENTY ? 'shell' : ());
	$b{reaction} = $REACTION{ $b{name} };
	$b{panic}    = $b{reaction}{panic};
	push @{ $b{append} }, $b{reaction}{append} // ();
	_settle(\%b);
	return \%b;
}

sub describe {
	my ($b) = @_;
	my $about = join '; ', @{ $b->{about} }, $b->{may_boot} ? () : "then $b->{name}";

	$about =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;
	$about =~ s/(\S{60})\S+/$1.../g;
	return "$b->{way}, $b->{root}, $b->{smp} CPU" . ($b->{smp} > 1 ? 's' : '') . ", $b->{mem} MiB" . ($about ? ": $about" : '');
}

1;
