#!/usr/bin/perl
# `tarboot unpack URL DIR` and `tarboot verify URL`: with a manifest beside the file, without, from mirrors of which one is wrong,
# and what is said when it fails. The server is here, on the loopback; tests/fetch has the fetcher itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);

need_programs(qw(busybox tar xz zstd));
my $fetcher = build_path('fetch');
die "$fetcher: not built\n" unless -x $fetcher;

# ---- a server ----

# By path: what is sent. slow: the first so many bytes, and then nothing.
my (%files, %slow);
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20, ReuseAddr => 1) or die "listen: $!";
my $port   = $listen->sockport;
my $BASE   = "http://127.0.0.1:$port";

sub answer {
	my ($client) = @_;
	local $/ = "\r\n\r\n";
	while (defined(my $request = <$client>)) {
		my ($path) = $request =~ m{^GET (\S+) } or return;
		my $data = $files{$path};
		my ($from, $to) = $request =~ /^Range: bytes=(\d+)-(\d*)/mi;
		if (!defined $data) {
			print $client "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnone\n";
			next;
		}
		my $size = length $data;
		$to = $size - 1 if !defined $to || $to eq '';
		my $rest = substr $data, $from // 0, $to + 1 - ($from // 0);
		print $client defined $from ? "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes $from-$to/$size\r\n" : "HTTP/1.1 200 OK\r\n",
			"Accept-Ranges: bytes\r\nETag: \"1\"\r\nContent-Type: application/octet-stream\r\nContent-Length: ", length $rest, "\r\n\r\n";
		if ($slow{$path}) {
			print $client substr $rest, 0, $slow{$path};
			$client->flush;
			sleep 60;
		}
		print $client $rest;
		$client->flush;
	}
	return;
}

my $server;

