#!/usr/bin/perl
# What machines say while they boot (tarboot.log=): to `tarboot serve`, which knows then how far they are, why one failed, and has the
# timeline of one that fetched its root; to Debian's rsyslog, which takes the same messages. One whose log server does not exist boots
# as if it had none.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../boot";
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);
use Browser;
use Modules;
use Stream;

need_programs(qw(qemu-system-x86_64 busybox dnsmasq ip));
enter_network();

my $SLOW    = $ENV{TARBOOT_SLOW} || 1;
my $RSYSLOG = '192.168.77.2';
my $http    = publish_root('room', 40);
my $site    = public('site');
run('ip', 'address', 'add', "$RSYSLOG/24", 'dev', 'br0');
tarboot('netboot', "$http/room.img", '-o', $site, '--stream', '--kernel', kernel_of('bookworm') . '/vmlinuz',
	'--server', $SERVER, '--subnet', $SUBNET);
my $serve = serve('serve', build_path('tarboot'), 'serve', $site, '--force');
ok($serve->wait_for(qr/^status /m, 20), 'tarboot serve runs') or diag($serve->text);
my $version = readlink "$site/http/images/room/current";
my $url     = "http://$SERVER/images/room/$version/root.tar.xz";

my $lines = scratch('machines.log');
my $conf  = spew(scratch('rsyslog.conf'), <<"END_OF_CONF");
module(load="imudp")
input(type="imudp" address="$RSYSLOG" port="514")
template(name="machine" type="string" string="%hostname% %programname% %procid% %msgid% %syslogfacility-text%.%syslogseverity-text%%msg%\\n")
if \$programname == 'tarboot' then action(type="omfile" file="$lines" template="machine")
END_OF_CONF
-x Net::servers() . '/commands/rsyslogd' or die "build/servers has no rsyslog yet: delete it, and it is made again\n";
my $rsyslog = serve('rsyslog', 'rsyslogd', '-n', '-i', 'NONE', '-f', $conf, '-M', Net::servers() . '/usr/lib/x86_64-linux-gnu/rsyslog');

