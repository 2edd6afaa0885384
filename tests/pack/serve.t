#!/usr/bin/perl
# What `tarboot serve` does with its servers: when it is killed, when others have their ports, and when `tarboot netboot` changes the
# machines while it runs. dnsmasq and nginx are real; a client of DHCP stands for the machines.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", "$FindBin::RealBin/../netboot";
use Engine;
use Net ();
use Test::More;

need_programs(qw(busybox dnsmasq ip nsenter pgrep pkill ps));
plan skip_all => 'not root: makes networks of its own' if $> != 0;
my $TARBOOT = build_path('tarboot');
my $site    = public('site');
my $second  = public('second');
$ENV{PATH} = Net::servers() . "/commands:$ENV{PATH}";
$ENV{TELL} = spew(scratch('tell'), "#!/bin/sh\n[ \$1 != bound ] || echo \$ip \${hostname:-without a name}\n", 0755);

tiny_root('root');
tarboot('pack', scratch('root'), '-o', scratch('lab.img'), qw(--level=fast --kernel=none --no-shell));
spew(scratch('lab.img.vmlinuz'), bzimage('6.1', 'kernel'));
tarboot('netboot', scratch('lab.img'), '-o', $site, qw(--server 10.7.0.1 --subnet 10.7.0.0/24 --http-port 8080));
tarboot('netboot', scratch('lab.img'), '-o', $second, qw(--server 10.7.0.2 --subnet 10.7.0.0/24 --http-port 8080));
$ENV{SECOND} = $second;

# ---- what it needs is not here ----

for ([ 'nginx', 'nginx-light', 'dnsmasq' ], [ 'dnsmasq', 'dnsmasq-base', 'nginx' ]) {
	my ($missing, $package, $there) = @$_;
	my $path = new_dir();
	spew("$path/$there", "#!/bin/sh\n", 0755);
	symlink run('sh', '-c', 'command -v timeout') =~ s/\n//r, "$path/timeout" or die;
	my $r = do { local $ENV{PATH} = $path; try($TARBOOT, 'serve', $site) };
	is("$r->{exit} $r->{out}$r->{err}", "1 tarboot: $missing: `tarboot serve` runs this program, which is not here\n"
		. "  Install it (Debian: $package), or add its directory to PATH.\n", "without $missing: one sentence, and nothing is started");
}

my $PROLOGUE = <<'END_OF_SH';
tarboot=$1 site=$2 log=$3
ip link set lo up
unshare -n sleep 1000 & machine=$!
ip link add cable type veth peer name plug
sleep 0.5
ip link set plug netns $machine
ip address add 10.7.0.1/24 dev cable
ip link set cable up
nsenter -t $machine -n ip link set plug up

until_true() { for i in $(seq 200); do if eval "$1"; then return 0; fi; sleep 0.1; done; echo "never: $1"; }
servers() { echo $(($(pgrep -fc '^dnsmasq ') + $(pgrep -fc 'nginx: worker' | sed 's/.*[1-9].*/1/'))); }
directories() { ls -d /run/tarboot-serve-* 2>/dev/null | wc -l; }
start() { "$tarboot" serve "$site" --force "$@" >"$log" 2>&1 & serve=$!; until_true 'grep -q "^serving" "$log" && [ $(servers) = 2 ]'; }
END_OF_SH

sub in_room {
	my ($script) = @_;
	my $file = spew(scratch('script'), "#!/bin/sh\n$PROLOGUE$script", 0755);
	return try({ limit => 120 }, Net::private_machine(), $file, $TARBOOT, $site, scratch('log'));
}

# ---- killed ----

my $r = in_room(<<'END_OF_SH');
start
echo "$(servers) servers, $(directories) directory"
kill -KILL $serve
until_true '[ $(servers) = 0 ] && [ $(directories) = 0 ]'
echo "$(servers) servers, $(directories) directories"

start
pkill -KILL -x serve-guardian
kill -KILL $serve
wait $serve 2>/dev/null
sleep 0.5
echo "$(pgrep -fc '^dnsmasq ') dnsmasq, $(directories) directory"
start
grep -o '^removed  /run/tarboot-serve-.*' "$log" | sed 's/serve-....../serve-/'
echo "$(servers) servers, $(directories) directory"
kill -TERM $serve
wait $serve
echo "$?, $(servers) servers, $(directories) directories, $(pgrep -xc serve-guardian)"
END_OF_SH
is($r->{out}, <<'END_OF_TEXT', 'what a killed one leaves is ended at once, and at the latest when the next one starts') or diag($r->{err}, slurp(scratch('log')));
2 servers, 1 directory
0 servers, 0 directories
1 dnsmasq, 1 directory
removed  /run/tarboot-serve-, and servers: a `tarboot serve` that was killed left them
2 servers, 1 directory
0, 0 servers, 0 directories, 0
END_OF_TEXT