sub serve {
	$server = fork // die "fork: $!";
	return if $server;
	$SIG{CHLD} = 'IGNORE';
	$SIG{TERM} = 'DEFAULT';
	while (my $client = $listen->accept) {
		my $pid = fork // POSIX::_exit(1);
		next if $pid;
		$SIG{PIPE} = 'DEFAULT';
		alarm 90;
		answer($client);
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}

END { local $?; kill 'TERM', $server if $server }

# ---- what it has ----

my $root = tiny_root('root', sub { spew("$_[0]/random", run('head', '-c', 18_000_000, '/dev/urandom')); spew("$_[0]/etc/word", 'word') });
my $image = scratch('image');
run(build_path('tarboot'), 'pack', $root, '-o', $image, qw(--level=fast --kernel=none --no-shell));
my %have     = map { $_->{name} => $_->{data} } newc_read($image);
my $payload  = $have{'rootfs.tar.xz'};
my $manifest = $have{'tarboot/manifest'};
my @blocks   = $manifest =~ /^block=(\d+ \d+) /mg;
cmp_ok(@blocks, '>=', 2, 'there are Blocks');
my ($offset, $bytes) = split / /, $blocks[1];
my $wrong = $payload;
substr($wrong, $offset + 1000, 1) ^= "\1";
my $outside = $payload;
substr($outside, -1, 1) ^= "\1";
%files = (
	'/root.tar.xz'         => $payload, '/root.tar.xz.manifest' => $manifest,
	'/wrong/root.tar.xz'   => $wrong, '/wrong/root.tar.xz.manifest' => $manifest,
	'/bare/root.tar.xz'    => $payload, '/image' => slurp($image), '/bare/wrong.tar.xz' => $wrong,
	'/cut/root.tar.xz'     => substr($payload, 0, -100), '/cut/root.tar.xz.manifest' => $manifest,
	'/old/root.tar.xz'     => $payload, '/old/root.tar.xz.manifest' => 'payload-bytes=' . length($payload) . "\n",
	'/outside/root.tar.xz' => $outside, '/outside/root.tar.xz.manifest' => $manifest =~ s/\nblock=\d\K\d/0/r,
	'/only.manifest'       => $manifest, '/junk' => $payload, '/junk.manifest' => "<html>\n",
	'/slow/root.tar.xz'    => $payload, '/slow/root.tar.xz.manifest' => $manifest,
	'/changed/root.tar.xz' => $payload, '/changed/root.tar.xz.manifest' => $manifest =~ s/^members=\K/1/mr);
%slow = ('/slow/root.tar.xz' => 1_000_000);
$files{"http://server.invalid$_"} = $files{$_} for '/root.tar.xz', '/root.tar.xz.manifest';

# Layers as anybody makes them: no Block says its size. `netboot` publishes them as they are.
my $stream = scratch('stream.img');
my @layers = (scratch('layer.tar.zst'), scratch('layer.tar.xz'));
run("tar -C '$root' -cf - . | zstd -q >'$layers[0]'");
run("tar -C '$root' --exclude ./random -cf - . | xz -T1 -0 >'$layers[1]'");
tarboot('pack', $root, '-o', $stream, qw(--level=fast --kernel=none --no-shell --stream --modules none));
spew("$stream.vmlinuz", bzimage('6.1', 'kernel'));
tarboot('netboot', $stream, '-o', scratch('site'), qw(--server 10.7.0.1 --subnet 10.7.0.0/24 --stream), map { ('--layer', $_) } @layers);
$files{m{(/layer-[^/]*)$} && $1} = slurp($_) for glob(scratch('site') . '/http/images/stream/current/layer-*');
serve();
delete @ENV{qw(http_proxy no_proxy all_proxy NO_PROXY ALL_PROXY)};

my $file   = spew(scratch('root.tar.xz'), $payload);
my $before = new_dir();
run(build_path('tarboot'), 'unpack', $file, $before);
my $tree = treelist($before);

sub command_of {
	my ($name, $build) = @_;
	my $dir = new_dir();
	run('cp', $build, "$dir/tarboot");
	run('cp', $fetcher, build_path('init'), $dir);
	return "$dir/tarboot";
}

for my $variant (grep { $_->[0] ne 'tsan' } variants()) {
	my ($name, $build) = @$variant;
	my $tarboot = command_of($name, $build);

	subtest "$name: while it arrives" => sub {
		my $dir = new_dir();
		my $r   = try($tarboot, 'unpack', "$BASE/root.tar.xz", $dir);
		is_quiet($r, 'unpacked');
		like($r->{out}, qr/^unpacked: \d+\.\d MiB, \d+ members, @{[ scalar @blocks ]} blocks, /, 'what was done');
		same_tree(treelist($dir), $tree, 'the same as from the file');
		$r = try($tarboot, 'verify', "$BASE/root.tar.xz");
		is_quiet($r, 'verified');
		like($r->{out}, qr/^whole: .*\nmemory: .*\ndigests: right: manifest, each Block\n\z/, 'what was checked');
		is(try($tarboot, 'verify', '-q', "$BASE/root.tar.xz")->{out}, '', '--quiet says nothing');
	};
	for my $layer ('layer-1.tar.zst', 'layer-2.tar.xz') {
		subtest "$name: $layer, whose Blocks do not say their sizes" => sub {
			my $r = try($tarboot, 'verify', "$BASE/$layer");
			is_quiet($r, 'verified');
			like($r->{out}, qr/^digests: right: manifest, each Block$/m, 'by its manifest');
			my ($dir, $before) = (new_dir(), new_dir());
			is_quiet(try($tarboot, 'unpack', "$BASE/$layer", $dir), 'unpacked');
			run('tar', '-C', $before, '--numeric-owner', '-xpf', scratch($layer =~ s/-\d//r));
			same_tree(treelist($dir), treelist($before), 'as by tar');
		};
	}
	subtest "$name: without a manifest" => sub {
		my $says = sub {
			my ($url, $why) = @_;
			$why //= 'the server does not have it (404)';
			return "tarboot: warning: $url.manifest: $why, so the whole file is fetched before anything of it is checked: `tarboot netboot --stream` publishes a manifest\n";
		};
		my $dir = new_dir();
		my $r = try($tarboot, 'unpack', "$BASE/bare/root.tar.xz", $dir);
		is("$r->{exit} $r->{err}", '0 ' . $says->("$BASE/bare/root.tar.xz"), 'unpacked, with a warning');
		same_tree(treelist($dir), $tree, 'the same as from the file');
		$r = try($tarboot, 'verify', "$BASE/old/root.tar.xz");
		is("$r->{exit} $r->{err}", '0 ' . $says->("$BASE/old/root.tar.xz", 'it lists no Blocks'), 'with one of an older tarboot');
		$r = try($tarboot, 'verify', "$BASE/image");
		is("$r->{exit} $r->{err}", '0 ' . $says->("$BASE/image"), 'an image is verified');
		like($r->{out}, qr/^digests: right: manifest, boot part, each Block and the whole payload$/m, 'with its boot part');
		$r = try($tarboot, 'verify', "$BASE/bare/wrong.tar.xz");
		is($r->{exit}, 1, 'a damaged one: exit');
		like($r->{err}, qr{^tarboot: \Q$BASE\E/bare/wrong\.tar\.xz: Block 2 \(byte $offset\) is damaged[^\n]*\n  }m, 'and message');
	};
	subtest "$name: mirrors" => sub {
		my $dir = new_dir();
		my $r = try($tarboot, 'unpack', "$BASE/wrong/root.tar.xz,$BASE/root.tar.xz", $dir);
		is($r->{exit}, 0, 'one with a wrong Block');
		is($r->{err}, "tarboot: warning: Block 2 is wrong from $BASE/wrong/root.tar.xz: it is fetched again from the next server\n", 'is told');
		same_tree(treelist($dir), $tree, 'the tree is right');
		$r = try($tarboot, 'verify', "$BASE/outside/root.tar.xz,$BASE/root.tar.xz");
		is("$r->{exit} $r->{err}", "0 tarboot: warning: $BASE/outside/root.tar.xz.manifest: it is no manifest, or a damaged one: the manifest of the next server is tried\n"
			. "tarboot: warning: What lies outside of Blocks is wrong from $BASE/outside/root.tar.xz: it is fetched again from the next server\n", 'one with a damaged manifest, and damage outside of Blocks');
		$r = try($tarboot, 'verify', "$BASE/old/root.tar.xz,$BASE/root.tar.xz");
		is("$r->{exit} $r->{err}", "0 tarboot: warning: $BASE/old/root.tar.xz.manifest: it lists no Blocks: the manifest of the next server is tried\n", 'one with an old manifest');
		fails_well(try($tarboot, 'verify', "$BASE/outside/root.tar.xz,$BASE/bare/root.tar.xz"), 1,
			qr{^tarboot: \Q$BASE\E/outside/root\.tar\.xz\.manifest: it is no manifest, or a damaged one\n  Copy it again}m, 'a damaged manifest, and no other');
		$r = try($tarboot, 'verify', "$BASE/nowhere/root.tar.xz,$BASE/root.tar.xz");
		is($r->{exit}, 0, 'one that has no such file');
		$r = try($tarboot, 'verify', "$BASE/wrong/root.tar.xz");
		is($r->{exit}, 1, 'no other mirror: exit');
		like($r->{err}, qr{^tarboot: \Q$BASE\E/wrong/root\.tar\.xz: Block 2 \(byte $offset\) is not what its digest in the manifest says\n  Copy the payload to that server again, or publish boot part and payload of the same version\.\n}m, 'and message');
	};
	subtest "$name: failures" => sub {
		my @cases = (
			[ 'not there', "$BASE/none", qr{: the server does not have it \(404\)\n  Publish it there, or correct the URL\.\n\z} ],
			[ 'a manifest alone', "$BASE/only", qr{/only: the server does not have it \(404\)\n  Publish it there, or correct the URL\.\n\z} ],
			[ 'a manifest that is none', "$BASE/junk", qr{^tarboot: \Q$BASE\E/junk\.manifest: } ],
			[ 'other numbers', "$BASE/changed/root.tar.xz", qr{^tarboot: \Q$BASE\E/changed/root\.tar\.xz\.manifest: } ],
			[ 'https', 'https://127.0.0.1/root.tar.xz', qr{^tarboot: https://127\.0\.0\.1/root\.tar\.xz: https: is not supported\n  Use http:\. } ],
			[ 'a list with an empty URL', "$BASE/root.tar.xz,", qr{^tarboot: } ]);
		for my $case (@cases) {
			my ($what, $url, $why) = @$case;
			fails_well(try($tarboot, 'verify', $url), 1, $why, $what);
			my $dir = scratch("none-$name");
			fails_well(try($tarboot, 'unpack', $url, $dir), 1, $why, "unpacking: $what");
			ok(!-e $dir, 'no directory is left');
		}
	};
}

my $tarboot = command_of('musl', build_path('tarboot'));
{
	# A manifest that the user has, and one that lies beside a file.
	my $trusted = spew(scratch('trusted'), $manifest);
	my $right   = qr/^whole: .*\nmemory: .*\ndigests: right: manifest, each Block and the whole payload\n\z/;
	like(run($tarboot, 'verify', "$BASE/bare/root.tar.xz", '--manifest', $trusted), qr/^digests: right: manifest, each Block$/m, 'a server without one');
	fails_well(try($tarboot, 'verify', "$BASE/bare/wrong.tar.xz", '--manifest', $trusted), 1, qr{wrong\.tar\.xz: Block 2 \(byte $offset\) is not what its digest in the manifest says\n  }, 'a wrong Block there');
	like(run($tarboot, 'verify', $file, '--manifest', $trusted), $right, 'a file');
	like(run($tarboot, 'verify', $file), qr/^digests: none checked: there is no manifest$/m, 'which has none by itself');
	spew("$file.manifest", $manifest);
	like(run($tarboot, 'verify', $file), $right, 'one beside it');
	like(run($tarboot, 'unpack', $file, new_dir()), qr/^unpacked: /, 'does not matter when it is unpacked');
	spew($file, $outside);
	fails_well(try($tarboot, 'verify', $file), 1, qr{^tarboot: \Q$file\E: }, 'another byte');
	spew($file, substr $payload, 0, -4);
	fails_well(try($tarboot, 'verify', $file), 1, qr{^tarboot: \Q$file\E: it has @{[ length($payload) - 4 ]} bytes, \Q$file\E\.manifest says @{[ length $payload ]}\n  Copy both again}, 'another size');
	spew("$file.manifest", 'junk');
	fails_well(try($tarboot, 'verify', $file), 1, qr{^tarboot: \Q$file\E\.manifest: it is no manifest, or a damaged one\n}, 'a damaged one');
	fails_well(try($tarboot, 'verify', $image, '--manifest', $trusted), 1, qr{^tarboot: \Q$trusted\E: \Q$image\E is an image, and has its manifest in it\n  Leave out --manifest\.\n}, 'an image');
	fails_well(try($tarboot, 'verify', $file, '--manifest', spew(scratch('old'), 'payload-bytes=' . (length($payload) - 4) . "\n")), 1, qr{/old: it has no digests\n}, 'one of an older tarboot');
	fails_well(try($tarboot, 'verify', $file, '--manifest', scratch('none')), 1, qr{/none: cannot open it: No such file}, 'one that is not there');
	unlink "$file.manifest";
	my $dir = scratch('partial');
	fails_well(try($tarboot, 'unpack', "$BASE/bare/wrong.tar.xz", $dir, '--threads', 1), 1, qr{^tarboot: warning: \Q$dir\E keeps what was unpacked before the error: delete it$}m, 'a part is unpacked');
	ok(-d $dir, 'and left');
	my $old = new_dir();
	fails_well(try($tarboot, 'unpack', "$BASE/bare/wrong.tar.xz", $old, '--threads', 1), 1, qr{^tarboot: warning: \Q$old\E keeps what was unpacked before the error: delete it$}m, 'the same in a directory that was there');
	fails_well(try($tarboot, 'unpack', "$BASE/bare/wrong.tar.xz", $old, '--threads', 1), 1, qr{^tarboot: warning: \Q$old\E may have files that were unpacked before the error$}m, 'and was not empty');
	my $none = new_dir();
	unlike(try($tarboot, 'unpack', spew(scratch('no-tar.xz'), 'no archive'), $none)->{err}, qr/unpacked before/, 'nothing is said where nothing was unpacked');
}
{
	local $ENV{http_proxy} = $BASE;
	like(run($tarboot, 'verify', 'http://server.invalid/root.tar.xz'), qr/^whole: /m, 'by a proxy');
	like(run($tarboot, 'unpack', 'http://server.invalid/root.tar.xz', new_dir()), qr/^unpacked: /m, 'unpacked by a proxy');
	{
		local $ENV{no_proxy} = '127.0.0.1';
		is_quiet(try({ env => { http_proxy => 'http://127.0.0.1:1' } }, $tarboot, 'verify', "$BASE/root.tar.xz"), 'no_proxy');
	}
	$ENV{http_proxy} = 'http://127.0.0.1:1';
	fails_well(try($tarboot, 'verify', 'http://server.invalid/root.tar.xz'), 1,
		qr{^tarboot: http://server\.invalid/root\.tar\.xz\.manifest: nobody listens at the proxy 127\.0\.0\.1:1\n  Start the proxy, or correct where it is given}m, 'a proxy that is not there');
	for my $proxy ('http://127.0.0.1:1/for@you', 'me:secret@127.0.0.1:1') {
		fails_well(try({ env => { http_proxy => $proxy } }, $tarboot, 'verify', 'http://server.invalid/root.tar.xz'), 1,
			qr{: nobody listens at the proxy 127\.0\.0\.1:1\n}, "its name without what is no part of it: $proxy");
	}
}
SKIP: {
	my $mount = new_dir();
	my $r     = try('unshare', '-m', 'sh', '-c', <<'END', $tarboot, "$BASE/bare/root.tar.xz", $mount);
mount --make-rprivate / && mount -t tmpfs -o size=1m none "$2" || exit 77
TMPDIR="$2" exec "$0" verify "$1"
END
	skip 'cannot mount a tmpfs here', 1 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
	fails_well($r, 1, qr{^tarboot: \Q$mount\E: it is full: there is no room for what arrives of \Q$BASE\E/bare/root\.tar\.xz, at byte \d+\n  Set TMPDIR to a directory with more room\.\n\z}m, 'TMPDIR is full');
}
{
	# It does not wait for a server that has told a wrong size, since nobody is about to change that.
	my $start = time;
	my $r = try($tarboot, 'verify', "$BASE/cut/root.tar.xz");
	is($r->{err}, "tarboot: $BASE/cut/root.tar.xz: it is shorter than its manifest says: @{[ length($payload) - 100 ]} bytes, not @{[ length $payload ]}\n"
		. "  Copy the payload to that server again, or publish boot part and payload of the same version.\n", 'a file that is cut');
	is($r->{exit}, 1, 'fails');
	cmp_ok(time - $start, '<', 8, 'at once');
	$r = try($tarboot, 'verify', "$BASE/cut/root.tar.xz,$BASE/root.tar.xz");
	is($r->{exit}, 0, 'and does not matter beside a whole one');
	fails_well(try($tarboot, 'verify', 'http://127.0.0.1'), 1, qr{^tarboot: http://127\.0\.0\.1: it names a server, but no file on it\n  Write http://SERVER/PATH\.\n\z}, 'a URL without a file');
}

# Whatever ends the command, nothing goes on in the background.
sub line_of { my ($pid) = @_; open my $f, '<', "/proc/$pid/cmdline" or return ''; return <$f> // '' }
sub processes_of { return grep { line_of($_) =~ m{\Q$BASE\E/slow} } map { m{(\d+)} } glob '/proc/[0-9]*' }

sub start_slow {
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>', scratch('slow.err') or POSIX::_exit(126);
		open STDOUT, '>', '/dev/null' or POSIX::_exit(126);
		exec $tarboot, 'verify', "$BASE/slow/root.tar.xz" or POSIX::_exit(127);
	}
	for (1 .. 100) {
		last if grep { line_of($_) =~ m{/fetch\0.*--size=}s } processes_of();
		sleep 0.1;
	}
	return $pid;
}
sub ends_soon {
	for (1 .. 100) {
		return 1 if !processes_of();
		sleep 0.1;
	}
	return 0;
}
for my $signal (qw(INT TERM KILL)) {
	my $pid = start_slow();
	kill $signal, $pid;
	waitpid $pid, 0;
	ok(ends_soon(), "SIG$signal ends receiver and fetcher, too");
}
{
	my $pid = start_slow();
	my ($receiver) = grep { $_ != $pid && line_of($_) !~ m{/fetch\0} } processes_of();
	kill 'KILL', $receiver;
	waitpid $pid, 0;
	is($? >> 8, 1, 'a receiver that was killed: exit');
	is(slurp(scratch('slow.err')), "tarboot: the receiver: it ended with wait status 9 before all had arrived\n  Free memory, and try again.\n", 'and message');
	ok(ends_soon(), 'nothing goes on');
}
{
	my $alone = new_dir();
	run('cp', build_path('tarboot'), $alone);
	my $machine = run('uname', '-m') =~ s/\n//r;
	my $r = try("$alone/tarboot", 'verify', "$BASE/root.tar.xz");
	is("$r->{exit} $r->{err}", "1 tarboot: the fetcher for @{[ $machine =~ s/_/-/r ]}: nothing can be fetched without it, but it is not installed\n"
		. "  In tarboot's source: make ARCH=$machine install\n", 'without the fetcher');
}
done_testing();