# What rsyslog has written, once that is in it.
sub wait_text {
	my ($is_it) = @_;
	my $text = '';

	for (1 .. 50 * $SLOW) { last if ($text = eval { slurp($lines) } // '') =~ $is_it; sleep 0.1 }
	return $text;
}

sub get {
	my ($path) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => 8079, Timeout => 5) or return '';
	print $socket "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";
	local $/;
	return (split /\r\n\r\n/, <$socket> // '', 2)[1] // '';
}

sub row {
	my ($mac) = @_;
	return (grep { $_->{mac} eq $mac } @{ decode_json(get('/status.json'))->{machines} })[0] // {};
}

sub wait_row {
	my ($mac, $is_it) = @_;

	for (1 .. 50 * $SLOW) { last if $is_it->(row($mac)); sleep 0.1 }
	return row($mac);
}

sub wait_log {
	my ($id, $is_it) = @_;
	my $log = '';

	for (1 .. 50 * $SLOW) { last if ($log = get("/log/$id.txt")) =~ $is_it; sleep 0.1 }
	return $log;
}

sub machine_that_logs {
	my ($n, $log, %arg) = @_;
	my $name = $arg{name} // "pc$n";
	return fetching('room', $n, urls => $arg{urls} // $url, netwait => 20, %arg,
		append => "tarboot.log=$log ip=192.168.77.4$n\:\:\:24:$name\::none $arg{append}");
}

two_at_once(
	sub { machine_that_logs(1, $SERVER, append => '') }, sub {
		my ($guest) = @_;
		come_up('one that logs to tarboot serve', $guest, 'room');
		my $row = wait_row(mac(1), sub { $_[0]{timeline} && $_[0]{stage} eq 'handed over' });
		is($row->{stage}, 'handed over', 'it has handed over');
		is($row->{name}, 'pc1', 'its name');
		is($row->{address}, '192.168.77.41', 'its address');
		ok($row->{timeline}, 'its report came');
		like(get("/timeline/$row->{id}.svg"), qr/<svg .*unpack root.*worker 1/s, 'which is a timeline');
		my $log = wait_log($row->{id}, qr/  HTTP   \S+root\.tar\.xz /);    # the web server may be late
		like($log, qr/  mount kernel file systems: /, 'what init said before there was a network');
		like($log, qr/  hand over: \/sbin\/init$/m, 'and the last');
		like($log, qr/  HTTP   \S+root\.tar\.xz /, 'with what the servers say');
		note($log);
	},
	sub { machine_that_logs(2, $SERVER, urls => "http://$SERVER/images/none/root.tar.xz", append => 'panic=-1') }, sub {
		my ($guest) = @_;
		fail_with('one that fails', $guest, why => qr/404/);
		my $row = wait_row(mac(2), sub { ($_[0]{failure} // '') =~ /to do/ });
		is($row->{stage}, 'FAILED', 'the page has it');
		like($row->{failure}, qr/^unpack root failed: .*404.*; to do: \w.*\.$/, 'with its sentence and what to do');
		like($serve->text, qr/@{[ mac(2) ]} 192\.168\.77\.42   FAILED unpack root failed: .*404/, 'so has the terminal');
	},
	sub { machine_that_logs(3, $RSYSLOG, append => 'quiet', rate => 100) }, sub {
		my ($guest) = @_;
		come_up('one that logs to rsyslog', $guest, 'room');
		my $who  = 'pc3 tarboot ' . mac(3);
		my $text = wait_text(qr/^\Q$who\E - daemon\.notice ?hand over: /m);
		like($text, qr/^\Q$who\E - daemon\.notice ?mount kernel file systems: /m, 'a line');
		like($text, qr/^\Q$who\E progress daemon\.notice ?unpack root: +\d+ %, /m, 'progress');
		like($text, qr/^\Q$who\E report daemon\.debug ?0\/\d+ \{   ?"version"/m, 'the report');
		like($text, qr/^\Q$who\E - daemon\.notice ?hand over: /m, 'the end');
		my $report = join '', $text =~ /^\Q$who\E report daemon\.debug ?\d+\/\d+ (.*)$/mg;
		is(eval { decode_json($report)->{init} }, '/sbin/init', 'the parts are the report') or diag($@, $report);
	},
	sub { machine_that_logs(4, '192.168.77.99', append => '') }, sub {
		my ($guest) = @_;
		my $results = come_up('one whose log server does not exist', $guest, 'room');
		my ($stop) = $results =~ /"name": "stop network", "start_s": [\d.]+, "duration_s": ([\d.]+)/;
		cmp_ok($stop, '<', 3, 'is not kept waiting');
	},
	sub { machine_that_logs(5, "$RSYSLOG:514", urls => '/none.tar', append => 'panic=8') }, sub {
		my ($guest) = @_;
		fail_with('one that fails before it has a network', $guest, what => '/none.tar');
		my $failures = join "\n", wait_text(qr/^pc5 .*then: /m) =~ /^pc5 tarboot @{[ mac(5) ]} failure daemon\.err ?(.*)$/mg;
		like($failures, qr{^find payload failed: /none\.tar: .*\nto do: .*\nthen: rebooting in 8 s \(panic=8\)\z}, 'says it when it has one');
	});

# A root that is in the image: the network is there for the log alone.
sub whole_machine {
	my ($n, $image, $log, $append) = @_;
	return machine(name => "whole$n", mem => 384, mac => mac($n), kernel => kernel_of('bookworm') . '/vmlinuz', initrd => public("http/$image.img"),
		append => "no_timer_check net.ifnames=0 tarboot.log=$log ip=192.168.77.4$n\:\:\:24:pc$n\::none $append");
}

# One that fails when its network has been reset: it has no place for /run.
my $broken = tiny_root('broken', sub {
	rmdir "$_[0]/run";
	spew("$_[0]/run", '');
	spew("$_[0]/sbin/init", "#!/bin/sh\n", 0755);
	run("head -c 40M /dev/urandom >'$_[0]/data'");    # so that its card is found before it is unpacked
	copy_modules('bookworm', $_[0], qw(virtio_pci virtio_net));
});
tarboot('pack', $broken, '-o', "$http/broken.img", qw(--kernel=none --stream --level=fast --modules), 'virtio_pci,virtio_net');
two_at_once(
	sub { whole_machine(6, 'room', $RSYSLOG, 'init=/none panic=8') }, sub {
		my ($guest) = @_;
		fail_with('one whose root is in the image', $guest, what => '/none');
		like(wait_text(qr/^pc6 .*then: /m), qr/^pc6 tarboot @{[ mac(6) ]} failure daemon\.err ?check new init failed: /m, 'logs, too');
	},
	sub { whole_machine(7, 'room', $RSYSLOG, '') }, sub {
		my ($guest) = @_;
		my $results = come_up('one like it that does not fail', $guest, 'room');
		my ($stop) = $results =~ /"name": "stop network", "start_s": [\d.]+, "duration_s": ([\d.]+)/;
		cmp_ok($stop, '<', 4 * $SLOW, 'is not kept waiting');
		like(wait_text(qr/^pc7 .*hand over: /m), qr/^pc7 tarboot @{[ mac(7) ]} - daemon\.notice ?hand over: /m, 'logs to the end');
	},
	sub { whole_machine(8, 'broken', $SERVER, 'panic=20') }, sub {
		my ($guest) = @_;
		fail_with('one that fails behind the hand-over', $guest, what => 'run');
		my $row = wait_row(mac(8), sub { ($_[0]{failure} // '') =~ /to do/ });
		is("$row->{stage}, in $row->{before}", 'FAILED, in handed over', 'the page has it');
		like($row->{failure}, qr/^move mounts failed: run: .*; to do: /, 'with its sentence');
	});

subtest 'the page, in Chromium' => sub {
	plan skip_all => 'no Chromium here: `make test-all` installs it' unless Browser::program();
	my $browser = Browser->start(scratch('profile'));
	$browser->go('http://127.0.0.1:8079/');
	my $rows = 'document.querySelectorAll("#machines tbody tr")';
	ok($browser->wait_for("$rows.length === 5"), 'five machines: the others did not speak to this server');
	like($browser->value("$rows\[0].textContent"), qr/^pc2@{[ mac(2) ]}192\.168\.77\.42.*FAILED.*unpack root failed: .*404/, 'the one that failed is first, with its sentence');
	$browser->value('location.hash = "#' . mac(1) . '"');
	ok($browser->wait_for('document.getElementById("timeline").naturalWidth > 0'), 'the timeline of one that did not');
	ok($browser->wait_for('document.getElementById("log").textContent.includes("hand over: /sbin/init")'), 'and its log');
	is(join("\n", $browser->complaints), '', 'the browser complains of nothing');
};
note(slurp($lines));
note($serve->text);
done_testing();
