# How a boot ended, whether that is right, and which of its faults took place. What was seen of it: text (the console), results (the second
# serial line), has_ended, elapsed and stayed (seconds, from the start and from the block to the end), delay (seconds of these in which the host
# let one of its threads wait), answer (of the shell), errors (QEMU's), events (of the boot; is_done: it was told to QEMU or the server;
# trouble: QEMU's, while it ran).
package Ending;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(judge faults_that_took_place host_stalls is_at_init has_panicked boot_is_over read_block);

my $DEADLOCK  = qr/Kernel panic - not syncing: (?:System is deadlocked on memory|Out of memory)|Out of memory -- System halted/;
my $CUT       = qr/Initramfs unpacking failed|Kernel panic - not syncing: (?:No working init|VFS: Unable to mount root|Failed to allocate)/;
my $TOO_SMALL = qr/initrd is too (?:large|big)|kernel too big|too large, cannot support/;
my %UNIT = (B => 1, KiB => 1 << 10, MiB => 1 << 20, GiB => 1 << 30, TiB => 1 << 40);
my $LATE = 15;    # seconds that a machine may take for what it says that it does at once

# What a kernel says when something is wrong with it.
my $COMPLAINT = qr/(?<!watchdog: )BUG: |Oops:|general protection|segfault at|traps: |Kernel panic/;

# What it says when it, or a process, came no further for 20 seconds or more. That may be the host's fault.
my $STALL = qr/watchdog: BUG: soft lockup|rcu.*(?:detected.* stall|starved)|blocked for more than/;
my $LET_WAIT = 10;    # seconds: a host that let it wait no longer than that did not do it

sub is_at_init   { return $_[0] =~ m{Run /init as init|^tarboot: }m }
sub has_panicked { return $_[0] =~ /Kernel panic - not syncing/ }

# True: what is done to it from now on tests nothing.
sub boot_is_over { return $_[0] =~ /SOAK-ROOT-RUNS/ || has_panicked($_[0]) || defined read_block($_[0]) }

# The block on the console: step, what, why, do, then; nothing as long as it is not complete.
sub read_block {
	my ($text) = @_;
	$text =~ s/\[ *\d+\.\d{6}\] .*\n//g;    # the kernel's own lines, which may be in the midst of another
	my ($step, $block) = $text =~ /^tarboot: FAILED: (.*)\n((?:  .*\n)*?  then: .*\n)/m or return;
	$block =~ s/\n {8}/ /g;    # lines that were broken
	return { step => $step, $block =~ /^  (what|why|do|then): +(\S.*)$/mg };
}

# ---- what happened ----

# Kinds of faults. Of what was to happen to it at some time, something did; and the console shows it, where it can be seen there.
sub faults_that_took_place {
	my ($boot, $seen) = @_;
	my (%took_place, %events);

	push @{ $events{ $_->{kind} } }, $_ for @{ $seen->{events} };
	for my $kind (@{ $boot->{kinds} }) {
		next if $events{$kind} && !grep { $_->{is_done} && !$_->{trouble} } @{ $events{$kind} };
		my $trace = $boot->{trace}{$kind} // [qr/^/];
		$took_place{$kind} = 1 if grep { $seen->{text} =~ $_ } @$trace;
	}
	return grep { $took_place{$_} } @{ $boot->{kinds} };
}

# Did the kernel stall on a host that let it wait for so long that this may be why?
sub host_stalls { return $_[0]{text} =~ $STALL && $_[0]{delay} > $LET_WAIT }

# Where the kernel did not come to /init, or had nothing left for itself. Of an image that is cut, an init that runs says so.
sub _kernels_end {
	my ($seen) = @_;
	return 'kernel: no memory'   if $seen->{text} =~ $DEADLOCK;
	return 'kernel: image cut'   if $seen->{text} =~ $CUT && $seen->{text} !~ /^tarboot: /m;
	return 'kernel: not loaded'  if $seen->{errors} =~ $TOO_SMALL;
	return 'kernel panic'        if has_panicked($seen->{text});
	return 'kernel: not at init' if !is_at_init($seen->{text});
	return;
}

