# A virtual machine for the boot tests: starts QEMU on an image, reads what it prints, types on its
# console, and ends it. Kernel and image come from the caller; nothing here knows tarboot.
#
# The first serial line is the console: its text is in the log, and type() writes to it. A second, ttyS1 on PCs, is for
# results from inside, in a file of its own. QEMU runs under TCG with the plainest machine
# there is: /dev/kvm, -cpu max and later machines have all hung or crashed on some host.
#
# TARBOOT_SLOW=N in the environment multiplies every time limit, for busy machines. A guest whose kernel says that a processor came no
# further has more time, as much as that was, up to the limit once more; if that did not help, it is started once more, where nobody has
# done anything to it yet.
package Guest;

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use List::Util qw(min);
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);
use Stalls;

my $SLOW = $ENV{TARBOOT_SLOW} || 1;

$SIG{PIPE} = 'IGNORE';    # typing to a machine that has just ended

# Named arguments: dir (for log files), name, kernel, initrd; without a kernel it boots from the network, its firmware
# talking on the console, too; optional: append (kernel parameters
# after the console and panic ones), console (parameters), panic, mem (MiB), smp, monitor (true for one),
# args (more QEMU arguments), firmware (a machine of QEMU whose firmware boots from a disk), arch (aarch64: another machine).
sub start {
	my ($class, %arg) = @_;
	my $self = bless {
		name    => $arg{name},
		log     => "$arg{dir}/$arg{name}.log",
		results => "$arg{dir}/$arg{name}.ttyS1",
		errors  => "$arg{dir}/$arg{name}.qemu",
		socket  => "$arg{dir}/$arg{name}.monitor",
		is_new  => 1,    # nobody has typed, given a command, or seen anything
	}, $class;
	$self->{command} = [ _command($self, %arg) ];
	$self->_launch;
	return $self;
}

sub _launch {
	my ($self) = @_;

	unlink @$self{qw(log results errors socket)};    # what an earlier guest of this name said is not its word
	pipe(my $keyboard, $self->{type}) or die "pipe: $!";
	$self->{type}->autoflush(1);
	delete @$self{qw(status ended)};
	@$self{qw(mark started)} = (0, time);
	$self->{pid} = fork // die "fork: $!";
	_exec($self, $keyboard, @{ $self->{command} }) if $self->{pid} == 0;
	return;
}

# Another start of one that stands still, as its kernel says, or that has not come to /init.
sub _starts_again {
	my ($self) = @_;
	my $text = $self->text;

	return 0 unless delete $self->{is_new} && (seconds_stalled($text) || is_before_init($text));
	diag "$self->{name}: QEMU stood still: once more";
	$self->stop;
	$self->_launch;
	return 1;
}

