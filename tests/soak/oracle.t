#!/usr/bin/perl
# The soak test's own judgement, without machines: what is drawn is the same for the same seed and has all kinds of faults; and whatever
# may go wrong with a boot is seen to be wrong.
use strict;
use warnings;
use Data::Dumper;
use FindBin;
use lib $FindBin::RealBin;
use Test::More;
use Draw;
use Ending;
use Parameters;
use Sentences;

my %need  = (machine => 160, edge => 140, kernel => 120, seconds => 10);
my %facts = (
	has_pci_hotplug => 1,
	small           => { payload => 1.5e6, embedded => {%need}, stream => {%need} },
	big             => { payload => 27e6,  embedded => {%need}, stream => {%need} });
my @drawn = map { draw(7, $_, \%facts) } 1 .. 3000;
$Data::Dumper::Sortkeys = 1;

# ---- what is drawn ----

is(Dumper(draw(7, 17, \%facts)), Dumper($drawn[16]), 'a boot depends on seed, number and facts alone');
isnt(Dumper(draw(8, 17, \%facts)), Dumper($drawn[16]), 'and on the seed');
my %seen;
for my $b (@drawn) {
	$seen{$_}++ for map({ "kind $_" } @{ $b->{kinds} }), "reaction $b->{then}", "$b->{smp} CPUs", "way $b->{way}",
		@{ $b->{kinds} } . ' faults';
	$seen{'a kernel may lack memory'}++ if $b->{kernel_may_lack_memory};
	$seen{'plenty of memory, but less than without a fault'}++ if !$b->{may_lack_memory} && $b->{mem} < 512;
}
ok($seen{$_}, "there is: $_") for map({ "kind $_" } @KINDS), map({ "reaction $_" } qw(reboot later stay poweroff halt shell)),
	map({ "$_ CPUs" } 1 .. 8), map({ "$_ faults" } 0 .. 3), 'way embedded', 'way stream', 'a kernel may lack memory',
	'plenty of memory, but less than without a fault';
is((grep { !$_->{may_boot} && !@{ $_->{sentences} } } @drawn), 0, 'what cannot boot has a sentence');
my @layers = grep { grep { $_->{step} eq 'find layers' && $_->{kind} eq 'memory' } @{ $_->{sentences} } } @drawn;
ok((grep { $_->{may_boot} } @layers) && (grep { !$_->{may_boot} } @layers), 'with too little memory, a layer that is named has one');
is((grep { !$_->{may_lack_memory} || !grep { /^tarboot\.layer=/ } @{ $_->{append} } } @layers), 0, 'and only then');
is((grep { $_->{may_boot} && !$_->{may_lack_memory} && @{ $_->{sentences} } } @drawn), 0, 'what must boot has none');
is((grep { $_->{way} eq 'embedded' && grep { /^(?:loss|restart|mirror|cable)$/ } @{ $_->{kinds} } } @drawn), 0,
	'an image with its root has no faults of the network');
is((grep { length "@{ $_->{append} }" > 1300 } @drawn), 0, 'the kernel command line has room for all');
my %text = map { $_ => 1 } map { @{ $_->{append} } } @drawn;
is_deeply([ map { $_->{text} } grep { !$text{ $_->{text} } } Parameters::fixed_parameters() ], [], 'each parameter is drawn');

my @memory = map { $_->{mem} / $need{edge} } grep { grep { $_ eq 'memory' } @{ $_->{kinds} } } @drawn;
cmp_ok((grep { $_ > 0.8 && $_ < 1.2 } @memory), '>', @memory / 2, 'most have nearly the memory that they need');
cmp_ok((grep { $_ < 0.8 } @memory),             '<', @memory / 5, 'and few have much less');
cmp_ok((grep { $_ < 0.8 } @memory),             '>', 0,           'but some');
is((grep { !@{ $_->{kinds} } && $_->{limit} > 2 * $need{seconds} + 35 } @drawn), 0,
	'without faults, they may take twice as long and half a minute');