# ---- one of the servers ends, or nobody reads any more ----

$r = in_room(<<'END_OF_SH');
nginx_master() { ps -o ppid= -p $(pgrep -f 'nginx: worker' | head -n 1); }
start
kill -KILL $(nginx_master)
wait $serve
echo "$?, $(servers) servers, $(directories) directories"
grep -A 1 'nginx-light' "$log"
start
sleep 2 # by then what it said at its start is old
kill -KILL $(pgrep -f '^dnsmasq ')
wait $serve
echo "$?, $(servers) servers, $(directories) directories"
grep -A 1 'dnsmasq-base' "$log"
"$tarboot" serve "$site" --force | head -n 1 | cut -c 1-7
until_true '[ $(servers) = 0 ] && [ $(directories) = 0 ]'
echo "$(servers) servers, $(directories) directories"
END_OF_SH
is($r->{out}, <<'END_OF_TEXT', 'all of it ends with one of them, or with its reader') or diag($r->{err}, slurp(scratch('log')));
1, 0 servers, 0 directories
tarboot: nginx-light: the server from this package has ended (killed by signal 9)
  See its last messages above, and start tarboot serve again.
1, 0 servers, 0 directories
tarboot: dnsmasq-base: the server from this package has ended (killed by signal 9)
  See its last messages above, and start tarboot serve again.
serving
0 servers, 0 directories
END_OF_TEXT

$r = in_room(<<'END_OF_SH');
removed() { grep -o '^removed  /run/tarboot-serve-.*' "$log" | sed 's/serve-....../serve-/'; }
start
pkill -STOP dnsmasq # which makes its end take longer
kill -KILL $serve
wait $serve 2>/dev/null
start
echo "at once: $(servers) servers, $(directories) directory"

pkill -KILL -x serve-guardian
kill -KILL $serve
pkill -KILL dnsmasq
pkill -KILL nginx
pkill -KILL -f nginx:
until_true '[ $(servers) = 0 ]'
start
removed
echo "$(servers) servers, $(directories) directory"
kill -TERM $serve
wait $serve

mkdir -m 700 /run/tarboot-serve-empty1 /run/tarboot-serve-empty2 /run/tarboot-serve-full01
touch /run/tarboot-serve-full01/file
touch -d '1 hour ago' /run/tarboot-serve-empty1 /run/tarboot-serve-full01
start
removed
kill -TERM $serve
wait $serve
(cd /run && echo tarboot-serve-*)

mount -t tmpfs -o nr_inodes=2 none /run
start
echo "$(servers) servers, $(directories) directories"
kill -TERM $serve
wait $serve
umount /run
END_OF_SH
is($r->{out}, <<'END_OF_TEXT', 'what is left never keeps the next one from starting') or diag($r->{err}, slurp(scratch('log')));
at once: 2 servers, 1 directory
removed  /run/tarboot-serve-: a `tarboot serve` that was killed left it
2 servers, 1 directory
tarboot-serve-empty2 tarboot-serve-full01
2 servers, 0 directories
END_OF_TEXT

# ---- others are left alone ----

$r = in_room(<<'END_OF_SH');
begin() { sh -c "sleep 100; : $2" & eval "$1=$!"; }
living() { for k in $nginx $dnsmasq; do if kill -0 $k; then echo "lives"; fi; done; }
start
dir=$(echo /run/tarboot-serve-*)
begin nginx "nginx -t -c $dir/nginx.conf"
begin dnsmasq "dnsmasq --pid-file=$dir/dnsmasq.pid"
kill -KILL $serve
until_true '[ $(servers) = 0 ] && [ $(directories) = 0 ]'
living

start
pkill -KILL -x serve-guardian
kill -KILL $serve
wait $serve 2>/dev/null
echo "$nginx 1" >>/run/tarboot-serve-*/servers
start
living

nsenter -t $machine -n ip link set lo up
nsenter -t $machine -n ip address add 10.7.0.2/24 dev plug
first=$(pgrep -f '^dnsmasq ')
nsenter -t $machine -n "$tarboot" serve "$SECOND" --force >"$log.second" 2>&1 & second=$!
until_true 'grep -q "^serving" "$log.second" && [ $(pgrep -fc "^dnsmasq ") = 2 ]'
echo "$(directories) directories, removed: $(grep -c ^removed "$log.second")"
kill -TERM $second
wait $second
kill -0 $first && kill -0 $serve && echo "$(servers) servers, $(directories) directory"
kill -TERM $serve
wait $serve
END_OF_SH
is($r->{out}, <<'END_OF_TEXT', 'only its own servers are ended: not who has their words, nor their number, nor those of another') or diag($r->{err}, slurp(scratch('log')));
lives
lives
lives
lives
2 directories, removed: 0
2 servers, 1 directory
END_OF_TEXT