# What the second serial line is in a machine (arch, as in start()).
sub results_line { return ($_[0] // '') eq 'aarch64' ? '/dev/ttyS0' : '/dev/ttyS1' }

sub _command {
	my ($self, %arg) = @_;
	my $arm    = ($arg{arch} // '') eq 'aarch64';
	my $append = join ' ', $arg{console} // ($arm ? 'console=ttyAMA0' : 'console=ttyS0'), 'panic=' . ($arg{panic} // -1), $arg{append} // ();

	return (
		$arm ? qw(qemu-system-aarch64 -M virt -cpu cortex-a57)
			: ('qemu-system-x86_64', -M => $arg{firmware} // ($arg{kernel} ? 'pc' : 'pc,graphics=off')),
		qw(-accel tcg -nodefaults -no-reboot -display none),
		-m => $arg{mem} // 1024, -smp => $arg{smp} // 2,
		-chardev => 'stdio,id=console,signal=off', -serial => 'chardev:console',
		-chardev => "file,id=results,path=$self->{results}", $arm ? (-device => 'pci-serial,chardev=results') : (-serial => 'chardev:results'),
		$arg{monitor} ? (-monitor => "unix:$self->{socket},server,nowait") : (),
		$arg{kernel} ? (-kernel => $arg{kernel}, -initrd => $arg{initrd}, -append => $append) : $arg{firmware} ? () : (-boot => 'n'),
		@{ $arg{args} // [] });
}

sub _exec {
	my ($self, $keyboard, @command) = @_;

	open STDIN,  '<&', $keyboard       or POSIX::_exit(126);
	open STDOUT, '>',  $self->{log}    or POSIX::_exit(126);
	open STDERR, '>',  $self->{errors} or POSIX::_exit(126);
	exec { $command[0] } @command or POSIX::_exit(127);
	return;
}

sub _slurp {
	my ($path) = @_;
	open my $f, '<:raw', $path or return '';
	local $/;
	my $text = <$f> // '';
	$text =~ tr/\r//d;
	$text =~ s/\e\[[0-9;?]*[A-Za-z]//g;
	return $text;
}

# What the console, or the second serial line, has printed so far, without carriage
# returns and colours.
sub text    { return _slurp($_[0]{log}) }
sub results { return _slurp($_[0]{results}) }

# What the console has printed since the last type().
sub answer { return substr $_[0]->text, $_[0]{mark} }

sub running {
	my ($self) = @_;
	return 0 if defined $self->{status};
	return 1 if waitpid($self->{pid}, WNOHANG) == 0;
	$self->{status} = $?;
	$self->{ended}  = time;
	return 0;
}

# Seconds since the start, or from the start to the end.
sub elapsed { return ($_[0]{ended} // time) - $_[0]{started} }

# The same without those for which its kernel says that a processor came no further.
sub elapsed_unstalled { return $_[0]->elapsed - seconds_stalled($_[0]->text) }

# Seconds beyond the limit, for what it has said from the mark on.
sub _more_time {
	my ($self, $mark, $limit) = @_;
	my $text = $self->text;

	return is_before_init($text) ? $limit : min($limit, seconds_stalled(substr $text, $mark));
}

# Waits until the function is true. False when the limit (in seconds) passes or QEMU ends without it.
sub _wait {
	my ($self, $is_done, $limit) = @_;
	my ($from, $mark) = (time, length $self->text);

	$limit *= $SLOW;
	while (1) {
		my $running = $self->running;    # before the look: the last words count
		if ($is_done->()) { delete $self->{is_new}; return 1 }
		return 0 if !$running;
		if (time - $from > $limit + $self->_more_time($mark, $limit)) {
			return 0 if !$self->_starts_again;
			($from, $mark) = (time, 0);
		}
		sleep 0.1;
	}
}

# Wait until the console has printed the pattern after the last type(). False when the limit (in
# seconds) passes or QEMU ends without it.
sub wait_for {
	my ($self, $pattern, $limit) = @_;
	return $self->_wait(sub { $self->answer =~ $pattern }, $limit);
}

# Wait until QEMU ends by itself. False when it had to be ended.
sub wait_end {
	my ($self, $limit) = @_;

	return 1 if $self->_wait(sub { !$self->running }, $limit);
	$self->stop;
	return 0;
}

# Type on the console. What was printed before does not count for wait_for() any more.
sub type {
	my ($self, $keys) = @_;
	delete $self->{is_new};
	$self->{mark} = length $self->text;
	print { $self->{type} } $keys;
	return;
}

# Logs in at the prompt that the console shows, as root of the demo root. False when that fails.
sub log_in {
	my ($self) = @_;

	$self->type("root\r");
	$self->wait_for(qr/Password:/, 60);
	$self->type("tarboot\r");
	return 0 unless $self->wait_for(qr/:~# /, 60);
	$self->says('stty -echo; export SYSTEMD_PAGER=cat');
	return 1;
}

# What a command prints, typed at a shell: between marks that its own line does not show. Debian sid's shell tells the terminal
# before it that a command begins.
sub says {
	my ($self, $command, $limit) = @_;

	$self->type("echo A''A; $command; echo Z''Z\r");
	$self->wait_for(qr/^ZZ$/m, $limit // 60);
	return $self->answer =~ s/\e\].*?(?:\e\\|\a)//gr =~ /^AA\n(.*?)^ZZ$/ms ? $1 : '';
}

# What the monitor says until its prompt has come once more, or its end, or some seconds have passed.
sub _read_to_prompt {
	my ($socket) = @_;
	my ($said, $end) = ('', time + 10 * $SLOW);

	while ($said !~ /\(qemu\) \z/ && time < $end) {
		last if IO::Select->new($socket)->can_read(0.1) && !sysread $socket, $said, 65536, length $said;
	}
	return $said;
}

# Gives commands to QEMU's monitor, in its human language, each when it is ready: what it has not read when the connection ends, it does
# not do. Its answers, or nothing when it cannot be reached.
sub monitor {
	my ($self, @commands) = @_;
	delete $self->{is_new};
	my $socket = IO::Socket::UNIX->new(Peer => $self->{socket}) or return;
	my $answer = _read_to_prompt($socket);

	for my $command (@commands) {
		print {$socket} "$command\n";
		$answer .= _read_to_prompt($socket);
	}
	return $answer;
}

sub stop {
	my ($self) = @_;

	return unless $self->running;
	kill TERM => $self->{pid};
	for (1 .. 50) {
		return unless $self->running;
		sleep 0.1;
	}
	kill KILL => $self->{pid};
	waitpid $self->{pid}, 0;
	@$self{qw(status ended)} = ($?, time);
	return;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@, $!);
	$self->stop if $self->{pid};
	return;
}

# Say in the test's output how the boot ended: for failed assertions.
sub show_end {
	my ($self, $lines) = @_;
	my @log = split /\n/, $self->text;
	my $n   = $lines // 25;

	splice @log, 0, @log - $n if @log > $n;
	diag sprintf '%s: after %.1f s, %s; the console ended with:', $self->{name}, $self->elapsed,
		$self->running ? 'still running' : "exit status $self->{status}";
	diag "  | $_" for @log;
	diag "  qemu: $_" for split /\n/, _slurp($self->{errors});
	return;
}

# Give the TAP lines that the guest wrote on its second serial line as tests of this script. True
# when the guest got to its end line, "done".
sub replay_results {
	my ($self) = @_;
	my $done = 0;

	for (split /\n/, $self->results) {
		if    (/^(not )?ok - (.*)/) { ok(!$1, $2) }
		elsif (/^# (.*)/)           { diag $1 }
		elsif (/^note (.*)/)        { note $1 }
		elsif ($_ eq 'done')        { $done = 1 }
	}
	return $done;
}

1;
