#!/usr/bin/perl
# What `tarboot serve` shows of a room: 500 machines whose logs are replayed, as the table of a terminal and as the page. Some of them
# lie, have names that are markup, or send ten thousand lines a second. The page itself in Chromium, where that is (`make test-all`
# installs it). There are no machines here, and dnsmasq is a pipe; nginx is nginx, with a pipe beside it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../boot";
use Fcntl;
use IO::Socket::INET;
use IO::Handle;
use IO::Select;
use JSON::PP qw(decode_json);
use Test::More;
use Time::HiRes qw(sleep time);
use Browser;
use Net;

need_programs(qw(busybox ip));
enter_network();

my $SLOW     = $ENV{TARBOOT_SLOW} || 1;
my $MACHINES = 500;
my $SITE     = public('site');
my $IMAGE    = '/images/lab/20261129-110013';
my ($FEED, $HTTP, $MARK) = map { scratch($_) } qw(feed http mark);
my $HOSTILE  = '<img/src=x/onerror=document.title=1>';

# ---- the server ----

tarboot('pack', tiny_root('tiny'), '-o', scratch('tiny.img'), qw(--level=fast --kernel=none));
spew(scratch('vmlinuz'), bzimage('6.1', 'kernel'));
tarboot('netboot', scratch('tiny.img'), '-o', $SITE, '--kernel', scratch('vmlinuz'), '--server', $SERVER, '--subnet', $SUBNET);
POSIX::mkfifo($_, 0600) or die "$_: $!\n" for $FEED, $HTTP;
sysopen my $feed, $FEED, O_RDWR or die "$FEED: $!\n";
sysopen my $http, $HTTP, O_RDWR or die "$HTTP: $!\n";
mkdir scratch('bin');
spew(scratch('bin/dnsmasq'), "#!/bin/sh\nexec cat '$FEED'\n", 0755);
spew(scratch('bin/nginx'), <<"END", 0755);
#!/bin/sh
PATH=\${PATH#*:}
if [ "\$1" = -c ]; then
	sed -n "s/^log_format tarboot '\\([0-9a-f]*\\) .*/\\1/p" "\$2" >'$MARK.new'
	mv '$MARK.new' '$MARK'
	cat '$HTTP' &
fi
exec nginx "\$@"
END
$ENV{PATH} = scratch('bin') . ":$ENV{PATH}";

my @SERVE = (build_path('tarboot'), 'serve', $SITE, '--force');
my $serve = serve('serve', @SERVE);
ok($serve->wait_for(qr/^status   /m, 20), 'it runs') or diag($serve->text);
like($serve->text, qr{^status   http://127\.0\.0\.1:8079/$}m, 'and says where the page is');

# Status line, headers and body.
sub get {
	my ($path, $host, $port) = @_;
	my $answer = '';

	for (1 .. 50) {
		my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port // 8079, Timeout => 5);
		if ($socket) {
			print $socket "GET $path HTTP/1.0\r\nHost: " . ($host // 'localhost') . "\r\n\r\n";
			{ local $/; $answer = <$socket> // '' }
			last if $answer =~ m{\AHTTP/\S+ (?!404)} || $path !~ /status/;
		}
		sleep 0.2;
	}
	my ($head, $body) = split /\r\n\r\n/, $answer, 2;
	return ($head // '', $body // '');
}

sub room { return decode_json((get('/status.json'))[1]) }
sub row  { my ($room, $mac) = @_; return (grep { $_->{mac} eq $mac } @{ $room->{machines} })[0] // {} }

sub wait_room {
	my ($is_there, $limit) = @_;
	my $end = time + ($limit // 10) * $SLOW;
	my $room;

	do { sleep 0.2; $room = room() } until $is_there->($room) || time > $end;
	return $room;
}

# ---- logs that are replayed ----

my ($request, $mark) = 1000;

# That of the nginx that has started last.
sub read_mark {
	for (1 .. 100 * $SLOW) { last if -s $MARK; sleep 0.1 }
	chomp($mark = slurp($MARK));
	like($mark, qr/\A[0-9a-f]{32}\z/, 'a mark of its own, in lines of nginx about requests');
	unlink $MARK;
	return;
}

sub nginx_says { my (@lines) = @_; print $http map { "$mark $_\n" } @lines; return }

sub say_dhcp {
	my ($class, $what) = @_;
	my $head = 'Nov 29 11:00:00 dnsmasq-dhcp[7]: ' . ++$request;
	print $feed map { "$head $_\n" } $class ? ($class) : (), $what;
	return;
}

sub mac_of     { return sprintf '52:54:00:77:%02x:%02x', $_[0] >> 8, $_[0] & 255 }
sub address_of { return sprintf '192.168.%d.%d', 78 + ($_[0] >> 8), $_[0] & 255 }

my @STAGES = qw(DHCP firmware menu kernel fetch unpack up);
my %NUMBER = map { $STAGES[$_] => $_ } 0 .. $#STAGES;

sub steps {
	my ($n, undef, $name) = @_;
	my ($mac, $address) = (mac_of($n), address_of($n));
	return (
		sub { say_dhcp('vendor class: PXEClient:Arch:00000:UNDI:002001', "DHCPDISCOVER(br0) $mac");
			say_dhcp('vendor class: PXEClient:Arch:00000:UNDI:002001', "DHCPACK(br0) $address $mac $name") },
		sub { print $feed "Nov 29 11:00:01 dnsmasq-tftp[7]: sent /srv/tarboot/tftp/undionly.kpxe to $address\n" },
		sub { nginx_says("$address 200 2100 0.000 2100 [-] /menu.ipxe") },
		sub { nginx_says("$address 200 14200000 0.2 14200000 [-] $IMAGE/vmlinuz") },
		sub { nginx_says("$address 206 @{[ 100000 * $n ]} 1.5 62000000 [bytes 0-61999999/62000000] $IMAGE/root.tar.xz") },
		sub { nginx_says("$address 200 62000000 0.9 62000000 [-] $IMAGE/root.tar.xz") },
		sub { say_dhcp('', "DHCPACK(br0) $address $mac $name") });
}

# Have all come as far as they shall, in these steps or the ones before?
sub have_come {
	my ($room, $last, @boots) = @_;
	my %is = map { $_->{mac} => $_->{stage} } @{ $room->{machines} };
	return !grep { ($is{ mac_of($_->[0]) } // '') ne $STAGES[ $NUMBER{ $_->[1] } < $last ? $NUMBER{ $_->[1] } : $last ] } @boots;
}

# Boots of machines, as [ number, stage as far as which it goes, name ]. Each server's lines come by a way of their own, so they are waited for.
sub boot {
	my (@boots) = @_;

	for my $part ([ 0, 1 ], [ 2 .. 5 ], [6]) {
		for my $boot (@boots) {
			my @steps = steps(@$boot);
			$steps[$_]->() for grep { $_ <= $NUMBER{ $boot->[1] } } @$part;
		}
		$_->flush for $feed, $http;
		wait_room(sub { have_come($_[0], $part->[-1], @boots) });
	}
	return;
}

read_mark();
$_->autoflush(0) for $feed, $http;
boot(map { [ $_, $_ < 3 ? 'menu' : $_ % 10 ? 'up' : $STAGES[ $_ / 10 % 7 ], sprintf 'pc%03d', $_ ] } 0 .. $MACHINES - 1);
sleep 3;    # what comes sooner is late, and of the same boot
boot([ 499, 'kernel', $HOSTILE ]);
my $room = wait_room(sub { @{ $_[0]{machines} } >= $MACHINES && row($_[0], mac_of(499))->{stage} eq 'kernel' });
is(scalar @{ $room->{machines} }, $MACHINES, 'all machines are there');
is(row($room, mac_of($_->[0]))->{stage}, $_->[1], "one that came to $_->[1]")
	for [ 1, 'menu' ], [ 20, 'menu' ], [ 30, 'kernel' ], [ 40, 'fetch' ], [ 50, 'unpack' ], [ 60, 'up' ], [ 70, 'DHCP' ], [ 80, 'firmware' ];
is(row($room, mac_of(499))->{name}, $HOSTILE, 'a name that is markup is a name');
is(row($room, mac_of(40))->{percent}, 6, 'a part of a root');

# ---- requests for what looks like lines of the servers ----

sub ask_site {
	my ($path) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => $SERVER, PeerPort => 80, Timeout => 5) // die "HTTP: $!\n";
	print $socket "GET $path HTTP/1.0\r\n\r\n";
	local $/;
	return <$socket> // '';
}

my $TEACHER = '52:54:00:12:34:01';
for my $path ("/%0Adnsmasq-dhcp%5B1%5D:%207%20user%20class:%20iPXE%0Adnsmasq-dhcp%5B1%5D:%207%20DHCPACK(br0)%20192.168.77.68%20$TEACHER%20teacher%0A",
	"/%0Atarboot%20@{[ address_of(1) ]}%20404%20153%200.0%20153%20%5B-%5D%20$IMAGE/vmlinuz%0A") {
	like(ask_site($path), qr{\AHTTP/\S+ 404 }, 'a path with newlines in it');
}
ok($serve->wait_for(qr/  nginx: " failed \(2: .*\n(?:.*\n)*.*  nginx: " failed \(2: /, 10), 'nginx has them in its log as they came') or diag($serve->text);
sleep 1.5;    # until the page is written again
$room = room();
is(scalar @{ $room->{machines} }, $MACHINES, 'no machine comes from them');
is(row($room, mac_of(1))->{stage}, 'menu', 'and none fails');
unlike($serve->text, qr/address given to teacher|\Q@{[ mac_of(1) ]}\E .*vmlinuz/, 'nor does a line say so');

# ---- machines that say something themselves: the first three, and one that nobody knows ----

sub speaker { return IO::Socket::INET->new(Proto => 'udp', LocalAddr => $_[0], PeerAddr => $SERVER, PeerPort => 514) // die "udp: $!\n" }

my @STRANGERS = qw(192.168.77.66 192.168.77.67);
run('ip', 'address', 'add', "$_/32", 'dev', 'lo') for @STRANGERS, map { address_of($_) } 0 .. 2;
my %speakers = ((map { mac_of($_) => speaker(address_of($_)) } 0 .. 2), map { $_ => speaker($_) } @STRANGERS);

sub message { my ($from, $mac, $kind, @texts) = @_; $speakers{$from}->send("<29>1 - pc tarboot $mac $kind - $_") for @texts; return }
sub init_says { my ($mac, @message) = @_; return message($mac, $mac, @message) }

my $REPORT = '{ "version": "0.1.0", "init": "/sbin/init", "failed_step": "", "steps": [ { "name": "unpack </svg><script>", '
	. '"start_s": 1.5, "duration_s": 2.25 } ], "memory_samples": [[1.5, 100000], [3.0, 500000]] }';
my @parts = map { [ $_, substr $REPORT, $_, 60 ] } map { 60 * $_ } 0 .. (length($REPORT) - 1) / 60;
init_says(mac_of(0), '-', 'mount kernel file systems: 0.001 s', 'unpack root: 2.3 s', 'hand over: /sbin/init after 9.1 s');
init_says(mac_of(0), 'report', map { "$_->[0]/@{[ length $REPORT ]} $_->[1]" } @parts);
init_says(mac_of(1), 'failure', "unpack root failed: root.tar.xz: $HOSTILE", 'to do: Copy it again.', 'then: rebooting in 60 s');
init_says(mac_of(2), 'progress', 'unpack root: 40 %, 10 MiB of 25 MiB, 4 MiB of 8 MiB fetched');
$room = wait_room(sub { row($_[0], mac_of(1))->{failure} && row($_[0], mac_of(0))->{timeline} });
is(row($room, mac_of(0))->{stage}, 'handed over', 'syslog: a machine hands over');
is(row($room, mac_of(1))->{failure}, "unpack root failed: root.tar.xz: $HOSTILE; to do: Copy it again.", 'one fails, with its sentence');
is(row($room, mac_of(1))->{before}, 'kernel', 'and where');
is(join(' ', @{ row($room, mac_of(2)) }{qw(stage percent)}), 'fetch 40', 'one fetches');
ok($serve->wait_for(qr/FAILED unpack root failed: /, 5), 'the failure is a line, too');
my $id = row($room, mac_of(0))->{id};
my ($head, $body) = get("/timeline/$id.svg");
like($head, qr{^Content-Type: image/svg\+xml}mi, 'a timeline');
like($body, qr{\A<svg .*unpack &#60;/svg&#62;&#60;script&#62;.*</svg>\n\z}s, 'without markup in its names');
($head, $body) = get("/log/@{[ row($room, mac_of(1))->{id} ]}.txt");
like($body, qr/\A\Q@{[ mac_of(1) ]}\E\n.*to do: Copy it again\.\n.*then: rebooting in 60 s\n\z/s, 'a log');

# ---- what others may rely on ----

my ($keys) = slurp(repo_path('docs/tarboot-serve.1')) =~ /^\.Pa status\.json$(.*?)^\.It Cm confirmed$/ms;
is_deeply([ sort 'confirmed', map { split / , / } ($keys // '') =~ /^\.It Cm (.*)$/mg ], [ sort keys %{ { map { %$_ } $room, @{ $room->{machines} } } } ],
	'the keys of status.json are those of the man page');

# ---- the web server ----

my $CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
for my $path ('/', '/page.js', '/page.css', '/status.json', "/timeline/$id.svg", '/none') {
	($head) = get($path);
	like($head, qr/^Content-Security-Policy: \Q$CSP\E\r?$/m, "$path: its policy");
	like($head, qr/^X-Content-Type-Options: nosniff\r?$/m, 'no guessing');
}
like((get('/status.json', 'evil.example'))[0], qr{\AHTTP/\S+ 403}, 'a name that is not the loopback\'s is refused');
like((get('/status.json', '127.0.0.1:8079'))[0], qr{\AHTTP/\S+ 200}, 'its address is not');
like((get('/../nginx.conf'))[0], qr{\AHTTP/\S+ 400}, 'nothing beside the page');
unlike((get('/status.json', $SERVER, 80))[0] || 'none', qr{\AHTTP/\S+ 200}, 'the machines do not get it');
ok(!IO::Socket::INET->new(PeerAddr => $SERVER, PeerPort => 8079, Timeout => 2), 'nor from the address that they know');

# ---- what is wrong ----

for my $case ([ [qw(--status 127.0.0.1)], qr/--status: 127\.0\.0\.1 is not an address and port/, 2 ], [ [qw(--status [::1]:0)], qr/is not an address/, 2 ],
	[ [qw(--status localhost:80)], qr/is not an address/, 2 ], [ [ '--status', '127.0.0.1:80;}' ], qr/is not an address/, 2 ],
	[ [qw(--status 127.0.0.1:99 --no-status)], qr/give either --status or --no-status/, 2 ]) {
	my $again = serve('again', @SERVE, @{ $case->[0] });
	$again->wait_for(qr/Try/, 10);
	for (1 .. 50 * $SLOW) { last if $again->ended; sleep 0.1 }
	is($again->stop >> 8, $case->[2], "@{ $case->[0] }: exit");
	like($again->text, $case->[1], 'and why');
}

# ---- the page ----

sub look_at_the_page {
	my $browser = Browser->start(scratch('profile'));
	my $in = sub { $browser->value($_[0]) };
	my $rows = 'document.querySelectorAll("#machines tbody tr")';
	my $first = "$rows\[0].querySelector('td.failure').textContent";

	$browser->go('http://127.0.0.1:8079/');
	ok($browser->wait_for("$rows.length === $MACHINES"), 'all rows');
	like($in->($first), qr/^unpack root failed: .*onerror/, 'the failure is first, as text');
	like($in->('document.title'), qr/^1 FAILED - /, 'and in the title');
	is($in->('document.querySelectorAll("main img, main script, main style").length'), 1, 'nothing came of markup');
	spew(repo_path('docs/room.png'), $browser->picture) if $ENV{TARBOOT_PICTURE};    # for docs/netboot.md

	# Sorting, by mouse or keyboard; the failure stays on top.
	$in->('document.querySelector("th[data-key=address] button").click()');
	is($in->('document.querySelector("th[data-key=address]").getAttribute("aria-sort")'), 'ascending', 'sorted by address');
	is($in->("$rows\[1].querySelector('td.address').textContent"), address_of(0), 'the lowest first');
	like($in->($first), qr/^unpack/, 'behind the failure');
	$in->('document.querySelector("th[data-key=address] button").focus()');
	$browser->press('Enter', 13);
	is($in->("$rows\[1].querySelector('td.address').textContent"), address_of(499), 'Enter: the highest first');

	# Searching.
	$browser->press('/', 191);
	is($in->('document.activeElement.id'), 'words', '/ goes to the search');
	$browser->press($_, ord uc $_) for qw(p c 0 6 0);
	ok($browser->wait_for("$rows.length === 1"), 'one machine is found');
	is($in->('document.getElementById("found").textContent'), "1 of $MACHINES", 'and counted');

	# A machine's own page, and back.
	$browser->press('Tab', 9) for 1 .. 11;
	is($in->('document.activeElement.textContent'), 'pc060', 'Tab comes to it, past the headings');
	$browser->press('Enter', 13);
	ok($browser->wait_for('document.activeElement.id === "heading-one"'), 'Enter opens it, and the focus is on its heading');
	ok($browser->wait_for('document.getElementById("log").textContent.includes("root.tar.xz")'), 'its log');
	$browser->press('Escape', 27);
	ok($browser->wait_for('document.activeElement.textContent === "pc060"'), 'Escape goes back to where one was');
	$in->('location.hash = "#' . mac_of(0) . '"');
	ok($browser->wait_for('document.getElementById("timeline").naturalWidth > 0'), 'a timeline');
	my $source = $in->('document.getElementById("timeline").src');
	init_says(mac_of(0), 'report', map { "$_->[0]/@{[ length $REPORT ]} $_->[1]" } @parts);
	ok($browser->wait_for("document.getElementById('timeline').src !== '$source' && document.getElementById('timeline').naturalWidth > 0"),
		'another one, of the same boot');
	my $emptied = $in->('location.hash = "#' . mac_of(1) . '"; new Promise(done => setTimeout(() => done([document.getElementById("log").textContent,
		document.getElementById("timeline").getAttribute("src"), document.getElementById("timeline").hidden].join()), 0))');
	unlike($emptied, qr/hand over|svg|false/, 'then of another machine nothing of the one before is left');
	ok($browser->wait_for('document.getElementById("failure").textContent.includes("onerror")'), 'a failure, as text');
	ok($browser->wait_for('document.getElementById("log").textContent.includes("then: rebooting")'), 'and its log');
	$in->('location.hash = ""');
	$in->('document.getElementById("words").value = ""; document.getElementById("words").dispatchEvent(new Event("input"))');

	# What a screen reader gets.
	my @nodes = @{ $browser->ask('Accessibility.getFullAXTree')->{nodes} };
	my %roles;
	$roles{ $_->{role}{value} }++ for grep { !$_->{ignored} } @nodes;
	ok(($roles{table} // 0) == 1 && ($roles{columnheader} // 0) == 10 && ($roles{rowheader} // 0) == $MACHINES && ($roles{searchbox} // 0) == 1,
		'a table with headings, a search') or diag(explain(\%roles));
	init_says(mac_of(2), 'failure', 'check memory failed: RAM: too little');
	ok($browser->wait_for('document.getElementById("spoken").textContent.includes("too little")'), 'a new failure is spoken');

	# Light and dark: text that can be read.
	for my $scheme (qw(light dark)) {
		$browser->ask('Emulation.setEmulatedMedia', features => [ { name => 'prefers-color-scheme', value => $scheme } ]);
		my $contrast = $in->(<<'JS');
(() => {
	const light = c => { const [r, g, b] = c.match(/[\d.]+/g).map(x => x / 255).map(x => x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b; };
	const back = e => { const c = getComputedStyle(e).backgroundColor; return c === 'rgba(0, 0, 0, 0)' ? back(e.parentElement) : c; };
	const least = e => { const [a, b] = [light(getComputedStyle(e).color), light(back(e))].sort((x, y) => y - x); return (a + .05) / (b + .05); };
	return Math.min(...['#counts', '#hint', 'caption', 'th button', 'tbody a', 'td.stage', 'tr.failed td.failure', 'tr.failed a', 'tr.up td.stage', 'footer']
		.map(s => least(document.querySelector(s))));
})()
JS
		cmp_ok($contrast, '>=', 4.5, "$scheme: contrast");
	}

	# Fluent: a second's work for all rows, sorted by what changes all the time.
	$in->('document.querySelector("th[data-key=since] button").click()');
	my $ms = $in->('(() => { const start = performance.now(); for (let i = 0; i < 10; i++) { state.time += 1000; show(); document.body.offsetHeight; } return (performance.now() - start) / 10; })()');
	cmp_ok($ms, '<', 300 * $SLOW, sprintf '%.0f ms of a second for %d machines', $ms, $MACHINES);
	is(join("\n", $browser->complaints), '', 'the browser complains of nothing');

	# A server that stops to answer is told of, and the page goes on when it does again.
	kill STOP => $_ for nginx_workers();
	ok($browser->wait_for('!document.getElementById("trouble").hidden', 20), 'no answer: it says so');
	kill CONT => $_ for nginx_workers();
	ok($browser->wait_for('document.getElementById("trouble").hidden', 20), 'and goes on');
	return;
}

# Processes by their parent. Those of nginx's that answer are no children of `tarboot serve` itself.
sub children { my ($of) = @_; return grep { (eval { slurp("/proc/$_/stat") } // '') =~ /\) \S (\d+)/ && $1 == $of } map { m{(\d+)} } glob '/proc/[0-9]*' }
sub nginx_workers { return map { children($_) } children($serve->{pid}) }

subtest 'in Chromium' => sub {
	plan skip_all => 'no Chromium here: `make test-all` installs it' unless Browser::program();
	look_at_the_page();
};

# ---- a machine that lies ----

my @robbed   = (0 .. 2, 60);
my $stages  = sub { join ', ', map { row($room, mac_of($_))->{stage} } @robbed };
my $STRANGE = '02:00:00:00:00:01';
$room = room();
my $before = $stages->();
message($STRANGERS[0], mac_of($_), 'failure', 'it burns') for @robbed;
message($STRANGERS[0], $STRANGE, '-', 'unpack root: 2.3 s');
message($STRANGERS[1], $STRANGE, 'failure', 'it burns');
$room = wait_room(sub { row($_[0], $STRANGE)->{stage} && $_[0]{ignored} >= 5 });
is($room->{ignored}, 5, 'messages in the name of a machine that has another address');
is($stages->(), $before, 'those are as they were');
is(join(', ', map { row($room, mac_of($_))->{address} } @robbed), join(', ', map { address_of($_) } @robbed), 'where they were');
is(row($room, $STRANGE)->{address}, $STRANGERS[0], 'one whose address nobody knows is the first that says so');
ok(!row($room, $STRANGE)->{confirmed} && row($room, mac_of(0))->{confirmed}, 'which is told');
message($STRANGERS[1], sprintf('02:00:00:01:%02x:%02x', $_ >> 8, $_ & 255), 'failure', 'it burns') for 1 .. 2300;
$room = wait_room(sub { row($_[0], '02:00:00:01:08:fc')->{mac} });
is(scalar @{ $room->{machines} }, $MACHINES + 17, 'who invents machines has a few');

# ---- one that got its address elsewhere, a moment after somebody whom nobody knows ----

my $GUEST = '02:00:00:00:00:02';
sleep 1.5;
nginx_says('192.168.77.90 200 2100 0.000 2100 [-] /menu.ipxe');
$http->flush;
sleep 0.2;
run(qw(ip neighbour add 192.168.77.91 lladdr), $GUEST, qw(dev br0 nud permanent));
nginx_says("192.168.77.91 200 62000000 0.5 62000000 [-] $IMAGE/root.tar.xz");
$http->flush;
$room = wait_room(sub { row($_[0], $GUEST)->{stage} });
is(row($room, $GUEST)->{stage}, 'unpack', 'the kernel knows whose it is');
$MACHINES += 18;

# ---- ten thousand lines a second ----

# Lines that machines have had, also those that are forgotten.
sub count_lines {
	my ($room, @numbers) = @_;
	my $n = 0;

	for my $number (@numbers) {
		my $log = (get("/log/@{[ row($room, mac_of($number))->{id} ]}.txt"))[1];
		my ($forgotten) = $log =~ /^\((\d+) lines before these are forgotten\)$/m;
		$n += ($forgotten // 0) + ($log =~ tr/\n//) - (defined $forgotten ? 2 : 1);
	}
	return $n;
}

sub wait_lines {
	my ($want, @numbers) = @_;
	my $end = time + 10 * $SLOW;
	my $n;

	sleep 0.5 until ($n = count_lines($room, @numbers)) >= $want || time > $end;
	return $n;
}

my ($was, @had) = -1;
until (@had && $had[0] + $had[1] == $was) {    # logs are written one after the other
	$was = @had ? $had[0] + $had[1] : -1;
	sleep 1.5;
	@had = (count_lines($room, 2), count_lines($room, 3 .. 402));
}
my $SECONDS = 5;
my $start   = time;
for my $second (1 .. $SECONDS) {
	for my $n (1 .. 5000) {
		init_says(mac_of(2), '-', "line $second $n " . 'x' x ($n % 400));
		print $feed "Nov 29 11:00:02 dnsmasq-tftp[7]: sent /srv/tarboot/tftp/$n to @{[ address_of(3 + $n % 400) ]}\n";
	}
	$feed->flush;
	sleep 0.05 while time < $start + $second;
}
my $took = time - $start;
cmp_ok($took, '<', $SECONDS + $SLOW, sprintf 'ten thousand lines a second for %.1f s', $took);
is(wait_lines($had[0] + 5000 * $SECONDS, 2), $had[0] + 5000 * $SECONDS, 'no message is lost');
is(wait_lines($had[1] + 5000 * $SECONDS, 3 .. 402), $had[1] + 5000 * $SECONDS, 'no line of the servers is');
$room = wait_room(sub { $_[0]{time} / 1000 > $start + $took + 1 });
cmp_ok($room->{time} / 1000, '>', $start + $took + 1, 'the page goes on');
is(scalar @{ $room->{machines} }, $MACHINES, 'no machine is lost');
is(row($room, mac_of(3))->{stage}, 'firmware', 'the last lines of the servers were read');
like((get("/log/@{[ row($room, mac_of(2))->{id} ]}.txt"))[1], qr/lines before these are forgotten\)\n(?:.*\n){64}\z/, 'a log of 64 lines');

my $more = $room->{forgotten} + 5000 - (2048 - $MACHINES);
say_dhcp('user class: iPXE', sprintf 'DHCPDISCOVER(br0) 02:%02x:%02x:00:00:00', $_ >> 8, $_ & 255) for 1 .. 5000;
$feed->flush;
$room = wait_room(sub { $_[0]{forgotten} >= $more });
is(scalar @{ $room->{machines} }, 2048, 'no more machines than it has room for');
is($room->{forgotten}, $more, 'those that it forgot are counted');
is((grep { row($room, mac_of($_))->{mac} } 0 .. 499), 500, 'all that a server knows are still there');
my ($kib) = slurp("/proc/$serve->{pid}/status") =~ /^VmHWM:\s+(\d+) kB/m;
cmp_ok($kib, '<', 48 * 1024, "its memory: $kib KiB at most");

my @directories = glob '/run/tarboot-serve-*';
is(scalar @directories, 1, 'its files are in memory');
is($serve->stop, 0, 'it stops cleanly');
ok(!-e $directories[0], 'and leaves nothing');

# ---- a terminal that nobody reads for a while; and another program that listens for syslog ----

my $other = IO::Socket::INET->new(Proto => 'udp', LocalAddr => $SERVER, LocalPort => 514) or die "udp: $!\n";
my $pid = open my $terminal, '-|', 'script', '-qec', "stty cols 150 rows 20; exec @SERVE", '/dev/null' or die "script: $!\n";
fcntl $terminal, 1031, 4096 or die "F_SETPIPE_SZ: $!\n";
$_->autoflush(1) for $feed, $http;
$start = time;
wait_room(sub { $_[0]{time} / 1000 > $start }, 20);
read_mark();
boot([ 1, 'unpack', 'pc001' ], [ 2, 'menu', 'pc002' ]);
nginx_says("@{[ address_of(2) ]} 404 153 0.0 153 [-] $IMAGE/vmlinuz");
say_dhcp('vendor class: PXEClient', "DHCPDISCOVER(br0) @{[ mac_of($_) ]}") for 3 .. 40;
$start = time;
$room = wait_room(sub { $_[0]{time} / 1000 > $start + 15 }, 20);
cmp_ok($room->{time} / 1000, '>', $start + 15, 'nobody reads what it prints: the page goes on');
is(scalar @{ $room->{machines} }, 40, 'with all machines');

sub read_screen {
	my ($is_it, $limit) = @_;
	my $end  = time + $limit * $SLOW;
	my $text = '';

	while (time < $end && $text !~ $is_it) {
		sysread $terminal, $text, 4096, length $text or last if IO::Select->new($terminal)->can_read(0.2);
	}
	return $text;
}
my $screen = read_screen(qr/1 FAILED.*1 FAILED.*1 FAILED/s, 20);
like($screen, qr/1 FAILED/, 'it is read again: it goes on');
kill TERM => children($pid);
$screen .= read_screen(qr/\A\z./, 20);
$screen = (split /\e\[H/, $screen)[-1];
my @lines = split /\e\[K\r?\n/, $screen;
like($lines[0], qr{^serving http://\Q$SERVER\E, status http://127\.0\.0\.1:8079/; stop it with Ctrl-C; no syslog \(UDP port 514\): \S+ \(process $$\) uses it$}, 'what is served, and what is not heard');
like($lines[1], qr/^1 FAILED, 1 unpack, 38 DHCP$/, 'the counts');
like($lines[3], qr/^\Q@{[ mac_of(2) ]}\E 192\.168\.78\.2    pc002        FAILED .* HTTP   \S+vmlinuz: error 404$/, 'the failure first');
like($screen, qr/^and \d+ more\e/m, 'what has no room is counted');
done_testing();
