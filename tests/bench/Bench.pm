# What the benchmarks share: timed runs in RAM, medians, tables, targets, and the files that are left
# behind: build/bench.csv, and for each benchmark NAME build/bench/NAME.targets, which `run` sums up.
#
# It measures and is no test: a target that is missed is told and fails nothing. A contestant that
# does not do its work is an error.
package Bench;

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path);
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use POSIX ();
use Time::HiRes qw(time);

our @EXPORT = (@Engine::EXPORT, qw(rounds cpus machine mib median need_rivals work need_room empty_out
	timed_run table record write_records target finish));

# Mounts of its own, which end with it.
if (!$ENV{TARBOOT_BENCH_MOUNTS} && !$^C) {
	$ENV{TARBOOT_BENCH_MOUNTS} = 1;
	exec 'unshare', '-m', '--propagation', 'private', $^X, $0, @ARGV or die "unshare: $!\n";
}

my $NAME  = $ENV{BENCH_NAME} // ($0 =~ m{bench-(\w+)$})[0];    # of the files; a benchmark of two roots has two
my $OWNER = $$;
my $WORK  = "/dev/shm/tarboot-bench-$$";
my $CPUS  = `nproc` + 0;
my $child;    # a timed run

sub rounds { return $ENV{ROUNDS} || 5 }
sub cpus   { return $CPUS }

# "2 CPUs, Intel Xeon ..., Linux 6.18.0"
sub machine {
	my ($model) = slurp('/proc/cpuinfo') =~ /^model name\s*: (.*)/m;
	return join ', ', "$CPUS CPUs", $model // (), 'Linux ' . (POSIX::uname())[2];
}

sub mib { return $_[0] / (1 << 20) }

sub median {
	my @sorted = sort { $a <=> $b } grep { defined } @_;
	return @sorted ? $sorted[@sorted / 2] : 'nan';
}

sub need_rivals {
	die "bench-$NAME: run as root: owners, devices and capabilities must be real\n" if $> != 0;
	for my $program (@_) {
		die "bench-$NAME: $program: not found: run scripts/install-packages build demo test bench\n"
			unless have_program($program);
	}
	return;
}

# ---- the place in RAM ----

# The directory for archives and trees, or a path in it; it goes away with the benchmark.
sub work {
	make_path($WORK);
	return join '/', $WORK, @_;
}

# Like the signals that Image handles; not IGNORE, which the contestants would inherit.
$SIG{PIPE} = sub { exit 1 };

END {
	local $?;
	if ($OWNER == $$) {
		kill KILL => $child if $child;
		system 'umount', '-q', "$WORK/out" if -d "$WORK/out";
		system 'rm', '-rf', $WORK if -d $WORK;
	}
}

# Refuses when the files of the benchmark (bytes) do not fit into /dev/shm, or not into RAM beside what
# the programs take.
sub need_room {
	my ($files, $programs) = @_;
	my ($kib) = (split /\n/, run('df', '-k', '--output=avail', '/dev/shm'))[1];
	my ($ram) = slurp('/proc/meminfo') =~ /^MemAvailable: +(\d+)/m;

	for (['/dev/shm', $kib, $files], ['RAM', $ram, $files + $programs]) {
		my ($what, $there, $wanted) = ($_->[0], $_->[1] / 1024, mib($_->[2]));
		die sprintf "bench-%s: %s has %d MiB free and %d are needed: use a smaller root (BENCH_TAR) "
			. "or a machine with more memory\n", $NAME, $what, $there, $wanted
			if $there < $wanted;
	}
	return;
}

# A new empty out: a tmpfs with the options that init gives to the root (init/root/root_mount.c). All unpack into it.
my @OPTIONS = ('mode=0755,size=100%,nr_inodes=0,huge=within_size', 'mode=0755,size=100%,nr_inodes=0');
my $mounted;

sub empty_out {
	run('umount', work('out')) if $mounted;
	make_path(work('out'));
	$mounted = 0;
	for my $options (@OPTIONS) {
		last if $mounted ||= try('mount', '-t', 'tmpfs', '-o', $options, 'out', work('out'))->{exit} == 0;
	}
	die "cannot mount a tmpfs on " . work('out') . "\n" unless $mounted;
	return;
}