# ---- others have the ports ----

my $hold = spew(scratch('hold'), <<'END_OF_PERL', 0755);
use IO::Socket::IP;
my ($proto, $address, $port) = @ARGV;
my $s = IO::Socket::IP->new(Proto => $proto, LocalHost => $address, LocalPort => $port, $proto eq 'tcp' ? (Listen => 1) : ()) or die "$@\n";
open my $done, '>', "$0.done" or die;
sleep 1000;
END_OF_PERL
$r = in_room(<<"END_OF_SH");
ip link set lo up
refuse() {
	"\$tarboot" serve "\$site" --force "\$@" 2>&1 | grep -v '^  ' | sed "s/\$holder/N/g"
}
hold() {
	rm -f '$hold.done'
	perl '$hold' \$1 \$2 \$3 & holder=\$!
	until_true '[ -e "$hold.done" ]'
	shift 3
	refuse "\$@"
	kill \$holder
	wait \$holder 2>/dev/null
}
hold tcp 10.7.0.1 8080
hold tcp :: 8080
hold udp 0.0.0.0 67
hold udp 10.7.0.1 69
hold tcp 127.0.0.1 8079
hold tcp ::1 99 --status '[::1]:99'
holder=none
refuse --status 10.9.9.9:99
refuse --status 0.0.0.0:8080
start --status 127.0.0.1:99
kill -TERM \$serve
wait \$serve
END_OF_SH
is($r->{out}, <<'END_OF_TEXT', 'who has a port is named') or diag($r->{err});
tarboot: TCP port 8080 (HTTP): perl (process N) uses it
tarboot: TCP port 8080 (HTTP): perl (process N) uses it
tarboot: UDP port 67 (DHCP): perl (process N) uses it
tarboot: UDP port 69 (TFTP): perl (process N) uses it
tarboot: TCP port 8079 (the status page): perl (process N) uses it
tarboot: TCP port 99 (the status page): perl (process N) uses it
tarboot: TCP port 99 (the status page): cannot serve there: Address not available
tarboot: 0.0.0.0:8080: the machines boot from there
END_OF_TEXT

# ---- nginx of other versions ----

