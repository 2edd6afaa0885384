# Headless Chromium, driven by its DevTools protocol through a pipe: what a page is to a person, asked by a program.
package Browser;

use strict;
use warnings;

use JSON::PP qw(decode_json encode_json);
use POSIX ();
use Time::HiRes qw(sleep time);

my $PATIENCE = 60;    # seconds for an answer

# undef: there is none here.
sub program { return (grep { -x } map { "$_/chromium" } split /:/, $ENV{PATH})[0] }

# With a directory for its profile.
sub start {
	my ($class, $directory) = @_;
	pipe my $commands, my $to_it or die "pipe: $!";
	pipe my $from_it, my $answers or die "pipe: $!";
	my $self = bless { in => $to_it, out => $from_it, text => '', n => 0, events => [], pid => fork // die "fork: $!" }, $class;

	if ($self->{pid} == 0) {
		open STDIN,  '<', '/dev/null';
		open STDOUT, '>', "$directory.log";
		open STDERR, '>&', \*STDOUT;
		POSIX::dup2(fileno $commands, 100);    # they may be 3 and 4, or 4 and 3
		POSIX::dup2(fileno $answers,  101);
		POSIX::dup2(100, 3);
		POSIX::dup2(101, 4);
		my @options = map { "--$_" } 'headless=new', 'no-sandbox', 'disable-gpu', 'disable-dev-shm-usage', 'no-first-run', 'hide-scrollbars',
			'remote-debugging-pipe', 'window-size=1400,760', "user-data-dir=$directory";
		exec program(), @options, 'about:blank' or POSIX::_exit(127);
	}
	close $commands;
	close $answers;
	my ($page) = grep { $_->{type} eq 'page' } @{ $self->ask('Target.getTargets')->{targetInfos} };
	$self->{session} = $self->ask('Target.attachToTarget', targetId => $page->{targetId}, flatten => JSON::PP::true)->{sessionId};
	$self->ask($_) for 'Page.enable', 'Runtime.enable', 'Log.enable', 'Accessibility.enable';
	return $self;
}

# The next message from it; undef: none has come in time.
sub hear {
	my ($self, $end) = @_;

	while ($self->{text} !~ /\0/) {
		my $ready = '';
		vec($ready, fileno $self->{out}, 1) = 1;
		return if time > $end;
		select($ready, undef, undef, 0.2) or next;
		sysread($self->{out}, $self->{text}, 1 << 20, length $self->{text}) or return;
	}
	$self->{text} =~ s/\A([^\0]*)\0//;
	return decode_json($1);
}

# A command, and its answer. What happens meanwhile is kept in {events}.
sub ask {
	my ($self, $method, %parameters) = @_;
	my $id  = ++$self->{n};
	my $end = time + $PATIENCE;

	syswrite $self->{in}, encode_json({ id => $id, method => $method, params => \%parameters,
		$self->{session} ? (sessionId => $self->{session}) : () }) . "\0";
	while (my $message = $self->hear($end)) {
		return $message->{result} // die "$method: $message->{error}{message}\n" if ($message->{id} // 0) == $id;
		push @{ $self->{events} }, $message if $message->{method};
	}
	die "$method: no answer\n";
}

sub go {
	my ($self, $url) = @_;
	$self->ask('Page.navigate', url => $url);
	return $self->wait_for('document.readyState === "complete"');
}

# The value of an expression of JavaScript.
sub value {
	my ($self, $expression) = @_;
	my $answer = $self->ask('Runtime.evaluate', expression => $expression, returnByValue => JSON::PP::true, awaitPromise => JSON::PP::true);
	die "$expression: $answer->{exceptionDetails}{exception}{description}\n" if $answer->{exceptionDetails};
	return $answer->{result}{value};
}

sub wait_for {
	my ($self, $expression, $limit) = @_;
	my $end = time + ($limit // 20) * ($ENV{TARBOOT_SLOW} || 1);

	while (time < $end) {
		my $value = $self->value($expression);
		return $value if $value;
		sleep 0.1;
	}
	return;
}

sub press {
	my ($self, $key, $code) = @_;
	my %key = (key => $key, code => $key, windowsVirtualKeyCode => $code, length $key == 1 ? (text => $key) : $key eq 'Enter' ? (text => "\r") : ());
	$self->ask('Input.dispatchKeyEvent', type => 'keyDown', %key);
	$self->ask('Input.dispatchKeyEvent', type => 'keyUp', %key);
	return;
}

# The bytes of a PNG.
sub picture {
	my ($self) = @_;
	require MIME::Base64;
	return MIME::Base64::decode_base64($self->ask('Page.captureScreenshot', format => 'png')->{data});
}

# Errors of the page: exceptions, and what the browser refused or could not load.
sub complaints {
	my ($self) = @_;
	$self->value('1');
	return map { $_->{method} eq 'Runtime.exceptionThrown' ? $_->{params}{exceptionDetails}{text}
		: $_->{method} eq 'Log.entryAdded' && $_->{params}{entry}{level} eq 'error' ? $_->{params}{entry}{text} : () } @{ $_[0]{events} };
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@, $!);
	kill KILL => $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

1;