# ---- timed runs ----

# Runs a command for the shell in work(), with an empty directory out beside it. Seconds of wall
# clock and of CPU.
#
# $bytes are touched before. A virtual machine may hand memory that was free for some seconds back to
# its host (free page reporting); its first touch is then five times slower, and whoever runs after a
# pause pays. So every run starts with as much memory as it can want freed a moment ago.
sub timed_run {
	my ($command, $bytes) = @_;

	empty_out();
	run(build_path('tests/tools/touch_memory'), POSIX::ceil(mib($bytes)));
	my @before = (time, times);
	$child = fork // die "fork: $!";
	if ($child == 0) {
		chdir $WORK                   or POSIX::_exit(126);
		open STDIN,  '<',  '/dev/null' or POSIX::_exit(126);
		open STDOUT, '>',  'log'       or POSIX::_exit(126);
		open STDERR, '>&', \*STDOUT    or POSIX::_exit(126);
		exec 'sh', '-c', $command or POSIX::_exit(127);
	}
	waitpid $child, 0;
	my $status = $?;
	my @after  = (time, times);
	undef $child;
	die "$command: status $status:\n" . slurp(work('log')) if $status;
	return ($after[0] - $before[0], $after[3] + $after[4] - $before[3] - $before[4]);
}

# ---- what is printed ----

# Rows are lists; a row with one cell is a heading. All columns but the first stand to the right.
sub table {
	my ($head, @rows) = @_;
	my @width = map { length } @$head;

	for my $row (grep { @$_ > 1 } @rows) {
		for (0 .. $#$row) {
			$width[$_] = length $row->[$_] if length $row->[$_] > $width[$_];
		}
	}
	for my $row ($head, @rows) {
		print "\n" if @$row == 1;
		my $line = sprintf "%-*s", $width[0], $row->[0];
		$line .= sprintf '  %*s', $width[$_], $row->[$_] for 1 .. $#$row;
		print $line =~ s/ +$//r, "\n";
	}
	print "\n";
	return;
}

# ---- what is kept ----

my (@records, @targets);

# A row of the CSV file: a quantity of something in some unit, as measured in all rounds.
sub record {
	my ($what, $quantity, $unit, @values) = @_;
	my @sorted = sort { $a <=> $b } @values;

	$what =~ s/"/""/g;
	push @records, sprintf "%s,\"%s\",%s,%s,%.6g,%.6g,%.6g,%d\n", $NAME, $what, $quantity, $unit,
		median(@values), @sorted[0, -1], scalar @values;
	return;
}

my %MET = (
	'<=' => sub { $_[0] <= $_[1] },
	'>=' => sub { $_[0] >= $_[1] },
	'>'  => sub { $_[0] > $_[1] });

# Holds a measured value against what was promised. The format is for both.
sub target {
	my ($what, $relation, $limit, $measured, $format) = @_;
	$format //= '%.3g';
	my ($wanted, $is) = map { sprintf $format, $_ } $limit, $measured;

	push @targets, [$what, "$relation $wanted", $is, $MET{$relation}->($measured, $limit) ? 'yes' : 'NO'];
	return;
}

sub _targets_as_text {
	return '' unless @targets;
	open my $out, '>', \my $text or die $!;
	my $old = select $out;
	table([ 'target', 'wanted', 'measured', 'met?' ], @targets);
	select $old;
	return $text;
}

# Writes the rows so far, so that they outlive a run that is stopped.
sub write_records {
	my $dir = build_path('bench');

	make_path($dir);
	spew("$dir/$NAME.csv", join '', @records);
	spew(build_path('bench.csv'), join '', "bench,what,quantity,unit,median,min,max,rounds\n",
		map { slurp($_) } sort glob "$dir/*.csv");
	return;
}

# Prints the targets and writes the files.
sub finish {
	my $targets = _targets_as_text();

	write_records();
	spew(build_path('bench', "$NAME.targets"), $targets);
	print $targets;
	return;
}

1;
