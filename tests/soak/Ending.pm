# How a boot ended, and whether that is right. What was seen of it: text (the console), results (the second serial line), has_ended,
# elapsed and stayed (seconds, from the start and from the block to the end), answer (of the shell), errors (QEMU's).
package Ending;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(judge is_at_init has_panicked read_block);

my $DEADLOCK  = qr/Kernel panic - not syncing: (?:System is deadlocked on memory|Out of memory)|Out of memory -- System halted/;
my $CUT       = qr/Initramfs unpacking failed|Kernel panic - not syncing: (?:No working init|VFS: Unable to mount root|Failed to allocate)/;
my $TOO_SMALL = qr/initrd is too (?:large|big)|kernel too big|too large, cannot support/;
my %UNIT = (B => 1, KiB => 1 << 10, MiB => 1 << 20, GiB => 1 << 30, TiB => 1 << 40);
my $LATE = 15;    # seconds that a machine may take for what it says that it does at once

sub is_at_init   { return $_[0] =~ m{Run /init as init|^tarboot: }m }
sub has_panicked { return $_[0] =~ /Kernel panic - not syncing/ }

# The block on the console: step, what, why, do, then; nothing as long as it is not complete.
sub read_block {
	my ($text) = @_;
	$text =~ s/\[ *\d+\.\d{6}\] .*\n//g;    # the kernel's own lines, which may be in the midst of another
	my ($step, $block) = $text =~ /^tarboot: FAILED: (.*)\n((?:  .*\n)*?  then: .*\n)/m or return;
	$block =~ s/\n {8}/ /g;    # lines that were broken
	return { step => $step, $block =~ /^  (what|why|do|then): +(\S.*)$/mg };
}

# ---- what happened ----

# Where the kernel did not come to /init, or had nothing left for itself.
sub _kernels_end {
	my ($seen) = @_;
	return 'kernel: no memory'   if $seen->{text} =~ $DEADLOCK;
	return 'kernel: image cut'   if $seen->{text} =~ $CUT;
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
	return ($row->{kind}, _wrong_reaction($boot->{reaction}, $block, $seen, $slow));
}

sub _judge_boot {
	my ($boot, $seen) = @_;
	my @missing = grep { $seen->{text} !~ $_ } @{ $boot->{says} };

	return 'it must not boot' if !$boot->{may_boot};
	return "it does not say $missing[0]" if @missing;
	return 'the kernel complains' if $seen->{text} =~ /Kernel panic|(?<!watchdog: )BUG: |Oops:|segfault at/;
	return;
}

# How it ended (boots, the kind of its sentence, kernel: ...), and what is wrong with that: nothing when it is right.
sub judge {
	my ($boot, $seen, $slow) = @_;
	my $block  = read_block($seen->{text});
	my $ending = _ending($seen, $block);

	return ($ending, _judge_boot($boot, $seen)) if $ending eq 'boots';
	return _kernels_end($seen) if $ending eq 'sentence' && $boot->{may_lack} && $seen->{text} =~ $DEADLOCK;
	return _judge_block($boot, $block, $seen, $slow // 1) if $ending eq 'sentence';
	return ($ending, $boot->{may_lack} ? () : 'the kernel had enough memory') if $ending =~ /^kernel: /;
	return ($ending, "$ending, after $seen->{elapsed} s");
}

1;
