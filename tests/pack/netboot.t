#!/usr/bin/perl
# What `tarboot netboot` writes: versions and their links, what is kept, what is refused, and configurations that the
# servers themselves accept. tests/netboot/ boots from it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", "$FindBin::RealBin/../netboot", $FindBin::RealBin;
use Engine;
use Netboot;
use Fcntl qw(LOCK_EX);
use Modules ();
use Net ();
use POSIX ();
use Test::More;

need_programs(qw(minisign busybox dnsmasq));
plan skip_all => 'not root: the servers\' programs are extracted as root' if $> != 0;
my $TARBOOT = build_path('tarboot');
my $servers = Net::servers();
my $site    = public('site');
my @NET     = qw(--server 10.7.0.1 --subnet 10.7.0.0/24);

sub link_of { return readlink("$site/http/images/$_[0]") // '' }
sub menu    { return slurp("$site/http/menu.ipxe") }

my $lab = word_image('lab', 'one');
refuses($site, 'no server',  1, qr/address of the server is not known\n.*--server/, $lab);
refuses($site, 'no subnet',  1, qr/subnet of the machines is not known\n.*--subnet/, $lab, '--server', '10.7.0.1');
refuses($site, 'no kernel',  1, qr/none: cannot read the kernel.*\n.*--kernel/, $lab, @NET, '--kernel', scratch('none'));
{
	my $gz = scratch('compressed-kernel.gz');
	run('sh', '-c', 'gzip -c <"$0" >"$1"', spew(scratch('compressed-kernel'), bzimage('6.1')), $gz);
	refuses($site, 'a kernel that is compressed as a whole', 1,
		qr{^tarboot: \Q$gz\E: it is compressed as a whole, and neither iPXE nor UEFI firmware starts such a kernel\n  Pack the image again: pack decompresses it; or give a decompressed one with --kernel FILE\.\n\z},
		$lab, @NET, '--kernel', $gz);
}
refuses($site, 'a kernel that is none', 1, qr{^tarboot: /etc/passwd: it is not a Linux kernel\n  Give the file that a boot loader loads: vmlinuz, bzImage or Image\.\n\z},
	$lab, @NET, '--kernel', '/etc/passwd');
refuses($site, 'a kernel for another machine', 1, qr{^tarboot: \S+/arm-kernel: it is for aarch64, the image is for x86-64\n  Give it with --kernel FILE\.\n\z},
	$lab, @NET, '--kernel', spew(scratch('arm-kernel'), 'MZ' . "\0" x 0x36 . "ARM\x64" . "\0" x 200));
{
	# A kernel of the root, or --kernel: the image says which one goes with it.
	my $paired = scratch('paired.img');
	tarboot('pack', scratch('root-lab-one'), '-o', $paired, qw(--level=fast --no-shell --kernel), "$lab.vmlinuz");
	spew("$paired.vmlinuz", bzimage('6.1', 'another'));
	my $message = qr{^tarboot: \Q$paired\E\.vmlinuz: it is not the kernel that \Q$paired\E was packed with\n  Pack the image again, or name a kernel with --kernel FILE\.\n\z};
	refuses($site, 'the kernel of another image', 1, $message, $paired, @NET);
	my $r = try($TARBOOT, 'run', $paired);
	is($r->{exit}, 1, 'run: refused, too');
	like($r->{err}, $message, 'and says why');
}
refuses($site, 'no image',   1, qr/none\.img: cannot open/, scratch('none.img'), @NET, '--kernel', "$lab.vmlinuz");
refuses($site, 'two titles', 2, qr/--name, --title and --kernel need exactly one IMAGE\n/, $lab, $lab, @NET, '--title', 'x');
refuses($site, 'a bad value', 2, qr/--\S+ .*: (?:it|after the =)(?: there)? must/, @NET, @$_)
	for [qw(--server 300.1.1.1)], [qw(--server 010.1.1.1)], [qw(--subnet 10.7.0.0/31)], [qw(--subnet 10.7.0.0)],
	[qw(--host 52:54:00:12:34=10.7.0.9)], [qw(--host 52:54:00:12:34:56=10.7.0)], ['--range', '10.7.0.5'],
	['--host', '52:54:00:12:34:56=10.7.0.9,a.b'], [qw(--timeout soon)], [qw(--timeout -1)], [qw(--http-port 70000)],
	[qw(--url ftp://x)], ['--url', 'http://${x}'], ['--url', 'http://h/a,b'], ['--url', 'http://h/a"b'], ['--installer', 'http://h/\\'],
	['--ipxe', "/usr/lib/ipxe\nserver = 10.7.0.9"], ['--ipxe', '/a"b'], ['--default', 'a b'], [qw(--boot 525400123456=lab)];
refuses($site, 'a server elsewhere', 1, qr/server: its address is not in the subnet/, $lab, '--server', '10.8.0.1', '--subnet', '10.7.0.0/24');
refuses($site, 'a machine elsewhere', 1, qr/not in the subnet/, $lab, @NET, '--host', '52:54:00:12:34:56=10.8.0.9');
refuses($site, 'two with one address', 1, qr/^tarboot: 52:54:00:12:34:02: 52:54:00:12:34:01 has the same address, 10\.7\.0\.9\n  Give one of them another, or take that machine away with --forget MAC\.\n\z/, $lab, @NET, map { ('--host', "52:54:00:12:34:0$_=10.7.0.9") } 1, 2);
refuses($site, 'the server\'s address', 1, qr/is the server's/, $lab, @NET, '--host', '52:54:00:12:34:56=10.7.0.1');
refuses($site, 'a range elsewhere', 1, qr/range: it must lie/, $lab, @NET, '--range', '10.7.0.9,10.7.0.2');
refuses($site, 'a range with the server', 1, qr/range: it contains 10\.7\.0\.1, the address of the server\n  Give another with --range/, $lab, @NET, '--range', '10.7.0.1,10.7.0.9');
refuses($site, 'a range with the router', 1, qr/range: it contains 10\.7\.0\.7, the address of the router\n/, $lab, @NET, qw(--router 10.7.0.7 --range), "10.7.0.5,10.7.0.9");
refuses($site, 'a range with the DNS server', 1, qr/range: it contains 10\.7\.0\.9, the address of the DNS server\n/, $lab, @NET, qw(--dns 10.7.0.9 --range), "10.7.0.5,10.7.0.9");
refuses($site, 'a subnet without room', 1, qr/subnet: no address is left for the machines\n/, $lab, qw(--server 10.7.0.2 --subnet 10.7.0.0/30 --router 10.7.0.1));
refuses($site, 'a fixed address by proxy', 1, qr/with proxy/, $lab, @NET, '--proxy', '--host', '52:54:00:12:34:56=10.7.0.9');
refuses($site, 'the menu\'s own name', 1, qr/local: the menu has an entry of its own with that name\n/, $lab, @NET, qw(--name local));
refuses($site, "a title with " . s/\n/ /r, 1, qr/--title: a menu cannot show/, $lab, @NET, '--title', $_)
	for '${net0/mac}', "two\nlines", 'a && b', "\xc3\xa4", '-x', 'x' x 70, 'Room #3', 'a ; b';
refuses($site, 'a kernel line that is too long', 1, qr/^tarboot: --append: it may have 1023 characters, this one has 1024\n  Shorten it\.\n\z/m, $lab, @NET, '--append', 'x' x 1024);
refuses($site, "a kernel line with $_->[0]", 1, qr/^tarboot: --append: $_->[2]\n\z/m, $lab, @NET, '--append', $_->[1])
	for [ 'an open quote', 'quiet x="a', 'a double quote is not closed, so words behind it would be part of its value\n  Write the double quote that ends it\.' ],
	[ 'two blanks in quotes', 'x="a  b"', 'it has two blanks in quotes, of which iPXE makes one\n  Write one blank there\.' ];
refuses($site, "a kernel line $_", 1, qr/--append: an iPXE script cannot/, $lab, @NET, '--append', $_) for 'a ${b}', 'panic=60 #x y', 'a ; b';
refuses($site, 'a kernel line with ' . s/\t/a tab/r =~ s/\n/ a line break/r, 1, qr/^tarboot: --append: there is a tab, a line break or another control character in it\n  Write it in one line, with blanks between\.\n\z/, $lab, @NET, '--append', $_)
	for "a\tb\nc", "a\tb", "a\nb";
ok(!-e $site, 'nothing of all that has left a directory');

# ---- versions ----

works($site, 'an image', $lab, @NET, '--title', 'Class room', '--host', '52-54-00-AB-34-56=10.7.0.20,pc20');
my $one = link_of('lab/current');
like($one, qr/^\d{8}-\d{6}\z/, 'the current version');
is(link_of('lab/previous'), '', 'there is no previous one');
is(slurp("$site/http/images/lab/current/vmlinuz"), bzimage('6.1', 'kernel of one'), 'its kernel');
is(slurp("$site/http/images/lab/current/initrd.img"), slurp($lab), 'its image');
like(menu(), qr/^item --key 1 lab \[1\] Class room \(.*\)\n/m, 'the menu has it');
like(menu(), qr{^set from \$\{base\}/images/lab/\Q$one\E\n}m, 'by its version');
like(menu(), qr/ rw panic=60 selinux=0 ip=::::\$\{host:uristring\}::dhcp biosdevname=0 net\.ifnames=0 ipv6\.disable=0 \|\|/, 'with the default line, and a place for names');
like(menu(), qr/^chain --autofree .*\.ipxe \|\|\nset host \$\{netX\/hostname\} \|\|\nisset \$\{netX\/dns\} && set nameserver :\$\{netX\/dns\} \|\|\n\n/m, 'which the machine\'s own script may set');
like(menu(), qr/ tarboot\.shell tarboot\.debug \|\|/, 'and for debug');
is(menu() =~ s/^set base .*\n//mr, menu() =~ s{^set base http://10\.7\.0\.1\n}{}mr, 'from the server');
unlike(menu(), qr/install/, 'there is no installer');

refuses($site, 'a default that is none', 1, qr/nothing: the menu has no such entry/, qw(--default nothing));
like(works($site, 'the same again', $lab), qr/^unchanged lab/m, 'changes nothing');
is(link_of('lab/current'), $one, 'it stays');
word_image('lab', 'two');
works($site, 'another', $lab, '--append', 'quiet x="a b#c"');
my $two = link_of('lab/current');
isnt($two, $one, 'it becomes the current one');
is(link_of('lab/previous'), $one, 'the first is the previous');
like(menu(), qr/^:lab\.previous\n.*\n.*\Q$one\E\n(?:.*\n){3}kernel .* panic=60 /m, 'which keeps its kernel line');
like(menu(), qr/^:lab\n.*\n.*\Q$two\E\n(?:.*\n){3}kernel \S+ initrd=initrd\.img quiet x="a b#c" \|\|/m, 'the new one has its own');
{
	my $entry = "$site/http/images/lab/$two/entry.conf";
	my $text  = slurp($entry);
	like($text, qr/^append = 'quiet x="a b#c"'$/m, 'in quotes in its file');
	spew($entry, $text =~ s/^size = .*/size = many/mr);
	refuses($site, 'a damaged version', 1, qr/^tarboot: \S+entry\.conf: line 5: size: it must be a number\n  Correct that line\.\n\z/m, '--timeout', 5);
	spew($entry, $text);
	refuses($site, 'quotes of both kinds', 1, qr/^tarboot: --append: it has quotes of both kinds, and begins with one or has a #\n  Use one kind of quotes\.\n\z/m, $lab, '--append', q("a" 'b'));
}
open my $slow, '<', "$site/http/images/lab/$one/initrd.img" or die;
works($site, 'back', '--rollback', 'lab');
is(link_of('lab/current') . link_of('lab/previous'), $one . $two, 'they are swapped');
works($site, 'and forth', '--rollback', 'lab');
for my $word (qw(three four five)) {
	word_image('lab', $word);
	works($site, "version $word", $lab, '--versions', 2);
}
is(scalar(my @kept = glob "$site/http/images/lab/2*"), 2, 'two versions are kept');
{
	my ($menu, $previous) = (menu(), link_of('lab/previous'));
	spew("$site/http/menu.ipxe", "#!ipxe\nmine\n");
	refuses($site, 'a menu of the admin', 1, qr/menu\.ipxe: it was not written by tarboot, so it is not overwritten\n/, word_image('lab', 'seven'));
	ok(-e "$site/http/images/lab/$previous/initrd.img", 'what the old menu names stays, too');
	spew("$site/http/menu.ipxe", $menu);
	works($site, 'when the menu is ours again');
	ok(!-e "$site/http/images/lab/$previous", 'it goes');
}
{
	# The clock was put back, by much.
	my $future = scratch('future');
	my @publish = ($TARBOOT, 'netboot', '-o', $future, @NET);
	run(@publish, $lab);
	my $lab_there = "$future/http/images/lab";
	run('mv', "$lab_there/" . readlink("$lab_there/current"), "$lab_there/20991231-235959");
	run('ln', '-sfn', '20991231-235959', "$lab_there/current");
	run(@publish, word_image('lab', 'eight'));
	is(readlink("$lab_there/current"), '21000101-000000', 'a version is newer than the one before, whatever the clock says');
}
is(length(do { local $/; <$slow> }), -s $slow, 'who reads an old one reads it to its end');
refuses($site, 'a rollback of nothing', 1, qr/it has no image nothing/, '--rollback', 'nothing');

like(works($site, 'a trial image', word_image('a-trial', 'one'), '--append', ''), qr/^image    lab: .*, the default$/m, 'is not the default, though it is the first by name');
like(menu(), qr/^:a-trial\n(?:.*\n){1,5}kernel \S+ initrd=initrd\.img  \|\| goto failed$/m, 'its kernel command line is empty');
like(menu(), qr/^set entry lab\n/m, 'nor in the menu');
works($site, 'removed', '--remove', 'a-trial');
{
	# A line that a tarboot before this one has taken.
	my $entry = "$site/http/images/lab/current/entry.conf";
	my $text  = slurp($entry);
	spew($entry, $text =~ s/^append = .*/append = quiet tarboot.sise=1g/mr);
	refuses($site, 'the line of the version before', 1, qr/^tarboot: --append: tarboot\.sise: unknown parameter; did you mean tarboot\.size\?\n  Correct it with --append: /m, word_image('five', 'five'), '--name', 'lab');
	spew($entry, $text);
}
{
	# A root of which zram can save much, with zram's module.
	my $root = tiny_root('root-zram', sub {
		my ($root) = @_;
		my $modules = "$root/lib/modules/6.1";
		run('mkdir', '-p', "$modules/kernel");
		spew("$modules/kernel/zram.ko", "\x7fELFzram");
		spew("$modules/modules.dep", "kernel/zram.ko:\n");
		spew("$modules/modules.$_", '') for qw(alias softdep);
		spew("$root/text", join '', map { "$_ bottles of beer\n" } 1 .. 4_000_000);
	});
	my $image = scratch('a-zram.img');
	tarboot('pack', $root, '-o', $image, qw(--level=fast --kernel=none --no-shell));
	spew("$image.vmlinuz", bzimage('6.1', 'k' x 14_000_000));
	my $loads = int(((-s $image) + (-s "$image.vmlinuz")) / 2**20 + 0.5);
	my ($least, $zram) = tarboot('inspect', $image) =~ /^machine  needs about (\d+)\.0 MiB of RAM to boot, with zram about (\d+)\.0 MiB; /m;
	ok($zram && $zram < $least, 'an image that boots with less RAM by zram');
	works($site, 'is published', $image);
	like(menu(), qr/^# loads $loads MiB; the machine needs about $least MiB of RAM, with zram about $zram MiB$/m, 'the menu tells both, and what is loaded, with the kernel');
	is(scalar(my @told = menu() =~ /with zram/g), 2, 'of it and its entry for debugging alone');
	works($site, 'is removed', '--remove', 'a-zram');
	spew("$root/text", run('head', '-c', 20_000_000, '/dev/urandom'));
	tarboot('pack', $root, '-o', $image, qw(--level=fast --kernel=none --no-shell));
	like(tarboot('inspect', $image), qr/^machine  needs about \d+\.0 MiB of RAM to boot, with zram as much; /m, 'zram saves nothing where the root does not compress');
}

my $long = 'x' x 33;
refuses($site, 'a name of 33 characters', 1, qr/x\.img: its name is too long for the menu, which takes 32 characters\n.*--name/, word_image($long, 'one'));
works($site, 'a shorter one', scratch("$long.img"), qw(--name shorter));
works($site, 'with --name two files are versions of one', word_image('shorter2', 'two'), qw(--name shorter));
works($site, 'a dot', word_image('b.1', 'one'));
refuses($site, 'another file of that name', 1, qr/b-1: the image of this name came from b\.1\.img, and this is b-1\.img\n.*--name/, word_image('b-1', 'two'));
works($site, "$_ is removed", '--remove', $_) for qw(shorter b-1);
my $fresh = word_image('fresh', 'one');
run('mkdir', scratch('elsewhere'));
run('cp', '-a', $fresh, "$fresh.vmlinuz", scratch('elsewhere'));
my $twin = scratch('elsewhere/fresh.img');
refuses($site, 'two of one name', 1, qr{^tarboot: fresh: two images would have this name, \Q$fresh\E and \Q$twin\E\n  Give one of them another name with --name, or, if the second is a new version of the first, publish them one after the other\.\n\z}, $fresh, $twin);
refuses($site, 'a name that one of them cannot have', 1, qr{^tarboot: menu: the menu has an entry of its own with that name\n  Give another with --name\.\n\z}, $fresh, word_image('menu', 'one'));
my $crooked = spew(scratch("a\nappend = b.img"), slurp($fresh));
refuses($site, 'a file whose name has a newline', 1, qr{^tarboot: \S*/a\\012append = b\.img: its file name contains a control character\n  Rename it\.\n\z},
	$crooked, '--kernel', "$fresh.vmlinuz", '--name', 'fresh');
is(link_of('fresh/current'), '', 'then the others are not published either');

works($site, 'in two files', word_image('parts', 'one', '--compress=zstd'), '--split', '--installer', 'http://10.7.0.1/debian/');
like(menu(), qr{initrd=boot\.img initrd=root\.img .*\ninitrd \S+boot\.img .*\ninitrd \S+root\.img }, 'the menu has both');
like(menu(), qr{^kernel http://10\.7\.0\.1/debian/linux initrd=initrd\.gz}m, 'and an installer');
my $dir = "$site/http/images/parts/current";
my @members = newc_read(spew(scratch('both.img'), slurp("$dir/boot.img") . slurp("$dir/root.img")));
my ($manifest) = grep { $_->{name} eq 'tarboot/manifest' } @members;
is($members[-2]{data}, $manifest->{data}, 'the payload has its manifest with it');
is($members[-2]{name} . $members[-1]{name}, 'tarboot/manifestrootfs.tar.zst', 'in its file');
is(substr($members[-1]{data}, 0, 4), "\x28\xb5\x2f\xfd", 'which is zstd here');
is(length slurp("$dir/root.img") > length $members[-1]{data}, 1, 'and all of it is there');
like(run($TARBOOT, 'verify', "$dir/root.img"), qr/^digests: right: manifest, each Block and the whole payload$/m,
	'and right, as its manifest says, which has a boot part beside it no more');
{
	# What no machine could boot is not published: no /init, or damaged.
	my $payload = payload_of($lab);
	my @boot    = newc_read($lab);
	my $by_hand = spew(scratch('by-hand.img'), cpio_of('newc', grep { $_->{name} eq 'init' || $_->{name} eq 'rootfs.tar.xz' } @boot));
	my @named   = ('--name', 'bare', '--kernel', "$lab.vmlinuz");
	refuses($site, 'an image of others in two files', 1, qr{^tarboot: \Q$by_hand\E: it cannot be split: it was not made by tarboot pack\n  Publish it without --split\.\n\z},
		'--split', @named, $by_hand);
	my $bare = qr{^tarboot: \Q$payload\E: it is the archive of a root, not an image: it has no /init that the kernel could start\n  Pack it first: `tarboot pack ROOT -o IMAGE`\.\n\z};
	refuses($site, 'a bare payload', 1, $bare, @named, $payload);
	is(try($TARBOOT, 'run', $payload, '--kernel', "$lab.vmlinuz")->{err} =~ $bare, 1, 'run says the same');
	my $second = spew(scratch('second.img'), cpio_of('newc', grep { $_->{name} eq 'rootfs.tar.xz' } @boot));
	my $no_init = qr{^tarboot: \Q$second\E: it cannot boot: there is no /init in it\n  Give an image that `tarboot pack` wrote\.\n\z};
	refuses($site, 'an image without /init', 1, $no_init, @named, $second);
	is(try($TARBOOT, 'run', $second, '--kernel', "$lab.vmlinuz")->{err} =~ $no_init, 1, 'run says the same');
	my $whole = slurp($lab);
	my $cut   = spew(scratch('cut.img'), substr $whole, 0, -5000);
	refuses($site, 'one that is cut', 1, qr{^tarboot: \Q$cut\E: at byte \d+: it is cut short\n  Copy the image again or pack it again; .*\n\z}, @named, $cut);
	my $at = rindex $whole, "\xfd7zXZ\0";
	substr($whole, $at + 1000, 1) ^= "\1";
	my $damaged = spew(scratch('damaged.img'), $whole);
	refuses($site, 'one with a damaged payload', 1, qr{^tarboot: \Q$damaged\E: Block 1 \(byte \d+ of the payload\) is damaged: it is not what its digest in the manifest says\n  .+\n\z},
		@named, $damaged);
	$whole = slurp($lab);
	substr($whole, 5000, 1) ^= "\1";
	spew($damaged, $whole);
	refuses($site, 'one with a damaged /init', 1, qr{^tarboot: \Q$damaged\E: the boot part \(bytes 0 to \d+\) is damaged: /init or another file of it is not what boot-digest in the manifest says\n  .+\n\z},
		@named, $damaged);
	ok(!-e "$site/http/images/bare", 'nothing of them is there');
}
refuses($site, 'removing the default', 1, qr/parts: it is the default of the menu or of a machine\n/, '--default', 'parts', '--remove', 'parts');
works($site, 'removed', '--remove', 'parts', '--default', 'lab');
ok(!-e "$site/http/images/parts", 'it is gone');
unlike(menu(), qr/parts/, 'from the menu, too');

# ---- interrupted, and other people's ----

run('mkdir', '-p', map { "$site/http/images/$_/.new-20200101-000000" } qw(lab fresh killed));
spew("$site/http/images/killed/.new-20200101-000000/initrd.img", 'x');
works($site, 'after an interruption', word_image('lab', 'six'));
is(run("cd '$site/http/images' && find . -maxdepth 1 -mindepth 1 -o -name '.new-*'"), "./lab\n", 'what it left is removed, under all names');
{
	# A signal, here of a file that becomes too large, and a disk without room leave nothing, however often.
	my $before = run("cd '$site' && find . | sort");
	my $killed = word_image('killed', 'one');
	for my $name (qw(lab killed), 'killed') {
		my $r = try('sh', '-c', 'ulimit -f 100; exec "$@"', 'sh', $TARBOOT, 'netboot', '-o', $site, '--name', $name, $killed);
		is($r->{signal} || $r->{exit} - 128, 25, "$name: ended by SIGXFSZ");
		is(run("cd '$site' && find . | sort") =~ s{^\./http/images/killed\n}{}mr, $before, 'nothing is left');
	}
	my $full = try('unshare', '-m', 'sh', '-ec', 'mount --make-rprivate / && mount -t tmpfs -o size=400k none "$1" || exit 77
		cd "$1"; mkdir site; set -- "$2" netboot -o site "$3" --server 10.7.0.1 --subnet 10.7.0.0/24
		for i in 1 2; do if "$@"; then exit 76; fi; find site -mindepth 1 -name "killed*" -o -name ".new*"; done', 'sh', new_dir(), $TARBOOT, $killed);
SKIP: {
		skip 'cannot mount a tmpfs here', 1 if $full->{exit} == 77 || $full->{err} =~ /^unshare/;
		is("$full->{exit} $full->{out}", '0 ', 'a full disk: nothing is left either');
		like($full->{err}, qr{^(tarboot: \S+/site/http/images/killed/\.new-\d{8}-\d{6}/(?:initrd\.img|vmlinuz): cannot write it: No space left on device\n(?:  .*\n)?){2}\z},
			'which it says');
	}
}
{
	# Somebody writes it all the time, from before it is read; to read it takes longer than to write it once.
	my $busy = tiny_root('root-busy', sub { run('sh', '-c', 'head -c 24M /dev/urandom >"$0/random"', $_[0]) });
	tarboot('pack', $busy, '-o', scratch('busy.img'), qw(--level=fast --kernel=none --no-shell));
	run('cp', "$lab.vmlinuz", scratch('busy.img.vmlinuz'));
	for my $written (qw(busy.img busy.img.vmlinuz)) {
		my $r = try('sh', '-c', 'rm -f "$3"; while :; do touch "$1"; : >"$3"; done & until [ -e "$3" ]; do sleep 0.01; done
			"$0" netboot "$2" -o "$4"; r=$?; kill $!; exit $r', $TARBOOT, scratch($written), scratch('busy.img'), scratch('touched'), $site);
		fails_well($r, 1, qr{/\Q$written\E: it has changed while it was published\n  Publish it again when nobody writes it\.\n}, "somebody writes $written");
		ok(!-e "$site/http/images/busy", 'it is not published');
	}
}
{
	# A disk that becomes full when the first of two is published, with each room that there may be: what was told to be published stays.
	my $r = try('unshare', '-m', 'sh', '-ec', 'mount --make-rprivate / && mount -t tmpfs none "$1" || exit 77
		cd "$1"; shift
		for n in $(seq 3 40); do
			mkdir site; mount -t tmpfs -o nr_inodes=$n none site
			if "$0" netboot -o site "$@" >out 2>err; then echo all; break; fi
			for image in $(sed -n "s/^published //p" out); do
				echo "$n: $image"
				[ -e site/http/images/$image/current/vmlinuz ] || echo "$n: $image is gone"
			done
			umount site; rmdir site
		done', $TARBOOT, new_dir(), $lab, word_image('second', 'two'), @NET);
SKIP: {
		skip 'cannot mount a tmpfs here', 1 if $r->{exit} == 77 || $r->{err} =~ /^unshare/;
		like($r->{out}, qr/^\d+: lab\n(?:\d+: \w+\n)*all\n\z/, 'a disk that becomes full after the first image: that stays') or diag($r->{err});
	}
}
is(sprintf('%04o', (stat scratch('lab.img'))[2] & 07777), '0600', 'the image itself is its owner\'s');
is(run("umask 077; '$TARBOOT' netboot -o '$site' --timeout 7 >/dev/null; find '$site/http' '$site/tftp' ! -perm -a+r"), '',
	'all may read it, whatever the umask');
spew("$site/http/mac-52-54-00-00-00-09.ipxe", "#!ipxe\nmine\n");
refuses($site, 'a file of the admin', 1, qr/mac-52-54-00-00-00-09\.ipxe: it was not written by tarboot, so it is not overwritten\n/, '--boot', '52:54:00:00:00:09=lab');
is(slurp("$site/http/mac-52-54-00-00-00-09.ipxe"), "#!ipxe\nmine\n", 'stays');
unlike(menu(), qr/52-54-00-00-00-09/, 'and the menu does not count on one of ours');
works($site, 'for another machine', '--boot', '52:54:00:00:00:08=shell');
like(slurp("$site/http/mac-52-54-00-00-00-08.ipxe"), qr/^set entry shell\nclear own \|\|\n\z/m, 'its file');
like(menu(), qr/^clear own \|\|\n(?:iseq .*\n)*iseq \$\{netX\/mac:hexhyp\} 52-54-00-00-00-08 && set own yes \|\|\n(?:iseq .*\n)*chain --autofree .*\/mac-.*\nisset \$\{own\} && goto own\.failed \|\|\n/m,
	'without which it boots nothing');
like(menu(), qr/^:own\.failed\n(?:.+\n)+goto failed\.again\n/m, 'but tries again');
spew("$site/netboot.conf", slurp("$site/netboot.conf") =~ s/^boot = 52:54:00:00:00:08.*\n//mr);
works($site, 'when its line is gone');
ok(!-e "$site/http/mac-52-54-00-00-00-08.ipxe", 'its file goes, too');
is(slurp("$site/http/mac-52-54-00-00-00-09.ipxe"), "#!ipxe\nmine\n", 'that of the admin stays');
my $foreign = scratch('foreign');
run('mkdir', $foreign);
spew("$foreign/precious", 'x');
fails_well(try($TARBOOT, 'netboot', $lab, '-o', $foreign, @NET), 1, qr/it was not made by tarboot netboot/, 'a directory of others');
is(join(' ', glob "$foreign/*"), "$foreign/precious", 'and nothing comes into it');
for my $name ('a b', 'a,b', 'a[1]', 'a*', "a\rb") {
	fails_well(try($TARBOOT, 'netboot', $lab, '-o', scratch($name), @NET), 1,
		qr/\Q@{[ $name =~ s{\r}{\\015}r ]}\E: its path has a space, quote or special character that is not possible in server configurations\n  Give another directory\.\n\z/, "a path with a sign of the servers' languages");
	ok(!-e scratch($name), 'which is not made');
}
for my $image ('/no/such', spew(scratch('text.img'), "text\n" x 200)) {
	fails_well(try($TARBOOT, 'netboot', $lab, $image, '-o', scratch('none/new'), @NET), 1, qr/\Q$image\E: /, 'an image that is none');
	ok(!-e scratch('none/new'), 'leaves no directory');
}
fails_well(try($TARBOOT, 'serve', $foreign), 1, qr/it was not made by tarboot netboot/, 'serving it');
fails_well(do { local $ENV{PATH} = "$servers/commands:$ENV{PATH}"; try($TARBOOT, 'serve', $site) }, 1, qr/10\.7\.0\.1: no interface has the server's address/, 'serving without the address');
spew("$site/netboot.conf", slurp("$site/netboot.conf") . "servr = 1\n");
{
	open my $lock, '<', $site or die "$site: $!";
	flock $lock, LOCK_EX or die "flock: $!";
	refuses($site, 'while another one is at work', 1, qr/\Q$site\E: another tarboot is changing it/, '--timeout', 5);
}
refuses($site, 'a wrong line', 1, qr/^tarboot: \Q$site\E\/netboot\.conf: line \d+: servr: unknown setting\n  Correct that line\.$/, '--timeout', 5);
my $conf = slurp("$site/netboot.conf") =~ s/servr.*\n//r;
spew("$site/netboot.conf", $conf =~ s/^(?=timeout)/\0/mr);
refuses($site, 'a file that is half zeros', 1, qr{^tarboot: \Q$site\E/netboot\.conf: it is not a text file: it contains a zero byte\n  Give a text file\.$}, '--timeout', 5);
like(slurp("$site/netboot.conf"), qr/\0timeout/, 'and is not written');
spew("$site/netboot.conf", $conf);
fails_well(try($TARBOOT, 'netboot', $lab, '-o', scratch('bare'), @NET, '--ipxe', $foreign), 1,
	qr/undionly\.kpxe: iPXE, which machines need to boot from the network, is not installed there\n  Install/, 'without iPXE');

# ---- the servers read their configurations ----

works($site, 'with all settings', qw(--router 10.7.0.254 --dns 10.7.0.253 --host 52:54:00:00:00:07=10.7.0.7 --host), '52:54:00:00:00:42=,machine2');
my %config = map { m{([^/]+)\z} => $_ } glob "$site/config/*";
my $c = "$servers/commands";
# Debian's apache2 has its modules elsewhere here, and the address of the server is given to this network.
my $apache = spew(scratch('apache.conf'), slurp($config{'apache.conf'}) =~ s{(?=/usr/lib/apache2)|/etc/apache2(?=\n)}{$servers}gr);
my $address = 'ulimit -Sn 1024; busybox ip link set lo up; busybox ip address add 10.7.0.1/24 dev lo; exec "$0" "$@"';
my %check = (
	dnsmasq => ['dnsmasq', '--test', '-C', $config{'dnsmasq.conf'}],
	dhcpd => ["$c/dhcpd", '-t', '-cf', $config{'dhcpd.conf'}],
	Kea => ["$c/kea-dhcp4", '-t', $config{'kea-dhcp4.conf'}],
	Apache => ["$c/apache2", '-t', '-f', $apache],
	nginx => ["$c/nginx", '-e', 'stderr', '-t', '-c', $config{'nginx.conf'}],
	lighttpd => ["$c/lighttpd", '-t', '-f', $config{'lighttpd.conf'}]);
for my $server (sort keys %check) {
	my $r = try(Net::private_machine(), 'sh', '-c', $address, @{ $check{$server} });
	is($r->{exit}, 0, "$server takes its configuration") or diag($r->{out}, $r->{err});
	unlike($r->{err}, qr/open file resource limit/, 'whatever the limit of open files') if $server eq 'nginx';
}
# Firmware has little patience: in a large room no machine waits until others have their boot loader. Here none takes more than a block.
my $ask_at_once = spew(scratch('ask-at-once'), <<'END', 0755);
use IO::Select;
use IO::Socket::INET;
sub is_bound { open my $in, '<', '/proc/net/udp' or die "udp: $!"; return grep { /:0045 / } <$in> }
for (1 .. 300) { last if is_bound(); select undef, undef, undef, 0.1 }
# The answers come from other ports, which a socket with a peer would not take.
my $server = sockaddr_in(69, inet_aton('10.7.0.1'));
my @rooms = map { IO::Socket::INET->new(Proto => 'udp', LocalAddr => '10.7.0.1') or die "socket: $!" } 1 .. 120;
$_->send("\0\1undionly.kpxe\0octet\0", 0, $server) or die "send: $!" for @rooms;
my ($waiting, $served) = (IO::Select->new(@rooms), 0);
while (my @answered = $waiting->can_read(5)) {
	for (@answered) {
		$waiting->remove($_);
		$_->recv(my $answer, 600);
		$served++ if substr($answer, 0, 4) eq "\0\3\0\1";
	}
}
print "$served\n";
END
sub served_at_once {
	my ($conf) = @_;
	my $r = try({ limit => 300 }, Net::private_machine(), 'sh', '-c', $address,
		'sh', '-c', 'dnsmasq -k --log-facility=/dev/null -C "$0" & exec "$1" "$2"', $conf, $^X, $ask_at_once);
	return $r->{out} || $r->{err};
}
my $dnsmasq_conf = slurp($config{'dnsmasq.conf'});
is(served_at_once($config{'dnsmasq.conf'}), "120\n", 'dnsmasq gives 120 machines their boot loader at once');
like(served_at_once(spew(scratch('few.conf'), $dnsmasq_conf =~ s/^tftp-max.*\n//mr)), qr/^5\d\n/, 'which by its default it would not');
like($dnsmasq_conf, qr/^dhcp-lease-max=65536$/m, 'and an address to all of a subnet');
# A cache between it and the machines is to ask for what changes, each time.
my %serve = (nginx => "'$c/nginx' -e stderr -g 'daemon off;' -c '$config{'nginx.conf'}'", Apache => "'$c/apache2' -D FOREGROUND -f '$apache'",
	lighttpd => "'$c/lighttpd' -D -f '$config{'lighttpd.conf'}'");
my $fixed = 'images/lab/' . link_of('lab/current') . '/initrd.img';
my $get = q{get() {
	for i in $(seq 50); do
		printf 'GET /%s HTTP/1.0\r\n\r\n' "$1" | busybox nc 10.7.0.1 80 >/run/answer 2>/dev/null
		[ -s /run/answer ] && break
		sleep 0.1
	done
	echo "$1 $(sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p;q' /run/answer) $(grep -aci '^Cache-Control: no-cache' /run/answer)"
}};
for my $server (sort keys %serve) {
	my $r = try(Net::private_machine(), 'sh', '-c', "$get\n" . ($address =~ s/exec.*//r) . "$serve{$server} & for path in \"\$@\"; do get \$path; done; kill \$!", 'sh',
		'menu.ipxe', 'mac-52-54-00-00-00-77.ipxe', 'images/lab/current/initrd.img', $fixed);
	is($r->{out}, "menu.ipxe 200 1\nmac-52-54-00-00-00-77.ipxe 404 1\nimages/lab/current/initrd.img 200 1\n$fixed 200 0\n", "$server says what is not to be cached")
		or diag($r->{err});
}
for my $server (sort qw(dnsmasq dhcpd kea nginx apache lighttpd)) {
	my ($file) = slurp($config{"tarboot-$server.service"}) =~ m{^ExecStart=/usr/sbin/(?:dnsmasq|dhcpd|kea-dhcp4|nginx|apache2|lighttpd) .*?(\S+)$}m;
	ok($file && -e $file, "a unit of systemd starts $server with its file");
}
like(slurp($config{'tarboot-serve.service'}), qr/^StartLimitIntervalSec=0\n\n\[Service\]\n.*\nRestart=on-failure\nRestartSec=5\nLimitNOFILE=65536\n/m, 'again and again, until it can');
like(slurp($config{'tarboot-serve.service'}), qr/^ExecStart=\Q$TARBOOT\E serve \Q$site\E$/m, 'another starts the tarboot that wrote it');
like(slurp($config{'dnsmasq.hosts'}), qr/^52:54:00:ab:34:56,id:\*,10\.7\.0\.20,pc20$/m, 'a fixed address');

# ---- the loader that the DHCP servers give to each type of firmware, asked by udhcpc ----

my %LOADER = (0 => 'undionly.kpxe', 6 => 'ipxe-i386.efi', 7 => 'ipxe.efi', 9 => 'ipxe.efi', 11 => 'ipxe-arm64.efi',
	15 => 'http://10.7.0.1/ipxe-i386.efi', 16 => 'http://10.7.0.1/ipxe.efi', 19 => 'http://10.7.0.1/ipxe-arm64.efi',
	(map { $_ => '' } 2, 10, 18, 20, 27), iPXE => 'http://10.7.0.1/menu.ipxe');
my $ipxe = public('ipxe');
run('cp', '-rL', '/usr/lib/ipxe', $ipxe);
spew("$ipxe/$_", "a program\n") for qw(ipxe-i386.efi ipxe-arm64.efi);
run("cd '$ipxe' && '$TARBOOT' netboot -o '$site' --ipxe . >/dev/null");
like(slurp("$site/netboot.conf"), qr/^ipxe = \Q$ipxe\E$/m, 'with iPXE for other machines, by a path that holds from anywhere');

# $0 and what follows is the server; a machine behind a cable asks it, and each answer is a line.
my $ask = spew(scratch('ask'), <<'END', 0755);
#!/bin/sh
ip link set lo up
unshare -n sleep 100 & machine=$!
ip link add cable type veth peer name plug
[ -z "$MAC" ] || ip link set plug address "$MAC"
sleep 0.5
ip link set plug netns $machine
ip address add 10.7.0.1/24 dev cable
ip link set cable up
nsenter -t $machine -n ip link set plug up
"$@" >&2 &
sleep 2
for type in 0 2 6 7 9 10 11 15 16 18 19 20 27 iPXE; do
	case $type in
	iPXE) option='-x 93:0007 -x 77:69505845' ;;
	*) option="-x 93:$(printf %04x $type)" ;;
	esac
	printf '%s=' $type
	nsenter -t $machine -n busybox udhcpc -f -q -n -t 5 -T 2 -i plug -O bootfile $option -s "$TELL" 2>/dev/null || echo no answer
done
for id in 1 2; do
	printf 'as%s=' $id
	nsenter -t $machine -n busybox udhcpc -f -q -n -t 5 -T 2 -i plug -x 0x3d:ff0000000$id -s "$TELL_ADDRESS" 2>/dev/null || echo no answer
done
END
local $ENV{TELL_ADDRESS} = spew(scratch('tell-address'), "#!/bin/sh\n[ \$1 = bound ] && echo \$ip\nexit 0\n", 0755);
local $ENV{TELL} = spew(scratch('tell'), "#!/bin/sh\n[ \$1 = bound ] || exit 0\necho \${boot_file:-\$bootfile}\n", 0755);
# Kea's program that cleans up leases is not installed here.
my $kea = spew(scratch('kea.conf'), slurp($config{'kea-dhcp4.conf'}) =~ s/"memfile"/"memfile", "persist": false/r);
my %dhcp = (
	dnsmasq => ['dnsmasq', '-k', '--no-ping', '--log-facility=-', '-C', $config{'dnsmasq.conf'}],
	dhcpd   => ['sh', '-c', ': >/var/lib/dhcp/dhcpd.leases; exec "$0" "$@"', "$c/dhcpd", '-f', '-cf', $config{'dhcpd.conf'}, '--no-pid', 'cable'],
	Kea     => ["$c/kea-dhcp4", '-c', $kea]);
sub gives {
	my ($server, $what, %wanted) = @_;
	my $r    = try({ limit => 150 }, Net::private_machine(), $ask, @{ $dhcp{$server} });
	my %gave = $r->{out} =~ /^(\w+)=(.*)$/mg;
	my ($one, $two) = delete @gave{qw(as1 as2)};
	is_deeply(\%gave, \%wanted, "$server gives $what") or diag($r->{out}, $r->{err});
	like($one, qr/^10\.7\.0\.\d+$/, 'and an address');
	is($two, $one, 'the same to a machine with another client identifier');
	return;
}
gives($_, 'each type of firmware its loader, and none to others', %LOADER) for sort keys %dhcp;
{
	my $leases = spew("$site/dnsmasq.leases", join '', map { sprintf "0 02:00:00:00:%02x:%02x 10.8.%d.%d * *\n", ($_ >> 8, $_ & 255) x 2 } 1 .. 1500);
	gives('dnsmasq', 'the same when 1500 others have an address', %LOADER);
	unlink $leases;
}
{
	local $ENV{MAC} = '52:54:00:00:00:42';
	gives('dnsmasq', 'the same to one that has a name alone', %LOADER);
}

# ---- a unified kernel image in the place of iPXE ----

{
	my $uki = scratch('lab.efi');
	spew(scratch('kernel'), efi_kernel('6.1'));
	tarboot('pack', scratch('root-lab-one'), '-o', scratch('uki.img'), qw(--level=fast --no-shell --kernel), scratch('kernel'), '--uki', $uki);
	like(works($site, '--uki', '--uki', $uki), qr{^uki      http://10\.7\.0\.1/uki-x86-64\.efi: \d+\.\d MiB, for UEFI HTTP boot and PXE$}m, 'it says so');
	for my $part (qw(http tftp)) {
		ok(slurp("$site/$part/uki-x86-64.efi") eq slurp($uki), "it is in $part");
		is((stat "$site/$part/uki-x86-64.efi")[2] & 07777, 0644, 'and everybody can read it');
	}
	my %uki = (%LOADER, 7 => 'uki-x86-64.efi', 9 => 'uki-x86-64.efi', 16 => 'http://10.7.0.1/uki-x86-64.efi');
	spew($kea, slurp($config{'kea-dhcp4.conf'}) =~ s/"memfile"/"memfile", "persist": false/r);
	gives($_, 'it to UEFI machines of its kind', %uki) for sort keys %dhcp;
	my $large = slurp($uki);
	my $end = length $large;
	refuses($site, '--uki of an image', 1, qr{^tarboot: \Q$lab\E: it is no unified kernel image\n  Give one that `tarboot pack --uki` wrote\.\n\z}, '--uki', $lab);
	refuses($site, '--uki of a kernel', 1, qr{: it is a program for UEFI or Windows\n  Give one that `tarboot pack --uki` wrote\.\n\z}, '--uki', scratch('kernel'));
	refuses($site, '--uki of nothing', 1, qr{: cannot open it: No such file or directory\n  Give one that `tarboot pack --uki` wrote\.\n\z}, '--uki', scratch('nothing'));
	substr $large, $end - 3000, 1, 'X';
	spew(scratch('damaged.efi'), $large);
	refuses($site, 'a damaged one', 1, qr/damaged\.efi: the kernel in it is not the one that its image was packed with, or damaged\n/, '--uki', scratch('damaged.efi'));
	refuses($site, 'one as an image', 1, qr{^tarboot: \Q$uki\E: it is a unified kernel image, which UEFI firmware starts by itself\n  Give the image that was packed with it; `tarboot netboot --uki` publishes this one\.\n\z}, $uki);
	ok(slurp("$site/http/uki-x86-64.efi") eq slurp($uki), 'the old one stays');
	spew(scratch('large-kernel'), efi_kernel('6.1') . "\0" x (65 << 20));
	tarboot('pack', scratch('root-lab-one'), '-o', scratch('uki.img'), qw(--level=fast --no-shell --kernel), scratch('large-kernel'), '--uki', $uki);
	like(works($site, 'a large one', '--uki', $uki), qr{^uki      \S+: 6\d\.\d MiB, for UEFI HTTP boot; it is too large for PXE, which loads iPXE$}m, 'it says that TFTP is too slow for it');
	ok(!-e "$site/tftp/uki-x86-64.efi", 'and it is not there');
	like(slurp($config{'dnsmasq.conf'}), qr{^dhcp-boot=tag:!ipxe,tag:x64,ipxe\.efi,,10\.7\.0\.1\n(?:.*\n)*?dhcp-boot=tag:!ipxe,tag:x64-http,http://10\.7\.0\.1/uki-x86-64\.efi,,}m, 'PXE gets iPXE');
	unlike(works($site, '--uki none', '--uki', 'none'), qr/^uki/m, 'it is taken away');
	unlike(slurp($config{'dnsmasq.conf'}), qr/uki/, 'from the configurations, too');
	ok(!glob("$site/*/uki-*"), 'and from the site');
}

# ---- what is written when it was checked ----

# The first of several images takes a while to copy. Then all was checked, the settings of a new site are there, and the others are still to
# be copied. On a busy machine what shall happen then may come too late: then once more.
sub publish_meanwhile {
	my ($change, @arguments) = @_;
	my $new = scratch('meanwhile');
	run('rm', '-rf', $new);
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		for (1 .. 50_000) {
			last if -e "$new/netboot.conf";
			select undef, undef, undef, 0.0002;
		}
		$change->();
		POSIX::_exit(0);
	}
	my $r = try($TARBOOT, 'netboot', '-o', $new, scratch('busy.img'), @arguments, @NET);
	waitpid $pid, 0;
	return $r;
}

# Size and time of modification stay as they were.
sub change_byte {
	my ($path) = @_;
	my $time = (stat $path)[9];
	open my $f, '+<', $path or die "$path: $!";
	seek $f, -1, 2;
	print {$f} "\1";
	close $f or die "$path: $!";
	utime $time, $time, $path or die "$path: $!";
	return;
}

sub refuses_meanwhile {
	my ($name, $path, $change, @arguments) = @_;
	my $bytes = slurp($path);
	my $r;
	for (1 .. 5) {
		spew($path, $bytes);
		utime 1_700_000_000, 1_700_000_000, $path or die "$path: $!";
		$r = publish_meanwhile(sub { $change->($path) }, @arguments);
		last if $r->{exit};
	}
	fails_well($r, 1, qr/^tarboot: \Q$path\E: (?:it has changed while it was published\n  Publish it|this kernel has changed while it was read\n  Do it) again when nobody writes it\.\n\z/, $name);
	ok(!-e scratch('meanwhile'), 'nothing is published');
	spew($path, $bytes);
	return;
}
{
	my $image = word_image('late', 'one');
	my $layer = spew(scratch('late.tar'), tar_member(name => 'etc/', type => 5, mode => 0755) . tar_member(name => 'etc/late', data => 'late') . tar_end());
	my $uki   = scratch('late.efi');
	spew(scratch('kernel'), efi_kernel('6.1'));
	tarboot('pack', scratch('root-lab-one'), '-o', scratch('uki.img'), qw(--level=fast --no-shell --kernel), scratch('kernel'), '--uki', $uki);
	refuses_meanwhile("$_->[0] is written when it was checked", $_->[1], \&change_byte, @$_[ 2 .. $#$_ ])
		for ['an image', $image, $image], ['a kernel', "$image.vmlinuz", $image], ['a layer', $layer, '--layer', $layer], ['a unified kernel image', $uki, '--uki', $uki];

	my $replace = sub { rename spew(scratch('other'), 'x' x -s $_[0]), $_[0] };
	refuses_meanwhile("another one in the place of $_->[0]", $_->[1], $replace, @$_[ 2 .. $#$_ ]) for ['an image', $image, $image], ['a unified kernel image', $uki, '--uki', $uki];
}

# ---- one that fetches a root, and the roots that are there ----

{
	my $fetch = public('fetch');
	my $uki = "$fetch/http/uki-x86-64.efi";
	my $end = 'achines that start it do not boot\. Publish one that fits \(--uki FILE\), or none \(--uki none\)\.\n';
	my $no_root = "\Q$uki\E fetches \\S+/root\\.tar\\.xz, which this site does not have: m$end";
	my ($out, %digest);
	my $warns = sub {
		my ($name, $says, @arguments) = @_;
		my $r = try($TARBOOT, 'netboot', '-o', $fetch, @arguments);
		is($r->{exit}, 0, $name) or diag($r->{err});
		like(join('', $r->{err} =~ /^tarboot: warning: (\S+\.efi .*\n)/mg), $says ? qr/^$says\z/ : qr/^\z/, "$name: " . ($says ? 'it warns' : 'no warning'));
		$out = $r->{out};
	};
	my $takes_not = sub {
		my ($name) = @_;
		return "\Q$uki\E does not take the root that it fetches: \Q$fetch\E/http/images/lab/current/root.tar.xz.manifest: the boot part takes only the root with payload-digest=$digest{$name}\\. M$end";
	};
	my $pack = sub {
		my ($name, @options) = @_;
		my $root = scratch("fetched-$name");
		tiny_root("fetched-$name", sub { spew("$_[0]/etc/which", $name) }) if !-e $root;
		tarboot('pack', $root, '-o', scratch("$name.img"), qw(--level=fast --no-shell --stream --kernel), scratch('kernel'), '--uki', scratch("$name.efi"), @options);
		($digest{$name}) = tarboot('inspect', scratch("$name.img")) =~ /^payload-digest=(\S+)$/m;
	};
	my $url = 'tarboot.rootfs=http://10.7.0.1/images/lab/current/root.tar.xz';
	$pack->($_, '--cmdline', $url) for qw(one two);
	my @lab = qw(--stream --name lab);
	$warns->('root and UKI together', undef, @NET, scratch('one.img'), @lab, '--uki', scratch('one.efi'));
	like($out, qr{^uki      http://10\.7\.0\.1/uki-x86-64\.efi: .*\nroot     http://10\.7\.0\.1/images/lab/current/root\.tar\.xz$}m, 'and it says what the UKI fetches');
	$warns->('another root without --uki', $takes_not->('one'), scratch('two.img'), @lab);
	$warns->('and later', $takes_not->('one'), '--timeout', 5);
	$warns->('with it', undef, '--uki', scratch('two.efi'));
	$warns->('--rollback', $takes_not->('two'), '--rollback', 'lab');
	$warns->('--rollback with the UKI of before', undef, '--rollback', 'lab', '--uki', scratch('two.efi'));
	$warns->('the same root under another name, too', undef, scratch('two.img'), qw(--stream --name spare));
	$warns->('--remove', $no_root, '--remove', 'lab', '--default', 'spare');
	$warns->('--uki none', undef, '--uki', 'none');

	# What its kernel line says of the root.
	$pack->('two', '--cmdline', 'tarboot.rootfs=http://boot.example/images/spare/current/root.tar.xz,http://10.9.0.1/r.tar.xz');
	$warns->('by another name of the server', undef, '--uki', scratch('two.efi'));
	$pack->('two', '--cmdline', 'tarboot.rootfs=http://boot.example/r.tar.xz');
	$warns->('somewhere else', undef, '--uki', scratch('two.efi'));
	like($out, qr{^root     http://boot\.example/r\.tar\.xz, on another server$}m, 'which it says');
	$pack->('two', '--cmdline', 'tarboot.rootfs=http://10.7.0.1/images/../images/spare/current/root.tar.xz');
	$warns->('no name of a file', $no_root, '--uki', scratch('two.efi'));
	$pack->('two', '--cmdline', 'quiet');
	$warns->('nowhere', "\Q$uki\E has no root in it, and no tarboot\\.rootfs=URL in its kernel command line: m$end", '--uki', scratch('two.efi'));

	# With keys it is the signature that counts.
	run(qw(minisign -G -W -f -p), scratch("$_.pub"), '-s', scratch("$_.key")) for qw(holder stranger);
	my @trust = ('--trust', scratch('holder.pub'));
	my $unsigned = sub { return "\Q$uki\E does not take the root that it fetches: \\S+: $_[0]\\. Machines that start it do not boot\\. [A-Z].*\n" };
	$pack->('two', '--cmdline', $url =~ s/lab/spare/r, @trust);
	$warns->('a root without signature', $unsigned->('it is not there, and --trust asks for a signature'), '--uki', scratch('two.efi'));
	my @spare = (scratch('one.img'), qw(--stream --name spare --sign));
	$warns->('with a foreign one', $unsigned->('it is signed with key \w+, which is not trusted: it must be key \w+'), @spare, scratch('stranger.key'));
	$warns->('with a right one, another root', undef, @spare, scratch('holder.key'));
}

# ---- machines of two kinds ----

SKIP: {
	my $arm = build_path('aarch64/init');
	ok(-e $arm, 'there is an init for aarch64, as of `make test-programs`') or last SKIP;
	my $both = public('both');
	my $root = tiny_root('arm', sub { run('cp', $arm, "$_[0]/sbin/init") });
	tarboot('pack', $root, '-o', scratch('arm.img'), qw(--level=fast --kernel=none --no-shell));
	spew(scratch('arm.img.vmlinuz'), "\0" x 56 . 'ARMd' . "\0" x 4096);
	spew(scratch('pc.vmlinuz'), slurp(Modules::kernel_of('bookworm') . '/vmlinuz'));
	my $r = try($TARBOOT, 'netboot', '-o', $both, @NET, scratch('arm.img'), '--kernel', scratch('pc.vmlinuz'));
	fails_well($r, 1, qr/pc\.vmlinuz: it is for x86-64, the image is for aarch64\n/, 'a kernel for another machine');
	tarboot('netboot', '-o', $both, @NET, $lab, scratch('arm.img'), '--ipxe', $ipxe);
	my $menu = slurp("$both/http/menu.ipxe");
	like($menu, qr/^set entry lab\n(?:.*\n)*iseq \$\{buildarch\} arm64 && set entry arm \|\|\n(?:.*\n)*:menu\n/m, 'each kind has its default');
	like($menu, qr/^iseq \$\{buildarch\} arm64 && item --key 1 arm .* \|\|\niseq \$\{buildarch\} arm64 \|\| item --key 2 lab .* \|\|\n/m, 'and its entries');
	like($menu, qr/^:arm\n.*\n.*\n.*\niseq \$\{buildarch\} arm64 \|\| goto other\nkernel /m, 'an image for arm64 is not tried elsewhere');
	like($menu, qr/^:lab\n.*\n.*\n.*\niseq \$\{buildarch\} arm64 && goto other \|\|\ncpuid /m, 'nor one for PCs there');
}

# ---- serving: what is refused, what is brought up to date, how it ends ----

$ENV{PATH} = "$servers/commands:$ENV{PATH}";
my $closed = public('closed');
mkdir $closed, 0700 or die "$closed: $!";
run('cp', '-a', $site, "$closed/site");
fails_well(try($TARBOOT, 'serve', "$closed/site"), 1,
	qr{/site: dnsmasq and nginx cannot read it: they run as other users, which cannot enter \Q$closed\E\n  Move it to a directory that all users can enter, for example /srv/tarboot\.\n},
	'a site below a directory that only root may enter');
like(try($TARBOOT, 'netboot', '-o', "$closed/site")->{err}, qr{^tarboot: warning: .*cannot enter \Q$closed\E: Move it}m, 'netboot warns of it');

chmod 0755, $closed or die "$closed: $!";
chmod 0700, "$closed/site/config" or die "$closed: $!";
fails_well(try($TARBOOT, 'serve', "$closed/site"), 1, qr{/site: dnsmasq and nginx cannot read it: .*, which cannot enter \Q$closed\E/site/config\n  Let all users enter it: chmod a\+rx\.\n}, 'or whose machines only root may read');
unlike(try($TARBOOT, 'netboot', '-o', "$closed/site", '--proxy')->{err}, qr/cannot enter/, 'but where another server gives the addresses, nobody reads them');

my $moved = public('moved');
run('cp', '-a', $site, $moved);
spew("$moved/netboot.conf", slurp("$moved/netboot.conf") =~ s/^http-port = .*$/http-port = 8080/mr);
local $ENV{PATH} = "$c:$ENV{PATH}";
my $serve_it = spew(scratch('serve-it'), <<'END', 0755);
#!/bin/sh
ip link set lo up
ip address add 10.7.0.1/24 dev lo
"$1" serve "$2" --force >"$3" & serve=$!
for i in $(seq 100); do grep -q ^serving "$3" && break; sleep 0.1; done
for i in $(seq 50); do busybox wget -q -O "$3.menu" http://10.7.0.1:8080/menu.ipxe 2>/dev/null && break; sleep 0.2; done
grep ^set.base "$3.menu"; rm "$3.menu"
kill -TERM $serve
wait $serve
echo "ended $?"
for delay in 0 0.02 0.05 0.1 0.2; do
	"$1" serve "$2" --force >/dev/null & serve=$!
	for i in $(seq 100); do pidof nginx >/dev/null && break; sleep 0.02; done
	sleep $delay
	kill -TERM $serve
	wait $serve
	echo "ended $?, $(pidof nginx dnsmasq)"
done
"$1" serve "$2" --force | head -n 1 >/dev/null &
for i in $(seq 100); do
	busybox wget -q -O /dev/null http://10.7.0.1:8080/menu.ipxe 2>/dev/null
	pidof tarboot >/dev/null || break
	sleep 0.1
done
wait
echo "unheard, $(pidof nginx dnsmasq)"
END
my $served = try(Net::private_machine(), $serve_it, $TARBOOT, $moved, scratch('served'));
is($served->{out}, "set base http://10.7.0.1:8080\nended 0\n" . "ended 0, \n" x 5 . "unheard, \n",
	'a site that was moved and edited is served as it is now; a signal ends it whenever it comes, and so does that nobody reads what it says') or diag($served->{err}, slurp(scratch('served')));
done_testing();