sub _ending {
	my ($seen, $block) = @_;
	my ($verdict) = $seen->{results} =~ /^SOAK (RIGHT|WRONG)$/m;
	my $runs = $verdict || $seen->{text} =~ /SOAK-ROOT-RUNS/;

	return 'a root after a failure' if $runs && $block;
	return $seen->{has_ended} ? 'boots' : 'hang behind the root' if ($verdict // '') eq 'RIGHT';
	return 'a wrong root' if $verdict;
	return 'half a root' if $runs;
	return 'sentence' if $block;
	return _kernels_end($seen) // ($seen->{has_ended} ? 'an end without a word' : 'hang');
}

# ---- whether it is right ----

sub _is_like {
	my ($text, $pattern) = @_;
	return ref $pattern ? $text =~ $pattern : $text eq $pattern;
}

sub _bytes {
	my ($number, $unit) = @_;
	return $number * $UNIT{$unit};
}

# The check of memory refuses by its own rule, which its sentence shows.
sub _numbers_agree {
	my ($why) = @_;
	my @size = $why =~ /needs (?:at least )?([\d.]+) (B|[KMGT]iB).*this machine has ([\d.]+) (B|[KMGT]iB) free/ or return 1;
	my @zram = $why =~ /about ([\d.]+) (B|[KMGT]iB) more with zram/;
	return _bytes(@size[ 0, 1 ]) >= _bytes(@size[ 2, 3 ]) + (@zram ? _bytes(@zram) : 0) - _bytes(0.2, $size[1]);
}

# What it does after the block. Nothing when it does what it says.
sub _wrong_reaction {
	my ($reaction, $block, $seen, $slow) = @_;
	my $wait = $reaction->{wait};

	return "then: $block->{then}" if $block->{then} !~ $reaction->{then};
	return 'no shell that answers' if $reaction->{is_shell} && ($seen->{answer} // '') !~ /^ALIVE \Q$block->{step}\E$/m;
	return 'it does not end' if !$seen->{has_ended} && ($reaction->{is_shell} || defined $wait);
	return 'it does not stay' if $seen->{has_ended} && !$reaction->{is_shell} && !defined $wait;
	return "it ends after $seen->{stayed} s" if defined $wait && ($seen->{stayed} < $wait - 1 || $seen->{stayed} > $wait + $LATE * $slow);
	return "the kernel does not say $reaction->{says}" if $reaction->{says} && $seen->{text} !~ $reaction->{says};
	return;
}

# The line of the kernel, or nothing.
sub _complaint {
	my ($seen) = @_;
	my ($line) = $seen->{text} =~ /^(.*(?:$COMPLAINT).*)$/m;

	($line) = $seen->{text} =~ /^(.*(?:$STALL).*)$/m if !defined $line && !host_stalls($seen);
	return defined $line ? "the kernel complains: $line" : ();
}

# Returns the kind of sentence, and what is wrong with it.
sub _judge_block {
	my ($boot, $block, $seen, $slow) = @_;
	my $said = join ': ', map { $_ // '' } @$block{qw(step what why)};
	my ($row) = grep {
		my $row = $_;
		!grep { !_is_like($block->{$_} // '', $row->{$_}) } qw(step what why)
	} @{ $boot->{sentences} };

	return ('sentence', "not one of its sentences: $said") if !$row;
	return ($row->{kind}, "nothing to do is named: $said") if !$block->{do};
	return ($row->{kind}, "by these numbers it fits: $said") if !_numbers_agree($block->{why});
	return ($row->{kind}, _wrong_reaction($boot->{reaction}, $block, $seen, $slow) // _complaint($seen));
}

sub _judge_boot {
	my ($boot, $seen) = @_;
	my @missing = grep { $seen->{text} !~ $_ } @{ $boot->{says} };

	return 'it must not boot' if !$boot->{may_boot};
	return "it does not say $missing[0]" if @missing;
	return _complaint($seen);
}

# How it ended, and what is wrong with that.
sub _judge_ending {
	my ($boot, $seen, $slow) = @_;
	my $block  = read_block($seen->{text});
	my $ending = _ending($seen, $block);

	return ($ending, _judge_boot($boot, $seen)) if $ending eq 'boots';
	return _kernels_end($seen) if $ending eq 'sentence' && $boot->{kernel_may_lack_memory} && $seen->{text} =~ $DEADLOCK;
	return _judge_block($boot, $block, $seen, $slow // 1) if $ending eq 'sentence';
	return ($ending, $boot->{kernel_may_lack_memory} ? () : 'the kernel had enough memory') if $ending =~ /^kernel: /;
	return ($ending, "$ending, after $seen->{elapsed} s");
}

# How it ended (boots, the kind of its sentence, kernel: ...), and what is wrong with that or with what was done to it: nothing when all
# is right.
sub judge {
	my ($boot, $seen, $slow) = @_;
	my ($ending, $wrong) = _judge_ending($boot, $seen, $slow);
	my ($trouble) = map { $_->{trouble} // () } @{ $seen->{events} };

	$wrong //= "QEMU refuses: $trouble" if $trouble;
	return defined $wrong ? ($ending, $wrong) : $ending;
}

1;