my ($slowest) = sort { $b <=> $a } map { $_->{limit} } @drawn;
cmp_ok($slowest, '<', 300, "the longest limit is $slowest s");
is(draw(7, $_->{number}, { %facts, mem => 88 })->{mem}, 88, 'the memory can be given') for (grep { "@{ $_->{kinds} }" =~ /memory/ } @drawn)[0];
my @without = map { map { $_->{monitor} // () } @{ draw(7, $_, { %facts, has_pci_hotplug => 0 })->{events} } } 1 .. 1000;
is((grep { /-pci/ } @without), 0, 'where the kernel notices no device on PCI, none is plugged in there');
isnt((grep { /device_add usb-/ } @without), 0, 'but on USB');
is((grep { grep { !$_->{kind} } @{ $_->{events} } } @drawn), 0, 'each event belongs to a fault');

# ---- what is right ----

my $INIT  = "[    2.000000] Run /init as init process\ntarboot: read parameters: 0.001 s\n";
my $BLOCK = <<'END';

tarboot: FAILED: find payload
  what: /rootfs.tar.xz
  why:  it is cut short: 2.1 MiB of 24.3 MiB are
        here
  do:   Copy the image again.
  then: rebooting now (panic=-1)
END
my $REBOOT = "[    9.000000] reboot: Restarting system\n";
my %BOOT = (
	may_boot => 1, says => [], sentences => [], reaction => { then => qr/^rebooting now/, wait => 0, says => qr/reboot: Restarting system/ });
my $CUT = { %BOOT, may_boot => 0, sentences => $Sentences::SENTENCES{'image cut'} };
my %SEEN  = (text => $INIT, results => '', errors => '', has_ended => 1, elapsed => 9, stayed => 0.2, delay => 0, answer => '', events => []);
my %UP    = (text => "${INIT}SOAK-ROOT-RUNS pid=1\n", results => "{}\nSOAK RIGHT\n");

sub is_right {
	my ($what, $boot, $ending, %seen) = @_;
	my ($is, $wrong) = judge($boot, { %SEEN, %seen });
	is($is, $ending, "$what: $ending");
	is($wrong, undef, 'which is right');
	return;
}

sub is_wrong {
	my ($what, $boot, $like, %seen) = @_;
	my (undef, $wrong) = judge($boot, { %SEEN, %seen });
	like($wrong // '', $like, "$what is wrong");
	return;
}

# The console of a machine that refuses, changed.
sub with {
	my ($from, $to) = @_;
	my $text = $INIT . $BLOCK . $REBOOT;
	return (text => defined $from ? $text =~ s/$from/$to/r : $text);
}

is_right('a right root', \%BOOT, 'boots', %UP);
is_right('a sentence', $CUT, 'payload', with());
is_right('with a line of the kernel in its midst', $CUT, 'payload', with('24\.3', "24[    5.123456] virtio_blk virtio1: [vda]\n.3"));
is_right('the kernel without memory', { %BOOT, kernel_may_lack_memory => 1 }, 'kernel: no memory',
	text => "[    1.0] Kernel panic - not syncing: System is deadlocked on memory\n");
is_right('the same after a sentence', { %$CUT, kernel_may_lack_memory => 1 }, 'kernel: no memory', with('reboot: .*',
	'Kernel panic - not syncing: System is deadlocked on memory'));
is_right('a kernel that does not come to /init', { %BOOT, kernel_may_lack_memory => 1 }, 'kernel: not at init', text => "[    1.0] Linux\n",
	has_ended => 0);
my $memory = { %BOOT, sentences => $Sentences::SENTENCES{memory} };
my (undef, $short) = with('find payload', 'check memory');
$short =~ s/what: .*/what: memory/;
$short =~ s{why: .*\n.*here}{why:  the root needs 60.2 MiB and 300 inodes, this machine has 45.0 MiB free};
is_right('too little memory', $memory, 'memory', text => $short);

# An initramfs that the kernel cut, of a machine with such a parameter.
sub cut_layer { return { %BOOT, sentences => [ @{ $Sentences::SENTENCES{memory} }, sentences_of_cut_layer($_[0]) ] } }

sub said_of_layer {
	my ($what, $why) = @_;
	return (text => $INIT . ($BLOCK =~ s/find payload/find layers/r =~ s/what: .*/what: $what/r =~ s/why: .*\n.*/why:  $why/r) . $REBOOT);
}

my @MAY_LACK = said_of_layer('the initramfs', 'the kernel had no room to unpack all of it: layers may be missing');
my @LACKS    = said_of_layer('/l.tar', 'the kernel had no room to unpack all of the initramfs: this file is missing');
is_right('an initramfs that is cut, and a layer that may be missing', cut_layer('tarboot.layer=/l.tar?'), 'memory', @MAY_LACK);
is_right('one that may not', cut_layer('tarboot.layer=/l.tar'), 'memory', @LACKS);
my $CUT_BY_KERNEL = "[    1.0] Initramfs unpacking failed: write error\n[    2.0] Run /init as init process\n";
is_right('an init that was cut, too', { %BOOT, kernel_may_lack_memory => 1 }, 'kernel: image cut', text => $CUT_BY_KERNEL, has_ended => 0);

# A machine that gives up, since these servers are all that there are; lossy: packets are lost on the way.
sub no_server {
	my ($is_lossy, @faults) = @_;
	return { %BOOT, may_boot => 0, sentences => [ sentences_of_servers($is_lossy, @faults) ] };
}

# What it says then.
sub said_of_servers {
	my ($why) = @_;
	return (text => $INIT . ($BLOCK =~ s/find payload/unpack root/r =~ s{/rootfs\.tar\.xz}{http://192.168.77.1:8080/small.tar.xz}r
			=~ s/why: .*\n.*/why:  $why/r) . $REBOOT);
}

my ($SHORT, $PAGE) = ('it is shorter than its manifest says: 70 bytes, not 100', 'a page came instead of the file (text/html)');
my $FLIP = 'Block 1 (byte 24) is not what its digest in the manifest says';
my ($THERE, $SILENT) = ('192.168.77.1:8080:', 'the server does not answer');
is_right('one server with a short file', no_server(0, 'short'), 'payload', said_of_servers($SHORT));
my %none = said_of_servers("none of 2 servers gives it: $THERE $SHORT; $THERE $PAGE");
is_right('two servers',          no_server(0, qw(short page)), 'payload', %none);
is_right('in another order',     no_server(0, qw(page short)), 'payload', %none);
is_right('one has a wrong byte', no_server(0, qw(flip page)),  'payload', said_of_servers($FLIP));
is_right('packets are lost', no_server(1, qw(short page)), 'payload',
	said_of_servers("none of 2 servers gives it: $THERE $SILENT; $THERE $PAGE"));
my $HARDLY = 'hardly anything came for 50 s';
is_right('one answers, and then hardly gives anything', no_server(1, qw(flip page)), 'payload',
	said_of_servers("none of 2 servers gives it: $THERE $HARDLY; $THERE $PAGE"));
is_right('an oops of a kernel without memory', { %BOOT, kernel_may_lack_memory => 1 }, 'kernel: no memory',
	text => "[    1.0] Oops: 0000\n[    1.0] Kernel panic - not syncing: System is deadlocked on memory\n");
my $STALL = "[   40.000000] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:\n";
is_right('a stall on a busy host', \%BOOT, 'boots', %UP, text => "$UP{text}$STALL", delay => 25);
ok(host_stalls({ text => $STALL, delay => 25 }), 'which is counted');

# ---- what init says today ----

# The texts in init's source.
my $source = '';
for my $file (split /\n/, qx(find '$FindBin::RealBin/../../init' '$FindBin::RealBin/../../common' -name '*.[ch]')) {
	open my $f, '<', $file or BAIL_OUT("$file: $!");
	$source .= do { local $/; <$f> };
}
$source =~ s/"\s*(?:[A-Z]\w+\s*)?"//g;
$source =~ s/\\"/"/g;

# The words in a pattern that are said as they stand there, three or more together. What init fills in stands in a group.
sub words_of {
	my ($pattern) = @_;
	my @runs = ref $pattern ? split /\(\?\^?\w*:|(?<!\\)[][()|?*+^\$]|(?<!\\)\.|\\[dSsw]|\n/, "$pattern" : $pattern;
	return grep { /[a-z]+ [a-z]+ [a-z]+/ } map { s/\\(\W)/$1/gr =~ s/^\s+|\s+$//gr } @runs;
}

my @words = map { words_of($_->{why}) } map({ @$_ } values %SENTENCES), sentences_of_servers(1, 'flip'),
	map({ sentences_of_servers(0, $_) } qw(flip short long page missing)),
	map({ sentences_of_cut_layer("tarboot.layer=/l$_") } '', '?'), grep({ $_->{why} } Parameters::fixed_parameters());
cmp_ok(scalar @words, '>', 30, 'there are many sentences');
is(join("\n", grep { index($source, $_) < 0 } @words, Parameters::expected_values()), '', 'their words are those of the source');

# ---- what took place ----

my $TWO = { kinds => [qw(hotplug mirror)], trace => { hotplug => [qr/USB Keyboard/], mirror => [ qr{:9/}, qr{/page/} ] } };
my %BOTH = (text => "[    3.0] input: QEMU USB Keyboard\ntarboot: http://192.168.77.1:9/small.tar.xz: nobody listens there; trying again\n",
	events => [ { kind => 'hotplug', is_done => 1 }, { kind => 'hotplug' } ]);

sub took_place {
	my ($what, $expected, %seen) = @_;
	is(join(' ', faults_that_took_place($TWO, { %BOTH, %seen })), $expected, $what);
	return;
}

took_place('both took place',                     'hotplug mirror');
took_place('a device that the kernel did not see', 'mirror', text => $BOTH{text} =~ s/Keyboard/Hub/r);
took_place('an event that came too late',         'mirror', events => [ { kind => 'hotplug' } ]);
took_place('one that QEMU refused',               'mirror', events => [ { kind => 'hotplug', is_done => 1, trouble => 'Error' } ]);
took_place('a server that nobody asked',          'hotplug', text => $BOTH{text} =~ s{:9/}{:8080/}r);

# ---- what is wrong ----

is_wrong('a root with a wrong byte', \%BOOT, qr/^a wrong root/, %UP, results => "SOAK WRONG\n");
is_wrong('a root that did not look', \%BOOT, qr/^half a root/, %UP, results => "{}\n");
is_wrong('a root that does not end', \%BOOT, qr/^hang behind the root/, %UP, has_ended => 0);
is_wrong('a root after a failure', $CUT, qr/^a root after a failure/, %UP, text => $UP{text} . $BLOCK);
is_wrong('a boot that should have failed', $CUT, qr/^it must not boot/, %UP);
is_wrong('a warning that is missing', { %BOOT, says => [qr/did you mean/] }, qr/^it does not say .*did you mean/, %UP);
is_wrong('an oops', \%BOOT, qr/^the kernel complains/, %UP, text => "$UP{text}\[    3.0] BUG: unable to handle page fault\n");
is_wrong('a hang', \%BOOT, qr/^hang, after 9 s/, has_ended => 0);
is_wrong('half a block', $CUT, qr/^hang/, with('  then: .*\n', ''), has_ended => 0);
is_wrong('an end without a word', \%BOOT, qr/^an end without a word/);
is_wrong('a panic of PID 1', { %BOOT, kernel_may_lack_memory => 1 }, qr/^kernel panic/,
	text => "$INIT\[    3.0] Kernel panic - not syncing: Attempted to kill init!\n");
is_wrong('a kernel without memory where there is enough', \%BOOT, qr/enough memory/,
	text => "[    1.0] Kernel panic - not syncing: System is deadlocked on memory\n");
is_wrong('a sentence where it should boot', \%BOOT, qr/^not one of its sentences/, with());
is_wrong('a panic after the sentence', $CUT, qr/^the kernel does not say/, with('reboot: .*',
	'Kernel panic - not syncing: System is deadlocked on memory'));
is_wrong('another step',   $CUT, qr/^not one of its sentences: unpack root/, with('find payload', 'unpack root'));
is_wrong('another object', $CUT, qr/^not one of its sentences/, with('/rootfs.tar.xz', 'memory'));
is_wrong('another reason', $CUT, qr/^not one of its sentences/, with('cut short', 'damaged'));
is_wrong('no advice',      $CUT, qr/^nothing to do is named/, with('  do: .*\n', ''));
is_wrong('another action', $CUT, qr/^then: rebooting in 60 s/, with('rebooting now', 'rebooting in 60 s'));
is_wrong('an action that is not done', $CUT, qr/^it does not end/, with(), has_ended => 0);
is_wrong('an action that comes late',  $CUT, qr/^it ends after 30 s/, with(), stayed => 30);
is_wrong('an end that is no reboot',   $CUT, qr/^the kernel does not say/, with('Restarting system', 'Power down'));
is_wrong('memory that would do', $memory, qr/^by these numbers it fits/, text => $short =~ s/45\.0/65.0/r);
is_wrong('memory that would do with zram', $memory, qr/^by these numbers it fits/,
	text => $short =~ s/free/free, and about 20.0 MiB more with zram/r);
for my $line ('BUG: unable to handle page fault', 'Oops: 0002 [#1]', 'general protection fault, probably for non-canonical address',
	'init[1]: segfault at 0 ip 00', 'traps: init[1] trap invalid opcode') {
	is_wrong("$line, and a sentence", $CUT, qr/^the kernel complains: .*\Q$line\E/, text => "$INIT\[    3.0] $line\n$BLOCK$REBOOT");
}
for my $line ('rcu: INFO: rcu_sched self-detected stall on CPU', 'watchdog: BUG: soft lockup - CPU#0 stuck for 22s!',
	'INFO: task init:1 blocked for more than 120 seconds.') {
	is_wrong($line, \%BOOT, qr/^the kernel complains: .*\Q$line\E/, %UP, text => "$UP{text}\[   40.0] $line\n", delay => 3);
}
is_wrong('a device that QEMU refuses', \%BOOT, qr/^QEMU refuses: device_add x: Error/, %UP,
	events => [ { kind => 'hotplug', trouble => 'device_add x: Error: no slot' } ]);
is_wrong('another fault of the one server',  no_server(0, 'page'), qr/^not one of its sentences/, said_of_servers($SHORT));
is_wrong('a wrong byte taken for silence',   no_server(0, qw(flip flip)), qr/^not one of its sentences/,
	said_of_servers("none of 2 servers gives it: $THERE $SILENT; $THERE $SILENT"));
is_wrong('a fault that is told twice',       no_server(0, qw(short page)), qr/^not one of its sentences/,
	said_of_servers("none of 2 servers gives it: $THERE $SHORT; $THERE $SHORT"));
is_wrong('a server that is not told of',     no_server(0, qw(short page)), qr/^not one of its sentences/,
	said_of_servers("none of 2 servers gives it: $THERE $SHORT"));
is_wrong('one that was not drawn',           no_server(0, qw(short page)), qr/^not one of its sentences/,
	said_of_servers("none of 3 servers gives it: $THERE $SHORT; $THERE $PAGE; $THERE $SILENT"));
is_wrong('hardly anything where no packets are lost', no_server(0, qw(flip page)), qr/^not one of its sentences/,
	said_of_servers("none of 2 servers gives it: $THERE $HARDLY; $THERE $PAGE"));
is_wrong('layers that may be missing where none is named', $memory, qr/^not one of its sentences/, @MAY_LACK);
is_wrong('the same of one that must be there', cut_layer('tarboot.layer=/l.tar'), qr/^not one of its sentences/, @MAY_LACK);
is_wrong('another layer than the one that is named', cut_layer('tarboot.layer=/m.tar'), qr/^not one of its sentences/, @LACKS);
is_wrong('an init that says nothing of an image that is cut', { %BOOT, kernel_may_lack_memory => 1 }, qr/^hang/,
	text => "$CUT_BY_KERNEL$INIT", has_ended => 0);
is_wrong('lost packets where none are lost', no_server(0, 'short'), qr/^not one of its sentences/, said_of_servers($SILENT));
my $stay = { %$CUT, reaction => { then => qr/^rebooting/ } };
is_wrong('a machine that should stay', $stay, qr/^it does not stay/, with());
my $shell = { %$CUT, reaction => { then => qr/^rebooting/, is_shell => 1 } };
is_wrong('a shell that is silent', $shell, qr/^no shell that answers/, with());
is_right('one that answers', $shell, 'payload', with(), answer => "ALIVE find payload\n");
done_testing();
