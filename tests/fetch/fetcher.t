#!/usr/bin/perl
# The fetcher against servers that behave, and many that do not: what it writes is the file or nothing, what it says is why.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::RealBin/../boot", $FindBin::RealBin;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep);

use Http;
use Image;

srand 19;
my $FILE = join '', map { pack 'N', int rand 2**32 } 1 .. 100_000;    # 400,000 bytes
my $SIZE = length $FILE;
my ($ETAG, $DATE) = ('"one"', 'Sun, 29 Nov 2026 10:00:00 GMT');
my @QUICK = ('--wait=20');
my ($variant, $program);
my $is_root = $> == 0;

# What comes is the whole file from an offset on, as its digest tells, and the fetcher ends well.
sub is_file {
	my ($f, $offset, $name) = @_;
	is($f->{status}, 0, "$variant: $name: it ends by itself") or diag $f->{stderr};
	is(sha256_hex($f->{got}), sha256_hex(substr $FILE, $offset), "$variant: $name: the bytes");
	return;
}

sub says { my ($f, $want, $name) = @_; return is(messages_of($f), $want, "$variant: $name: messages") || diag $f->{stderr} }

# One server, one try that fails; nothing is written.
sub fails {
	my ($name, $handler, $want, @args) = @_;
	my $server = server($handler);
	my $f = fetched($program, [@QUICK, @args, url_of($server)], tries => 1);
	says($f, $want, $name);
	is(length $f->{got}, 0, "$variant: $name: no byte");
	return;
}

# A handler that gives each request to the next of some handlers, the last one several times.
sub in_turn { my @turns = @_; return sub { my ($s, $r) = @_; return $turns[$r->{number} < @turns ? $r->{number} : -1]->($s, $r) } }
sub good { my (%o) = @_; return sub { my ($s, $r) = @_; return send_file($s, $r, bytes => $FILE, %o) } }
sub raw { my @pieces = @_; return sub { my ($s) = @_; send_all($s, $_) for @pieces; return 0 } }
sub chunked { return join '', map({ sprintf("%x\r\n%s\r\n", length $_, $_) } @_), "0\r\n\r\n" }
sub header { my ($request, $name) = @_; return $request =~ /^\Q$name\E: (.*)\r$/m ? $1 : undef }

