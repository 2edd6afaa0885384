# Assertions for the two scripts that look at the booted system from inside. Results go to a serial
# line that has nothing else, as TAP, which tests/boot/Guest.pm reads. Debian's perl-base is all there is.
package Facts;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(ok is note diag done slurp output init_kind check_mounts check_types check_memory);

# What systemd itself mounts, and so must find: file system, options that must be there, options
# that must not. "mode" and "gid" are options of the file system, the others of the mount.
my %MOUNTS = (
	'/'        => ['tmpfs',    [qw(rw mode=755)], [qw(nosuid nodev noexec)]],
	'/proc'    => ['proc',     [qw(rw nosuid nodev noexec)], []],
	'/sys'     => ['sysfs',    [qw(rw nosuid nodev noexec)], []],
	'/dev'     => ['devtmpfs', [qw(rw nosuid mode=755)], [qw(nodev relatime)]],
	'/dev/pts' => ['devpts',   [qw(rw nosuid noexec gid=5 mode=620 ptmxmode=666)], [qw(nodev)]],
	'/dev/shm' => ['tmpfs',    [qw(rw nosuid nodev)], [qw(relatime noexec)]],
	'/run'     => ['tmpfs',    [qw(rw nosuid nodev mode=755)], [qw(relatime noexec)]],
);

# Slack for what is not files: page table pages, the journal's and udev's shared memory.
my $MEMORY_SLACK_KB = 16 << 10;

my $line;

sub _say {
	if (!$line) {
		open $line, '>', _results() or return;
	}
	syswrite $line, join('', map { "$_\n" } @_);
	return;
}

sub note { _say(map { "note $_" } map { split /\n/ } @_); return }
sub diag { _say(map { "# $_" } map { split /\n/ } @_);    return }

sub ok($$;@) {
	my ($good, $name, @reasons) = @_;
	_say(($good ? 'ok' : 'not ok') . " - $name");
	diag(@reasons) unless $good;
	return $good;
}

sub is($$$) {
	my ($got, $wanted, $name) = @_;
	$got = '(nothing)' unless defined $got;
	return ok($got eq $wanted, $name, "got:    $got", "wanted: $wanted");
}

sub done { _say('done'); close $line; undef $line; return }

sub slurp {
	my ($path) = @_;
	open my $f, '<', $path or return '';
	local $/;
	my $text = <$f>;
	return defined $text ? $text : '';
}

# What a shell command prints, both streams, without the last newline.
sub output {
	my ($command) = @_;
	my $text = qx{($command) 2>&1};
	chomp $text;
	return $text;
}

# What kind the root's own init is (see Whole.pm), and the serial line for results.
sub init_kind { return (split ' ', slurp('/tarboot-test/init'))[0] }
sub _results  { return (split ' ', slurp('/tarboot-test/init'))[1] }

sub _mounts {
	my %at;
	for (split /\n/, slurp('/proc/1/mountinfo')) {
		my ($mount, $fs) = split / - /;
		my (undef, undef, undef, undef, $point, $options) = split ' ', $mount;
		my ($type, undef, $more) = split ' ', $fs;
		push @{ $at{$point} }, { type => $type, options => [split /,/, "$options,$more"] };
	}
	return %at;
}

sub check_mounts {
	my ($when) = @_;
	my %at = _mounts();

	for my $point (sort keys %MOUNTS) {
		my ($type, $wanted, $unwanted) = @{ $MOUNTS{$point} };
		my $found = $at{$point} || [];
		ok(@$found == 1, "$when: $point is mounted once", 'found ' . @$found) or next;
		my %has = map { $_ => 1 } @{ $found->[0]{options} };
		my @wrong = ((map { "lacks $_" } grep { !$has{$_} } @$wanted),
			map { "has $_" } grep { $has{$_} } @$unwanted);
		is($found->[0]{type}, $type, "$when: $point is a $type");
		ok(!@wrong, "$when: $point has systemd's options", @wrong, join ',', sort keys %has);
	}
	is(sprintf('%o', (stat '/dev/shm')[2] & 07777), '1777', "$when: /dev/shm has mode 1777");
	return %at;
}

# Of an init that mounts some of them anew, with options of its own.
sub check_types {
	my ($when) = @_;
	my %at = _mounts();

	for my $point (sort keys %MOUNTS) {
		my $found = $at{$point} || [{ type => 'nothing' }];
		is($found->[-1]{type}, $MOUNTS{$point}[0], "$when: $point is a $MOUNTS{$point}[0]");
	}
	return;
}

sub _used_kb {
	my $total = 0;
	for (split /\n/, output('df -k -t tmpfs -t devtmpfs --output=used')) {
		$total += $1 if /^\s*(\d+)$/;
	}
	return $total;
}

# All shared memory must be explained by the files that can be seen: an initramfs that is still
# there, or a payload that is still open, would be more.
sub check_memory {
	my ($when) = @_;
	my %kb   = slurp('/proc/meminfo') =~ /^(\w+):\s+(\d+) kB$/mg;
	my $used = _used_kb();

	note("$when: MemTotal $kb{MemTotal} MemAvailable $kb{MemAvailable} Shmem $kb{Shmem} kB, "
		. "files $used kB");
	return ok($kb{Shmem} <= $used + $MEMORY_SLACK_KB, "$when: the initramfs's memory is given back",
		"Shmem $kb{Shmem} kB, files that can be seen $used kB");
}

1;
