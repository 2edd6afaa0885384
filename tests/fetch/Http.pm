# An HTTP server that misbehaves as it is told, and the fetcher as its client: raw sockets on the loopback, on ports that the
# kernel chooses. TARBOOT_SLOW=N multiplies the time after which a fetcher that hangs is killed.
package Http;

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use POSIX qw(WNOHANG _exit);
use Socket qw(AF_UNIX SOCK_SEQPACKET PF_UNSPEC SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep time);

use Image;

our @EXPORT = qw(server requests head send_file send_all url_of start_fetch fetched fetch_variants reset_connection finish messages_of);

my $LIMIT = 60 * ($ENV{TARBOOT_SLOW} || 1);
my @SERVERS;
my $OWNER = $$;
END { local $?; if ($$ == $OWNER) { kill 'KILL', $_->{pid} for @SERVERS; waitpid $_->{pid}, 0 for @SERVERS } }

my @KINDS = qw(answered failed);
my @REASONS = qw(no-name no-route refused no-answer stalled cut status wrong-size no-file redirects long-headers not-http other);

# The builds of the fetcher: [name, program].
sub fetch_variants { return grep { -x $_->[1] } [musl => build_path('fetch')], [asan => build_path('asan/fetch')] }

# ---- server ----

# Answers each request by handler($socket, $request), one after the other; a true value keeps the connection open. $request
# has number (from 0, of the requests to this server), path, and header => value in lower case.
sub server {
	my ($handler, %o) = @_;
	my $listener = IO::Socket::IP->new(LocalHost => $o{host} // '127.0.0.1', LocalPort => 0, Listen => 16, ReuseAddr => 1)
		or return;
	my $log = scratch('requests-' . scalar @SERVERS);
	spew($log, '');
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
		$SIG{PIPE} = 'IGNORE';
		eval { _serve($listener, $handler, $log) };
		_exit(0);
	}
	my $server = { pid => $pid, port => $listener->sockport, log => $log, host => $o{host} // '127.0.0.1' };
	push @SERVERS, $server;
	return $server;
}

sub url_of {
	my ($server, $path) = @_;
	my $host = $server->{host} =~ /:/ ? "[$server->{host}]" : $server->{host};
	return "http://$host:$server->{port}" . ($path // '/f');
}

# The heads of all requests so far, as they came.
sub requests { my ($server) = @_; return split /\0/, slurp($server->{log}) }

sub _serve {
	my ($listener, $handler, $log) = @_;
	my $number = 0;
	while (my $socket = $listener->accept) {
		my $keep = 1;
		while ($keep) {
			my $head = '';
			while ($head !~ /\r\n\r\n\z/ && sysread $socket, my $byte, 1) { $head .= $byte }
			last unless $head =~ m{^GET (\S+) HTTP/1\.1\r\n};
			my %request = (number => $number++, path => "$1", map { /^([\w-]+): (.*)\r$/ ? (lc "$1", "$2") : () } split /\n/, $head);
			open my $file, '>>', $log or die "$log: $!";
			syswrite $file, "$head\0";
			close $file;
			$keep = $handler->($socket, \%request);
		}
		close $socket;
	}
	return;
}

# False when the client has gone.
sub send_all {
	my ($socket, $bytes) = @_;
	for (my $done = 0; $done < length $bytes;) {
		my $n = syswrite $socket, $bytes, length($bytes) - $done, $done;
		return 0 unless $n;
		$done += $n;
	}
	return 1;
}

# A head: status, then name => value.
sub head {
	my ($status, @headers) = @_;
	my $head = "HTTP/1.1 $status\r\n";
	while (my ($name, $value) = splice @headers, 0, 2) { $head .= "$name: $value\r\n" }
	return "$head\r\n";
}

# As a good server would, if not told otherwise: bytes => file, no_range => 1, etag, modified, cut => bytes of the body after
# which the connection ends, headers => [more].
sub send_file {
	my ($socket, $request, %o) = @_;
	my @headers = @{ $o{headers} // [] };
	my $size = length $o{bytes};
	my ($first, $last, $status) = (0, $size - 1, '200 OK');

	push @headers, 'ETag' => $o{etag} if $o{etag};
	push @headers, 'Last-Modified' => $o{modified} if $o{modified};
	my $same = !defined $request->{'if-range'} || grep { $_ eq $request->{'if-range'} } grep { defined } @o{qw(etag modified)};
	if (!$o{no_range} && $same && ($request->{range} // '') =~ /^bytes=(\d+)-(\d*)$/) {
		($first, $last) = ($1, $2 eq '' || $2 >= $size ? $size - 1 : $2);
		return send_all($socket, head('416 Range Not Satisfiable', 'Content-Range' => "bytes */$size")) && 0 if $first >= $size;
		$status = '206 Partial Content';
		push @headers, 'Content-Range' => "bytes $first-$last/$size";
	}
	my $body = substr $o{bytes}, $first, $last - $first + 1;
	send_all($socket, head($status, @headers, 'Content-Length' => length $body));
	return !defined $o{cut} ? send_all($socket, $body) : send_all($socket, substr $body, 0, $o{cut}) && 0;
}

# Ends a connection by RST.
sub reset_connection { my ($socket) = @_; setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'i2', 1, 0; return 0 }

# ---- fetcher ----

# Starts it: { pid, bytes, messages } with the ends of pipe and socket. environment => {}.
sub start_fetch {
	my ($program, $args, %o) = @_;
	pipe(my $bytes, my $out) or die "pipe: $!";
	socketpair(my $messages, my $theirs, AF_UNIX, SOCK_SEQPACKET, PF_UNSPEC) or die "socketpair: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
		%ENV = (%ENV, %{ $o{environment} // {} });
		# Leaks are looked for by a process that traces this one, which one that has given up its rights does not allow.
		$ENV{ASAN_OPTIONS} = 'detect_leaks=0';
		POSIX::dup2(fileno $theirs, 63);
		POSIX::dup2(fileno $out, 1);
		POSIX::dup2(63, 3);
		open STDERR, '>', scratch('stderr');
		POSIX::close($_) for 63;
		exec $program, @$args or _exit(127);
	}
	close $out;
	close $theirs;
	return { pid => $pid, bytes => $bytes, messages => $messages };
}

# What a packet says, as a readable line and as fields.
sub _message {
	my ($packet) = @_;
	my %m;
	@m{qw(kind url reason status size offset text proxy)} = unpack 'L4Q2Z192Z96', $packet;
	$m{size} = '?' if $m{size} == 18446744073709551615;
	$m{kind} = $KINDS[$m{kind}];
	$m{reason} = $m{kind} eq 'failed' ? $REASONS[$m{reason}] : '';
	return \%m;
}

# Reads until it ends, until it has said this many failures (tries => N), or given this many bytes (most => N); then it is
# killed. Adds got (bytes), said (messages), status (of exit, or "signal N").
sub finish {
	my ($f, %o) = @_;
	my $select = IO::Select->new($f->{bytes}, $f->{messages});
	my $end = time + $LIMIT;
	my $failures = 0;
	$f->{got} //= '';
	$f->{said} //= [];
	READ: while ($select->count && time < $end) {
		for my $handle ($select->can_read(1)) {
			my $n = sysread($handle, my ($data), $handle == $f->{bytes} ? 1 << 20 : 4096);
			if (!$n) { $select->remove($handle) }
			elsif ($handle == $f->{bytes}) { $f->{got} .= $data }
			else {
				push @{ $f->{said} }, _message($data);
				$failures++ if $f->{said}[-1]{kind} eq 'failed';
			}
		}
		last READ if $o{tries} && $failures >= $o{tries} || $o{most} && length $f->{got} >= $o{most};
	}
	$f->{is_late} = time >= $end;
	kill 'KILL', $f->{pid} if $select->count;
	waitpid $f->{pid}, 0;
	$f->{status} = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
	$f->{stderr} = slurp(scratch('stderr'));
	close $f->{bytes};
	close $f->{messages};
	return $f;
}

# Starts and finishes; args => [], URLs among them.
sub fetched { my ($program, $args, %o) = @_; return finish(start_fetch($program, $args, %o), %o) }

# One line for each message: kind, URL, reason, status, size, offset, text, proxy.
sub messages_of {
	my ($f) = @_;
	return join "\n", map { my $m = $_; join ' ', grep { $_ ne '' } @$m{qw(kind url reason status size offset text proxy)} } @{ $f->{said} };
}

1;