sub check_good_servers {
	my $server = server(good(etag => $ETAG));
	my $f = fetched($program, [url_of($server, '/a/../f?x=%20')], environment => { http_proxy => 'http://127.0.0.1:1' });
	is_file($f, 0, 'whole file');
	says($f, "answered 0 200 $SIZE 0 $ETAG", 'whole file');
	my ($request) = requests($server);
	is($request =~ s/^Host: .*\n//mr, "GET /a/../f?x=%20 HTTP/1.1\r\nUser-Agent: tarboot/0.1.0\r\nAccept: */*\r\n\r\n", "$variant: the request");

	$server = server(good(etag => $ETAG));
	is_file(fetched($program, ["--size=$SIZE", "--end=$SIZE", url_of($server)]), 0, 'with its size');
	is(header((requests($server))[0], 'Range'), undef, "$variant: no Range for a whole file");
	is_file(fetched($program, ['--offset=1234', "--validator=$ETAG", url_of($server)]), 1234, 'from an offset');
	is(header((requests($server))[1], 'Range'), 'bytes=1234-', "$variant: Range");
	is(header((requests($server))[1], 'If-Range'), $ETAG, "$variant: If-Range");
	$f = fetched($program, ['--offset=1234', '--end=5678', url_of($server)]);
	is($f->{status}, 0, "$variant: a part: it ends by itself");
	ok($f->{got} eq substr($FILE, 1234, 5678 - 1234), "$variant: a part: its bytes");
	says($f, "answered 0 206 $SIZE 1234 $ETAG", 'a part');
	is(header((requests($server))[2], 'Range'), 'bytes=1234-5677', "$variant: a part: Range");
	is(header((requests($server))[2], 'If-Range'), undef, "$variant: no If-Range without a validator");
	$f = fetched($program, ["--offset=$SIZE", url_of($server)]);
	is("$f->{status} $f->{got}", '0 ', "$variant: from its end: nothing, and all is well");
	$f = fetched($program, ["--offset=$SIZE", "--size=$SIZE", 'http://127.0.0.1:1/']);
	is("$f->{status} $f->{got}", '0 ', "$variant: nobody is asked for nothing");

	$f = fetched($program, [url_of(server(sub { my ($s, $r) = @_; return send_file($s, $r, bytes => '') }))]);
	is("$f->{status} $f->{got}", '0 ', "$variant: an empty file");
	my $five = 5 << 30;
	$f = fetched($program, ['--offset=' . ($five - 3), url_of(server(raw(head('206 Partial Content', 'Content-Length' => 3,
		'Content-Range' => 'bytes ' . ($five - 3) . '-' . ($five - 1) . "/$five") . 'end')))]);
	is("$f->{status} $f->{got}", '0 end', "$variant: behind 4 GiB");
	is_file(fetched($program, [url_of(server(good(headers => ['Content-Encoding' => 'x-xz', 'Content-Type' => 'text/htm'])))]), 0,
		'what Apache says of an .xz');
	my $six = server(good(), host => '::1');
	SKIP: { skip 'no IPv6', 2 unless $six; is_file(fetched($program, [url_of($six)]), 0, 'IPv6') }
	return;
}

sub check_lengths {
	my $no_range = good(no_range => 1);
	is_file(fetched($program, ['--offset=300000', url_of(server($no_range))]), 300_000, 'no Range: skipped over');
	my $f = fetched($program, ['--offset=1000', '--end=1500', "--size=$SIZE", url_of(server($no_range))]);
	ok("$f->{status} $f->{got}" eq '0 ' . substr($FILE, 1000, 500), "$variant: no Range: and stopped");

	my @pieces = map { substr $FILE, $_ * 50_000, 50_000 } 0 .. 7;
	my $chunks = head('200 OK', 'Transfer-Encoding' => 'chunked', 'Content-Length' => 7);
	is_file(fetched($program, [url_of(server(raw($chunks . chunked(@pieces))))]), 0, 'chunked');
	$f = fetched($program, ["--size=$SIZE", '--offset=77', url_of(server(raw($chunks . chunked(@pieces))))]);
	is_file($f, 77, 'chunked, size known');
	says($f, 'answered 0 200 ? 77', 'chunked, size known');
	$f = fetched($program, [@QUICK, "--size=$SIZE", url_of(server(raw($chunks . chunked(@pieces, 'x'))))], tries => 1);
	is(length $f->{got}, $SIZE - 1, "$variant: chunked, too long: the last byte waits for the end");
	says($f, "answered 0 200 ? 0\nfailed 0 wrong-size 200 ? " . ($SIZE - 1), 'chunked, too long');
	$f = fetched($program, [@QUICK, "--size=$SIZE", url_of(server(raw($chunks . chunked(@pieces[0 .. 6]))))], tries => 1);
	says($f, "answered 0 200 ? 0\nfailed 0 wrong-size 200 350000 350000", 'chunked, too short');
	$f = fetched($program, [@QUICK, url_of(server(in_turn(raw($chunks . substr chunked(@pieces), 0, 150_000), good())))]);
	is_file($f, 0, 'chunked, cut');
	is($f->{said}[1]{reason}, 'cut', "$variant: chunked, cut: reason");

	is_file(fetched($program, [url_of(server(raw("HTTP/1.0 200 OK\r\n\r\n", $FILE)))]), 0, 'HTTP/1.0 without a length');
	$f = fetched($program, [@QUICK, "--size=$SIZE", url_of(server(in_turn(raw("HTTP/1.0 200 OK\r\n\r\n", substr $FILE, 0, 100), good())))]);
	is_file($f, 0, 'HTTP/1.0, cut');
	says($f, "answered 0 200 ? 0\nfailed 0 cut 200 ? 100\nanswered 0 206 $SIZE 100", 'HTTP/1.0, cut');
	is_file(fetched($program, [url_of(server(raw(head('200 OK', 'Content-Length' => $SIZE), $FILE, 'more')))]), 0, 'more than the length');

	my $longer = $SIZE + 1;
	my $wrong = sub { raw(head('200 OK', 'Content-Length' => $_[0]), $FILE) };
	fails('longer than asked for', $wrong->($longer), "failed 0 wrong-size 200 $longer 0", "--size=$SIZE");
	fails('shorter than asked for', $wrong->(5), 'failed 0 wrong-size 200 5 0', "--size=$SIZE");
	$f = fetched($program, ['--end=6', url_of(server(raw(head('200 OK', 'Content-Length' => 5), 'small')))]);
	is("$f->{status} $f->{got}", '0 small', "$variant: a file that ends before the part that is wanted");
	my $small = sub { my (%o) = @_; return sub { my ($s, $r) = @_; return send_file($s, $r, bytes => 'small', %o) } };
	for (['cut', [$small->(cut => 3), $small->()], 1, "answered 0 206 5 0\nfailed 0 cut 206 5 3\nanswered 0 206 5 3"],
		['in chunks', [raw($chunks . chunked('small'))], 0, 'answered 0 200 ? 0'],
		['without a length', [raw("HTTP/1.0 200 OK\r\n\r\n", 'small')], 1, "answered 0 200 ? 0\nfailed 0 cut 200 ? 5\nanswered 0 200 ? 5"],
		['without a length, and empty', [raw("HTTP/1.0 200 OK\r\n\r\n"), $small->()], 1, "answered 0 200 ? 0\nfailed 0 cut 200 ? 0\nanswered 0 206 5 0"],
		['without a length, and cut', [raw("HTTP/1.0 200 OK\r\n\r\n", 'sma'), $small->()], 1, "answered 0 200 ? 0\nfailed 0 cut 200 ? 3\nanswered 0 206 5 3"]) {
		my ($name, $turns, $failures, $messages) = @$_;
		$f = fetched($program, [@QUICK, '--end=65536', url_of(server(in_turn(@$turns)))], tries => $failures + 1);
		is("$f->{status} $f->{got}", '0 small', "$variant: a file that ends before the part that is wanted, $name");
		says($f, $messages, "a file that ends before the part that is wanted, $name");
	}
	fails('ends before the end, and did not', $wrong->(5), 'failed 0 wrong-size 200 5 3 it changed', '--offset=3', '--end=6');
	fails('416', good(), "failed 0 wrong-size 416 $SIZE " . ($SIZE + 1) . ' it changed', "--offset=$longer");
	fails('416, size known', good(), "failed 0 wrong-size 416 $SIZE " . ($SIZE + 1), "--offset=$longer", '--size=500000');
	return;
}

sub check_resumption {
	my $server = server(in_turn(good(cut => 1000, etag => $ETAG), good(cut => 2000, etag => $ETAG), good(etag => $ETAG)));
	my $f = fetched($program, [@QUICK, url_of($server)]);
	is_file($f, 0, 'cut twice');
	says($f, "answered 0 200 $SIZE 0 $ETAG\nfailed 0 cut 200 $SIZE 1000\nanswered 0 206 $SIZE 1000 $ETAG\n"
		. "failed 0 cut 206 $SIZE 3000\nanswered 0 206 $SIZE 3000 $ETAG", 'cut twice');
	is_deeply([map { scalar header($_, 'Range') } requests($server)], [undef, 'bytes=1000-', 'bytes=3000-'], "$variant: cut twice: Range");
	is_deeply([map { scalar header($_, 'If-Range') } requests($server)], [undef, $ETAG, $ETAG], "$variant: cut twice: If-Range");

	$server = server(in_turn(good(cut => 1000, etag => 'W/"weak"', modified => $DATE), good(etag => 'W/"weak"', modified => $DATE)));
	is_file(fetched($program, [@QUICK, url_of($server)]), 0, 'a weak ETag');
	is(header((requests($server))[1], 'If-Range'), $DATE, "$variant: a weak ETag: the date is asked for");

	my @changed = (good(cut => 1000, etag => $ETAG), good(etag => '"two"'));
	$f = fetched($program, [@QUICK, url_of(server(in_turn(@changed)))], tries => 3);
	says($f, "answered 0 200 $SIZE 0 $ETAG\nfailed 0 cut 200 $SIZE 1000" . "\nfailed 0 wrong-size 200 ? 1000 it changed" x 2, 'changed');
	is(length $f->{got}, 1000, "$variant: changed: nothing of the other file is mixed in");
	is_file(fetched($program, [@QUICK, "--size=$SIZE", url_of(server(in_turn(@changed)))]), 0, 'changed, but of the size that is known');
	$f = fetched($program, [@QUICK, url_of(server(in_turn(good(cut => 1000), sub { my ($s, $r) = @_;
		return send_file($s, $r, bytes => "${FILE}x") })))], tries => 2);
	says($f, "answered 0 200 $SIZE 0\nfailed 0 cut 200 $SIZE 1000\nfailed 0 wrong-size 206 400001 1000 it changed", 'another size');
	$f = fetched($program, [@QUICK, url_of(server(in_turn(good(cut => 0, etag => $ETAG), sub { my ($s, $r) = @_;
		return send_file($s, $r, bytes => 'new', etag => '"two"') })))]);
	is("$f->{status} $f->{got}", '0 new', "$variant: changed before its first byte: no harm");

	$f = fetched($program, [@QUICK, url_of(server(in_turn((sub { return reset_connection($_[0]) }) x 2, good())))]);
	is_file($f, 0, 'reset twice');
	says($f, "failed 0 cut ? 0\nfailed 0 cut ? 0\nanswered 0 200 $SIZE 0" =~ s/cut \?/cut 0 ?/gr, 'reset twice');

	my $slow = server(sub { my ($s, $r) = @_; send_all($s, head('200 OK', 'Content-Length' => $SIZE, ETag => $ETAG) . substr $FILE, 0, 70_000);
		sleep 60; return 0 });
	my $killed = fetched($program, [url_of($slow)], most => 70_000);
	is("$killed->{status} " . length $killed->{got}, 'signal 9 70000', "$variant: it is killed in mid-file");
	my $rest = fetched($program, ["--offset=70000", "--validator=$killed->{said}[0]{text}", url_of(server(good(etag => $ETAG)))]);
	is_file({ %$rest, got => $killed->{got} . $rest->{got} }, 0, 'killed and started again');
	return;
}

sub check_mirrors {
	my $dead = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
	my $port = $dead->sockport;
	close $dead;
	my @mirrors = (server(good(cut => 1000, etag => $ETAG)), server(good(etag => '"other"')));
	my $f = fetched($program, [@QUICK, "http://127.0.0.1:$port/f", map { url_of($_) } @mirrors]);
	is_file($f, 0, 'the third mirror');
	says($f, "failed 0 refused 0 ? 0\nanswered 1 200 $SIZE 0 $ETAG\nfailed 1 cut 200 $SIZE 1000\nanswered 2 206 $SIZE 1000 \"other\"",
		'three mirrors');
	is(header((requests($mirrors[1]))[0], 'If-Range'), undef, "$variant: another server is not asked for this one's validator");
	$f = fetched($program, [@QUICK, "http://127.0.0.1:$port/f"], tries => 4);
	says($f, join("\n", ('failed 0 refused 0 ? 0') x 4), 'it tries again');
	return;
}

sub check_wrong_answers {
	for my $status ('404 Not Found', '403 Forbidden', '500 x', '204 No Content', '101 Switching Protocols', '304 Not Modified', '302 Found') {
		my ($number) = $status =~ /^(\d+)/;
		fails($status, raw(head($status) . 'text'), "failed 0 status $number ? 0");
	}
	my $f = fetched($program, [@QUICK, url_of(server(in_turn((raw(head('503 Service Unavailable', 'Content-Length' => 4) . 'busy')) x 2, good())))]);
	is_file($f, 0, '503, then 200');
	says($f, "failed 0 status 503 ? 0\n" x 2 . "answered 0 200 $SIZE 0", '503, then 200');

	my @page = ('Content-Type' => 'text/html; charset=utf-8');
	fails('a page', raw(head('200 OK', @page) . '<html>'), 'failed 0 no-file 200 ? 0 text/html; charset=utf-8');
	fails('a page of another size', raw(head('200 OK', @page, 'Content-Length' => 6) . '<html>'),
		'failed 0 no-file 200 6 0 text/html; charset=utf-8', "--size=$SIZE");
	is_file(fetched($program, ["--size=$SIZE", url_of(server(good(headers => \@page)))]), 0, 'a page of the right size');

	my $other = 'failed 0 not-http 206 ? 10 it sends another part of the file than was asked for';
	fails("Content-Range: $_", raw(head('206 Partial Content', 'Content-Length' => 3, 'Content-Range' => $_) . 'abc'), $other, '--offset=10')
		for 'bytes 11-13/400000', 'bytes 0-2/400000', 'bytes 10-12/12', 'bytes 12-10/400000', 'bytes */400000', 'lines 10-12/400000',
			'bytes 10-18446744073709551616/400000', 'bytes 10-12', 'bytes 10-12/400000x', '';
	fails('a part in parts', raw(head('206 Partial Content', 'Content-Type' => 'multipart/byteranges; boundary=x') . '--x'), $other, '--offset=10');
	fails('a part that nobody asked for', raw(head('206 Partial Content', 'Content-Range' => 'bytes 0-2/3') . 'abc'),
		$other =~ s/10/0/r);
	fails('more than was asked for', raw(head('206 Partial Content', 'Content-Range' => 'bytes 10-20/400000') . 'x' x 11), $other,
		'--offset=10', '--end=20');
	is_file(fetched($program, [@QUICK, '--offset=10', url_of(server(in_turn(raw(head('206 Partial Content',
		'Content-Range' => "bytes 10-12/$SIZE", 'Content-Length' => 3) . substr $FILE, 10, 3), good())))]), 10, 'less than was asked for');

	fails('SSH', raw("SSH-2.0-OpenSSH_9.2\r\n"), "failed 0 not-http 0 ? 0 Received HTTP/0.9 when not allowed");
	fails('junk', raw("\0\1\2\xff" x 100), "failed 0 not-http 0 ? 0 Received HTTP/0.9 when not allowed");
	fails('a version of its own', raw("HTTP/7.1 200 OK\r\n\r\n"), 'failed 0 not-http 0 ? 0 Unsupported HTTP version in response');
	fails('a version and a status of its own', raw("HTTP/3.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", 'x'), 'failed 0 not-http 100 ? 0');
	fails('an encoding that nobody asked for', raw(head('200 OK', 'Transfer-Encoding' => 'gzip') . 'x'),
		'failed 0 not-http 200 ? 0 Unsolicited Transfer-Encoding (gzip) found');
	fails('nothing', raw(), 'failed 0 cut 0 ? 0');
	fails('half a head', raw("HTTP/1.1 200 OK\r\nContent-"), 'failed 0 cut 200 ? 0');
	return;
}

sub check_redirects {
	my $steps = sub { my ($n) = @_; return in_turn((raw(head('302 Found', Location => '../x/./f', 'Content-Length' => 9) . 'elsewhere')) x $n, good()) };
	my $server = server($steps->(5));
	is_file(fetched($program, [url_of($server)]), 0, 'five redirects');
	is_deeply([map { /^GET (\S+)/ } requests($server)], ['/f', ('/x/f') x 5], "$variant: relative ones");
	my $target = server(good());
	is_file(fetched($program, [url_of(server(raw(head('301 Moved', Location => url_of($target)))))]), 0, 'to another server');
	fails('a circle', raw(head('302 Found', Location => '/f')), 'failed 0 redirects 302 ? 0 /f');
	for my $to ('https://127.0.0.1/f', 'file:///etc/shadow', 'ftp://127.0.0.1/f', '', 'http://', 'x' x 3000) {
		my $text = length $to < 2000 && length $to ? " $to" : '';
		fails("to '" . substr($to, 0, 20) . "'", raw(head('302 Found', Location => $to)), "failed 0 redirects 302 ? 0$text");
	}
	return;
}

sub check_endless {
	my $endless = sub { my ($start, $again) = @_; my $much = $again x (1 + 65536 / length $again);
		return sub { my ($s) = @_; send_all($s, $start); 1 while send_all($s, $much); return 0 } };
	fails('headers', $endless->("HTTP/1.1 200 OK\r\n", "X-Header: value\r\n"), 'failed 0 long-headers 200 ? 0');
	fails('one header', $endless->("HTTP/1.1 200 OK\r\nX-Header: ", 'value'), 'failed 0 long-headers 200 ? 0');
	fails('a header in lines', $endless->("HTTP/1.1 200 OK\r\nX-Header: ", "value\r\n "), 'failed 0 long-headers 200 ? 0');
	fails('continuations', $endless->('', "HTTP/1.1 100 Continue\r\n\r\n"), 'failed 0 long-headers 100 ? 0');
	fails('a status line', $endless->('', 'HTTP/1.1 200 OK'), 'failed 0 long-headers 0 ? 0');
	fails('headers of redirects', raw(head('302 Found', Location => '/f', map { ("X-$_" => 'x' x 60_000) } 1 .. 1)), 'failed 0 long-headers 302 ? 0');

	my $dribble = sub { my ($start, $byte) = @_; return sub { my ($s) = @_; send_all($s, $start); sleep 0.1 while send_all($s, $byte); return 0 } };
	my $f = fetched($program, [@QUICK, '--stall-timeout=500', url_of(server($dribble->(head('200 OK', 'Content-Length' => $SIZE), 'x')))], tries => 1);
	is($f->{said}[1]{reason}, 'stalled', "$variant: a byte now and then");
	fails('a byte of the head now and then', $dribble->('HTTP/1.1 200 OK', 'x'), 'failed 0 no-answer 0 ? 0', '--response-timeout=500');
	fails('continuations now and then', $dribble->('', "HTTP/1.1 100 Continue\r\n\r\n"), 'failed 0 no-answer 100 ? 0', '--response-timeout=500');
	fails('silence', sub { sleep 60 }, 'failed 0 no-answer 0 ? 0', '--response-timeout=500');
	return;
}

# A pipe that nobody reads for longer than a server may be silent.
sub check_patience {
	my $server = server(sub { my ($s, $r) = @_; return send_file($s, $r, bytes => $FILE x 20) });
	my $f = start_fetch($program, ['--stall-timeout=300', url_of($server)]);
	sleep 2;
	finish($f);
	is($f->{status}, 0, "$variant: a reader that takes its time: it ends by itself");
	ok($f->{got} eq $FILE x 20, "$variant: a reader that takes its time: the bytes");
	says($f, 'answered 0 200 8000000 0', 'a reader that takes its time');

	for my $what (qw(bytes messages)) {
		my $forever = server(sub { my ($s) = @_; send_all($s, head('200 OK')); sleep 600; return 0 });
		$f = start_fetch($program, [url_of($forever)]);
		sleep 0.3;
		close $f->{$what};
		waitpid $f->{pid}, 0;
		is($? >> 8, 1, "$variant: nobody takes $what: it ends");
	}
	return;
}

sub check_proxy {
	my $proxy = server(good());
	is_file(fetched($program, ["--proxy=http://127.0.0.1:$proxy->{port}", 'http://server.invalid/f']), 0, 'a proxy');
	like((requests($proxy))[0], qr{^GET http://server\.invalid/f HTTP/1\.1\r\n}, "$variant: a proxy is asked for the whole URL");
	is_file(fetched($program, ['--proxy=environment', 'http://server.invalid/f'], environment => { http_proxy => "http://127.0.0.1:$proxy->{port}" }), 0, "the environment's proxy");
	# A password before an @ is told to nobody.
	my %where = (given => ['--proxy=http://127.0.0.1:1'], http_proxy => 'http://me:s3cret@127.0.0.1:1/', all_proxy => '127.0.0.1:1');
	for my $name (sort keys %where) {
		my $given = ref $where{$name};
		says(fetched($program, [@QUICK, $given ? @{ $where{$name} } : '--proxy=environment', 'http://server.invalid/f'], tries => 1,
			environment => $given ? {} : { $name => $where{$name} }), 'failed 0 refused 0 ? 0 127.0.0.1:1', "a proxy that is not there ($name)");
	}
	says(fetched($program, [@QUICK, '--proxy=http://proxy.invalid:3128', 'http://server.invalid/f'], tries => 1),
		'failed 0 no-name 0 ? 0 proxy.invalid:3128', 'a proxy whose name nobody knows');
	my $server = server(good());
	is_file(fetched($program, ['--proxy=environment', url_of($server, '/f')], environment => { http_proxy => 'http://127.0.0.1:1', no_proxy => '127.0.0.1' }), 0, 'none for this server');
	return;
}

# As root: in its own directory, where no name server is known that answers.
sub check_confinement {
	my $root = public("root-$variant");
	run('mkdir', '-p', "$root/etc");
	spew("$root/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
	my $f = fetched($program, [@QUICK, "--chroot=$root", 'http://server.invalid/f'], tries => 1);
	says($f, 'failed 0 no-name 0 ? 0', 'a name that nobody knows');

	$f = start_fetch($program, ["--chroot=$root", url_of(server(sub { my ($s) = @_; send_all($s, head('200 OK') . 'x'); sleep 600 }))]);
	sysread $f->{bytes}, my $byte, 1;
	my $status = slurp("/proc/$f->{pid}/status");
	is_deeply([$status =~ /^(?:Uid|Gid):\s+(.*)$/gm], [("65534\t65534\t65534\t65534") x 2], "$variant: it is nobody");
	is_deeply([map { s/\s+$//r } $status =~ /^(?:Groups|CapInh|CapPrm|CapEff|CapAmb|NoNewPrivs):[ \t]*(.*)$/gm],
		['', ('0' x 16) x 4, 1], "$variant: it has no groups and no capabilities");
	is(readlink "/proc/$f->{pid}/root", $root, "$variant: it sees its directory");
	is(scalar(grep { $_ > 3 && readlink("/proc/$f->{pid}/fd/$_") !~ /^socket:/ } map { m{(\d+)$} } glob "/proc/$f->{pid}/fd/*"), 0,
		"$variant: it has no other files");
	kill 'KILL', $f->{pid};
	waitpid $f->{pid}, 0;
	return;
}

# It dies with who started it.
sub check_orphan {
	my $server = server(sub { my ($s) = @_; send_all($s, head('200 OK') . 'x'); sleep 600 });
	pipe(my $from, my $to) or die "pipe: $!";
	my $starter = fork // die "fork: $!";
	if ($starter == 0) {
		my $f = start_fetch($program, [url_of($server)]);
		sysread $f->{bytes}, my $byte, 1;
		syswrite $to, "$f->{pid}\n";
		kill 'KILL', $$;
	}
	close $to;
	my $pid = <$from> + 0;
	waitpid $starter, 0;
	my $is_gone;
	for (1 .. 100) {
		my $state = -e "/proc/$pid/stat" ? slurp("/proc/$pid/stat") : '';
		last if $is_gone = $state eq '' || $state =~ /\) Z /;
		sleep 0.1;
	}
	ok($is_gone, "$variant: it dies with who started it");
	return;
}

sub check_usage {
	my $f = fetched($program, []);
	is("$f->{status} $f->{stderr}", "2 fetch: the command line: no URL is there\n", "$variant: no URL");
	for my $option ('--ofset=1', '--offset', '--offset=', '--offset=-1', '--offset=1x', '--size=9223372036854775808', '--stall-timeout=3600001',
		'--validator=' . 'x' x 192, "--validator=a\nb", '--proxy=', '--', '-x') {
		$f = fetched($program, [$option, 'http://127.0.0.1:1/']);
		my $shown = $option =~ s/\n/\\012/r;
		my $why = $option eq '-x' ? 'it is no URL' : 'it is no option with a value that is possible';
		like("$f->{status} $f->{stderr}", qr/^2 fetch: \Q@{[substr $shown, 0, 180]}\E.*: $why\n\z/, "$variant: " . substr $shown, 0, 30);
	}
	$f = fetched($program, ['https://server/f']);
	is("$f->{status} $f->{stderr}", "2 fetch: https://server/f: https: is not supported\n", "$variant: https:");
	$f = fetched($program, ['--proxy=socks5://server', 'http://server/f']);
	is("$f->{status} $f->{stderr}", "2 fetch: socks5://server: only http:// is supported\n", "$variant: another proxy");
	$f = fetched($program, [('http://server/') x 17]);
	is("$f->{status} $f->{stderr}", "2 fetch: http://server/: there may be 16 URLs\n", "$variant: 17 URLs");
	is(`$program http://127.0.0.1:1/ 2>&1 3>&-` . ($? >> 8), "fetch: descriptor 3: nobody gave one for messages\n2", "$variant: no descriptor");
	return;
}

for (fetch_variants()) {
	($variant, $program) = @$_;
	check_good_servers();
	check_lengths();
	check_resumption();
	check_mirrors();
	check_wrong_answers();
	check_redirects();
	check_endless();
	check_patience();
	check_proxy();
	check_orphan();
	SKIP: { skip 'only root can give up rights', 6 unless $is_root; check_confinement() }
	check_usage();
}
done_testing;
