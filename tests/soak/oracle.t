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

my %facts = map { $_ => { map { $_ => { machine => 160, kernel => 120 } } qw(embedded stream) } } qw(small big);
my @drawn = map { draw(7, $_, \%facts) } 1 .. 3000;
$Data::Dumper::Sortkeys = 1;

# ---- what is drawn ----

is(Dumper(draw(7, 17, \%facts)), Dumper($drawn[16]), 'a boot depends on seed and number alone');
isnt(Dumper(draw(8, 17, \%facts)), Dumper($drawn[16]), 'and on the seed');
my %seen;
for my $b (@drawn) {
	$seen{$_}++ for map({ "kind $_" } @{ $b->{kinds} }), "reaction $b->{name}", "$b->{smp} CPUs", "way $b->{way}",
		@{ $b->{kinds} } . ' faults';
	$seen{'a kernel may lack memory'}++ if $b->{may_lack};
	$seen{'plenty of memory, but less than without a fault'}++ if !$b->{may_be_short} && $b->{mem} < 512;
}
ok($seen{$_}, "there is: $_") for map({ "kind $_" } @KINDS), map({ "reaction $_" } qw(reboot later stay poweroff halt shell)),
	map({ "$_ CPUs" } 1 .. 8), map({ "$_ faults" } 0 .. 3), 'way embedded', 'way stream', 'a kernel may lack memory',
	'plenty of memory, but less than without a fault';
is((grep { !$_->{may_boot} && !@{ $_->{sentences} } } @drawn), 0, 'what cannot boot has a sentence');
is((grep { $_->{may_boot} && !$_->{may_be_short} && @{ $_->{sentences} } } @drawn), 0, 'what must boot has none');
is((grep { $_->{way} eq 'embedded' && grep { /^(?:loss|restart|mirror|cable)$/ } @{ $_->{kinds} } } @drawn), 0,
	'an image with its root has no faults of the network');
is((grep { length "@{ $_->{append} }" > 1300 } @drawn), 0, 'the kernel command line has room for all');
my %text = map { $_ => 1 } map { @{ $_->{append} } } @drawn;
is_deeply([ map { $_->{text} } grep { !$text{ $_->{text} } } Parameters::rows() ], [], 'each parameter is drawn');

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
my %SEEN  = (text => $INIT, results => '', errors => '', has_ended => 1, elapsed => 9, stayed => 0.2, answer => '');
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
is_right('the kernel without memory', { %BOOT, may_lack => 1 }, 'kernel: no memory',
	text => "[    1.0] Kernel panic - not syncing: System is deadlocked on memory\n");
is_right('the same after a sentence', { %$CUT, may_lack => 1 }, 'kernel: no memory', with('reboot: .*',
	'Kernel panic - not syncing: System is deadlocked on memory'));
is_right('a kernel that does not come to /init', { %BOOT, may_lack => 1 }, 'kernel: not at init', text => "[    1.0] Linux\n",
	has_ended => 0);
my $memory = { %BOOT, sentences => $Sentences::SENTENCES{memory} };
my (undef, $short) = with('find payload', 'check memory');
$short =~ s/what: .*/what: memory/;
$short =~ s{why: .*\n.*here}{why:  the root needs 60.2 MiB and 300 inodes, this machine has 45.0 MiB free};
is_right('too little memory', $memory, 'memory', text => $short);

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
is_wrong('a panic of PID 1', { %BOOT, may_lack => 1 }, qr/^kernel panic/,
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
my $stay = { %$CUT, reaction => { then => qr/^rebooting/ } };
is_wrong('a machine that should stay', $stay, qr/^it does not stay/, with());
my $shell = { %$CUT, reaction => { then => qr/^rebooting/, is_shell => 1 } };
is_wrong('a shell that is silent', $shell, qr/^no shell that answers/, with());
is_right('one that answers', $shell, 'payload', with(), answer => "ALIVE find payload\n");
done_testing();