mkdir scratch('nginx') or die;
my $nginx = scratch('nginx/nginx');
spew($nginx, <<'END_OF_SH', 0755);
#!/bin/sh
case " $* " in *' -e '*) echo 'nginx: invalid option: "e"' >&2; exit 1;; esac
[ ! "$NGINX_SAYS" ] || { echo "$NGINX_SAYS" >&2; exit 1; }
PATH=${PATH#*:} exec nginx "$@"
END_OF_SH
$ENV{OTHERS} = scratch('nginx');
$r = in_room(<<'END_OF_SH');
PATH="$OTHERS:$PATH"
start
echo "$(servers) servers"
kill -TERM $serve
wait $serve
NGINX_SAYS='directive "http" is not what I take' "$tarboot" serve "$site" --force 2>&1 | grep -A 1 '^tarboot: nginx'
END_OF_SH
is($r->{out}, <<'END_OF_TEXT', 'one before 1.19.5 serves, and what one said that does not is said') or diag($r->{err}, slurp(scratch('log')));
2 servers
tarboot: nginx-light: the server from this package has ended (status 1); it also said: directive "http" is not what I take
  See its last messages above, and start tarboot serve again.
END_OF_TEXT

# ---- the server's own address ----

$r = in_room(<<'END_OF_SH');
ip address del 10.7.0.1/24 dev cable
ip address add 10.7.0.1/24 dev cable label cable:room
for name in cable cable:room; do
	start --interface $name
	grep -o '^serving .* on [^,]*' "$log"
	kill -TERM $serve
	wait $serve
done
"$tarboot" serve "$site" --interface cable:other 2>&1 | head -n 1

nsenter -t $machine -n ip link set lo up
nsenter -t $machine -n ip address add 10.7.0.2/24 dev plug
nsenter -t $machine -n dnsmasq -k -C /dev/null --user=root --log-facility=- --pid-file= --port=0 --interface=plug \
	--dhcp-range=10.7.0.50,10.7.0.60,10m --dhcp-leasefile="$log.leases" >"$log.dhcp" 2>&1 & dhcp=$!
until_true 'grep -q "DHCP, IP range" "$log.dhcp"'
busybox udhcpc -f -q -n -t 5 -T 2 -i cable -s /bin/true 2>/dev/null
own=$(cut -d ' ' -f 3 "$log.leases")
ip address add $own/24 dev cable
"$tarboot" serve "$site" 2>&1 | head -n 1
grep -c DHCPRELEASE "$log.dhcp"
grep -c " $own " "$log.leases"
kill $dhcp
END_OF_SH
is($r->{out}, <<'END_OF_TEXT', 'it may have a label, by which its interface may be named, and is not given back by the look for other DHCP servers') or diag($r->{err}, slurp(scratch('log')), slurp(scratch('log.dhcp')));
serving  http://10.7.0.1:8080 on cable
serving  http://10.7.0.1:8080 on cable
tarboot: cable:other: no interface of that name has the server's address 10.7.0.1
tarboot: cable: another DHCP server assigns addresses on this network
0
1
END_OF_TEXT

# ---- who else can write to the directory ----

$r = in_room(<<'END_OF_SH');
warned() {
	start
	grep -o '^tarboot: warning: whoever can write to .* is root .*: chown.*' "$log" | sed "s:$site:DIR:g"
	kill -TERM $serve
	wait $serve
}
warned
for name in / /config /config/dnsmasq.conf; do
	chown 1000 "$site$name"
	warned
	chown 0 "$site$name"
done
chmod g+w "$site"
warned
chgrp 1000 "$site"
warned
chgrp 0 "$site"
chmod 777 "$site/config"
warned
chmod 755 "$site" "$site/config"
END_OF_SH
my $as_root = 'is root on this machine, for dnsmasq and nginx start as root with what stands there';
is($r->{out}, join('', map { "tarboot: warning: whoever can write to DIR$_ $as_root: chown root: DIR$_; chmod go-w DIR$_\n" } '', '/config', '/config/dnsmasq.conf', '', '/config'),
	'it warns of whom it takes for root') or diag($r->{err}, slurp(scratch('log')));

# ---- what machines say to dnsmasq, with newlines in it ----

$r = in_room(<<'END_OF_SH');
start
nsenter -t $machine -n ip link set lo up
nsenter -t $machine -n ip address add 10.7.0.9/24 dev plug
forged=$(printf 'x\ndnsmasq-dhcp[1]: 7 DHCPACK(br0) 10.7.0.66 52:54:00:12:34:01 teacher')
nsenter -t $machine -n busybox tftp -g -r "$forged" -l /dev/null 10.7.0.1 2>/dev/null
until_true 'grep -q "dnsmasq-tftp.*/xdnsmasq-dhcp.* teacher not found for 10.7.0.9" "$log"'
nsenter -t $machine -n busybox udhcpc -f -q -n -t 5 -T 2 -i plug -V "$forged" -x hostname:"$forged" -s /bin/true 2>/dev/null
until_true 'grep -q "address given" "$log"'
grep -c 'given to teacher' "$log"
ls -l /run/tarboot-serve-*/nginx.conf | cut -c 1-10
kill -TERM $serve
wait $serve
END_OF_SH
is($r->{out}, <<'END_OF_TEXT', 'it prints them on one line, and the mark of nginx is for root alone') or diag($r->{err}, slurp(scratch('log')));
0
-rw-------
END_OF_TEXT

# ---- machines that change ----

$r = in_room(<<'END_OF_SH');
ask() {
	nsenter -t $machine -n ip link set plug address 52:54:00:00:00:$1
	nsenter -t $machine -n busybox udhcpc -f -q -n -t 5 -T 2 -i plug -O hostname -s "$TELL" 2>/dev/null || echo no answer
}
change() {
	n=$(grep -c 'reads names and addresses' "$log")
	"$tarboot" netboot -o "$site" -q "$@"
	until_true '[ $(grep -c "reads names and addresses" "$log") -gt $n ]'
	sleep 0.5
}
start
ask 77 | sed 's/\.[0-9]* /.X /'
change --host 52:54:00:00:00:77=10.7.0.99,pc77
ask 77
change --forget 52:54:00:00:00:77 --host 52:54:00:00:00:78=10.7.0.99,pc77
ask 78 | sed 's/\.[12]..* /.X /'
grep -o 'not using configured address .*' "$log" | head -n 1
kill -TERM $serve
wait $serve
start
ask 78
"$tarboot" netboot -o "$site" -q --router 10.7.0.1
until_true 'grep -q "config/dnsmasq.conf has changed: stop tarboot serve and start it again; until then machines may not boot" "$log"'
kill -TERM $serve
wait $serve
END_OF_SH
is($r->{out}, <<'END_OF_TEXT', 'names and addresses count at once; an address that another machine had, with the next start') or diag($r->{err}, slurp(scratch('log')));
10.7.0.X without a name
10.7.0.99 pc77
10.7.0.X pc77
not using configured address 10.7.0.99 because it is leased to 52:54:00:00:00:77
10.7.0.99 pc77
END_OF_TEXT

# As a look for other DHCP servers, which takes some seconds.
mkdir scratch('look') or die;
spew(scratch('look/busybox'), "#!/bin/sh\n'$TARBOOT' netboot -o '$site' -q --host 52:54:00:00:00:79=10.7.0.98,pc79\nexit 1\n", 0755);
$ENV{LOOK} = scratch('look');
$r = in_room(<<'END_OF_SH');
PATH="$LOOK:$PATH" "$tarboot" serve "$site" >"$log" 2>&1 & serve=$!
until_true 'grep -q "config/dnsmasq.hosts has changed: dnsmasq reads names and addresses of machines again" "$log"'
echo "$(servers) servers"
kill -TERM $serve
wait $serve
END_OF_SH
is($r->{out}, "2 servers\n", 'also what changes before the servers have started') or diag($r->{err}, slurp(scratch('log')));
# ---- an address that another DHCP server gives to another machine ----

$r = in_room(<<'END_OF_SH');
in_machine() { nsenter -t $machine -n "$@"; }
boot() {
	in_machine ip link set plug down
	in_machine ip link set plug address "$1"
	in_machine ip link set plug up
	sleep 2.5 # ARP does not change its mind at once
	until_true 'in_machine busybox wget -q -O /dev/null http://10.7.0.1:8080/menu.ipxe 2>/dev/null'
	until_true "grep -q '$1 .* /menu.ipxe' \"$log\""
}
start
in_machine ip address add 10.7.0.9/24 dev plug
boot 02:00:00:00:00:01
boot 02:00:00:00:00:02
sed -n 's,^[^ ]*  \([^ ]* [^ ]*\)  *HTTP   /menu.ipxe$,\1,p' "$log"
kill -TERM $serve
wait $serve
END_OF_SH
is($r->{out}, <<'END_OF_TEXT', 'each line is of the machine that has the address then') or diag($r->{err}, slurp(scratch('log')));
02:00:00:00:00:01 10.7.0.9
02:00:00:00:00:02 10.7.0.9
END_OF_TEXT

# ---- a machine whose own script is missing ----

$r = in_room(<<'END_OF_SH');
get() { nsenter -t $machine -n busybox wget -q -O /dev/null "http://10.7.0.1:8080/mac-52-54-00-00-00-$1.ipxe" 2>/dev/null; }
start
nsenter -t $machine -n ip address add 10.7.0.9/24 dev plug
"$tarboot" netboot -o "$site" -q --boot 52:54:00:00:00:55=lab
rm "$site/http/mac-52-54-00-00-00-55.ipxe"
get 54
get 55
until_true 'grep -q "mac-52-54-00-00-00-55" "$log"'
sed -n 's,.*HTTP   /,,p' "$log"
kill -TERM $serve
wait $serve
"$tarboot" netboot -o "$site" -q --forget 52:54:00:00:00:55
END_OF_SH
is($r->{out}, "mac-52-54-00-00-00-55.ipxe: error 404\n", 'a machine that needs its script, given while it serves, and lacks it: that is told; of others it is not')
	or diag($r->{err}, slurp(scratch('log')));

# ---- more machines than the kernel knows neighbours ----

# Only the first network namespace has the file.
tarboot('netboot', scratch('lab.img'), '-o', public('many'), qw(--server 10.7.0.1 --subnet 10.7.0.0/16 --http-port 8080 --range), '10.7.1.0,10.7.4.255');
$site = public('many');
$r    = in_room(<<'END_OF_SH');
mount -t tmpfs none /proc/sys
mkdir -p /proc/sys/net/ipv4/neigh/default
for limit in 1023 1024; do
	echo $limit >/proc/sys/net/ipv4/neigh/default/gc_thresh3
	start
	kill -TERM $serve
	wait $serve
	grep -h neigh "$log"
done
END_OF_SH
is($r->{out}, "tarboot: warning: there may be 1024 machines, and this machine's kernel knows the addresses of 1023 at a time, so others get no answer: "
	. "run `sysctl -w net.ipv4.neigh.default.gc_thresh3=2048`\n", 'a range of more machines than the kernel knows neighbours') or diag($r->{err}, slurp(scratch('log')));
done_testing();
