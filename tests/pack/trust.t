#!/usr/bin/perl
# Keys in the boot part (`pack --trust`), signatures of published manifests (`netboot --sign`), and who asks for them on the host
# (`verify --trust`, `unpack --trust`). Signatures are minisign's own, and it checks ours. tests/netboot/35-signed.t boots with them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use IO::Socket::INET;
use Test::More;

need_programs(qw(busybox xz minisign b2sum));
$ENV{XDG_CONFIG_HOME} = $ENV{HOME} = new_dir();
my $image = scratch('lab.img');
my ($busybox) = grep { -x } map { "$_/busybox" } split /:/, $ENV{PATH};

my $bin = new_dir();
run('cp', map({ build_path($_) } qw(tarboot init fetch)), $bin);
my $TARBOOT = "$bin/tarboot";
my $root = tiny_root('root', sub { run('mkdir', "$_[0]/boot"); spew("$_[0]/boot/vmlinuz-6.1.0-7-test", bzimage('6.1.0-7-test')) });

run(qw(minisign -G -W -f -p), scratch("$_.pub"), '-s', scratch("$_.key")) for qw(holder stranger);
# minisign leaves out zeros at the beginning.
my ($ID, $STRANGER) = map { my ($id) = slurp(scratch("$_.pub")) =~ /public key (\w+)$/m; '0' x (16 - length $id) . $id } qw(holder stranger);
my @TRUST = ('--trust', scratch('holder.pub'));

sub pack_it { return try($TARBOOT, 'pack', $root, '-o', $image, qw(--level=fast --modules=none --shell), $busybox, @_) }

# A layer with one file.
sub write_layer {
	my ($file) = @_;
	my $dir = new_dir();
	run('mkdir', '-p', "$dir/etc");
	spew("$dir/$file", $file);
	return $dir;
}

sub refuses {
	my ($name, $exit, $says, @command) = @_;
	my $r = try($TARBOOT, @command);
	is($r->{exit}, $exit, "$name: refused");
	is($r->{err}, $says, "$name: says why");
	return;
}

# ---- keys in the boot part ----

my @pack = ('pack', $root, '-o', $image, '--no-shell', '--kernel=none');
refuses('without the program that checks', 1, "tarboot: the check of signatures for @{[ run('uname', '-m') =~ s/_/-/r =~ s/\n//r ]}: an image with keys needs it, but it is not installed\n"
	. "  In tarboot's source: make ARCH=@{[ run('uname', '-m') =~ s/\n//r ]} install\n", @pack, @TRUST);
run('cp', build_path('signature'), $bin);
refuses('no file', 1, "tarboot: $image.pub: cannot read this key: No such file or directory\n  Give the file that `minisign -G -p` writes.\n", @pack, '--trust', "$image.pub");
refuses('a secret key', 1, "tarboot: @{[ scratch('holder.key') ]}: it is no public key of minisign's, or more than one\n  Give the file that `minisign -G -p` writes.\n",
	@pack, '--trust', scratch('holder.key'));
refuses('a date alone', 2, "tarboot: pack: --manifest-min counts only with --trust\n  Try `tarboot pack --help`.\n", @pack, '--manifest-min', '2026-11-29');
refuses('no day', 2, "tarboot: pack: --manifest-min 2026-99-99: it must be a date, as 2026-11-29 or 2026-11-29T21:15:00Z\n  Try `tarboot pack --help`.\n",
	@pack, @TRUST, '--manifest-min', '2026-99-99');
refuses('no date', 2, "tarboot: pack: --manifest-min yesterday: it must be a date, as 2026-11-29 or 2026-11-29T21:15:00Z\n  Try `tarboot pack --help`.\n",
	@pack, @TRUST, '--manifest-min', 'yesterday');
refuses('a day that never was', 2, "tarboot: pack: --manifest-min 2026-02-29: it must be a date, as 2026-11-29 or 2026-11-29T21:15:00Z\n  Try `tarboot pack --help`.\n",
	@pack, @TRUST, '--manifest-min', '2026-02-29');
ok(!-e $image, 'nothing is written');
like(try($TARBOOT, 'pack', '-n', $root, '--trust', "$image.pub")->{err}, qr/cannot read this key/, 'a dry run reads the keys, too');
{
	my $r = pack_it(@TRUST, @TRUST, '--trust', scratch('stranger.pub'), '--manifest-min', '2026-11-29');
	is($r->{exit}, 0, 'packed') or diag($r->{err});
	like($r->{out}, qr/^trusts   key $ID: manifests that it signed since 2026-11-29\ntrusts   key $STRANGER: /m, 'pack says whom it trusts');
	my %have = map { $_->{name} => $_ } newc_read($image);
	is(join(' ', grep { m{^tarboot/keys/} } sort keys %have), join(' ', map { "tarboot/keys/$_.pub" } sort $ID, $STRANGER), 'each key once, by its id');
	is($have{"tarboot/keys/$ID.pub"}{data}, (split /^/, slurp(scratch('holder.pub')))[1], 'as minisign writes it');
	is($have{'tarboot/manifest-min'}{data}, "2026-11-29\n", 'the date');
	is($have{'tarboot/signature'}{data}, slurp("$bin/signature"), 'the program that checks');
	like(run($TARBOOT, 'inspect', $image), qr/^trusts   key $ID: manifests that it signed since 2026-11-29$/m, 'inspect says it, too');
	like(run($TARBOOT, 'inspect', '--json', $image), qr/"trust": \{ "keys": \["\w{16}", "\w{16}"\], "manifest_min": "2026-11-29" \}/, 'and in JSON');
	is(try($TARBOOT, 'verify', $image)->{exit}, 0, 'its digests are right');
}
{
	is(pack_it()->{exit}, 0, 'without keys');
	my %have = map { $_->{name} => $_ } newc_read($image);
	is(join(' ', grep { m{^tarboot/(keys|signature|manifest-min)} } keys %have), '', 'there is nothing of that');
	like(run($TARBOOT, 'inspect', '--json', $image), qr/"trust": \{ "keys": \[\], "manifest_min": "" \}/, 'says JSON');
}

# ---- an image's own digests ----

{
	my %have = map { $_->{name} => $_->{data} } newc_read($image);
	my $whole = slurp($image);
	my ($block) = $have{'tarboot/manifest'} =~ /^block=(\d+)/m;
	my $at = index($whole, $have{'rootfs.tar.xz'}) + $block + 40;
	substr($whole, $at, 1) ^= "\1";
	my $r = try($TARBOOT, 'unpack', spew(scratch('changed.img'), $whole), scratch('changed'));
	is($r->{exit}, 1, 'unpack holds an image to its manifest');
	like($r->{err}, qr/^tarboot: \S+: Block 1 \(byte $block\) is damaged, or was changed: it is not what its digest in the manifest says.*\n  Copy the image again, or pack it again\.\n/, 'and says which Block');
}

# ---- publishing ----

my $site = scratch('site');
my $ipxe = new_dir();
spew("$ipxe/$_", "a program\n") for qw(undionly.kpxe ipxe.efi snponly.efi);
my @netboot = ('netboot', $image, '-o', $site, qw(--server 10.7.0.1 --subnet 10.7.0.0/24 --ipxe), $ipxe);
my @sign    = ('--stream', '--sign', scratch('holder.key'));

is(pack_it('--stream', @TRUST)->{exit}, 0, 'an image that fetches, with a key');
refuses('--sign alone', 2, "tarboot: netboot: --sign counts only with --stream, or with layers\n  Try `tarboot netboot --help`.\n", @netboot, '--sign', scratch('holder.key'));
refuses('unsigned', 1, "tarboot: $image: its boot part has keys, so machines take its root, and layers, only with a signed manifest\n  Give the secret key with --sign.\n", @netboot, '--stream');
ok(!-e $site, 'and nothing is published');
{
	my $r = try($TARBOOT, @netboot, '--stream', '--sign', scratch('stranger.key'));
	is($r->{exit}, 1, 'with a key that it does not trust: refused');
	like($r->{err}, qr/^tarboot: root\.tar\.xz\.manifest: it is signed with key $STRANGER, which is not trusted: it must be key $ID\n  Sign it with a key that is trusted/m, 'and says why');
	$r = try($TARBOOT, @netboot, '--stream', '--sign', "$image.key");
	is($r->{exit}, 1, 'a key file that is not there: refused');
	is($r->{err}, "tarboot: $image.key: cannot read this key: No such file or directory\n  Give the secret key that `minisign -G` wrote.\n", 'and says so');
	$r = try($TARBOOT, @netboot, '--stream', '--sign', new_dir());
	like($r->{err}, qr/^tarboot: \S+: cannot read this key: Is a directory\n  Give the secret key that `minisign -G` wrote\.\n\z/, 'nor is a directory a key');
	$r = try($TARBOOT, @netboot, '--stream', '--sign', scratch('holder.pub'));
	like($r->{err}, qr/^tarboot: \S+holder\.pub: minisign could not sign with it\n  Give the secret key .* password/m, 'nor is a public one');
	for (['tarboot.verify=no', 'the boot part has keys, so machines refuse to start with tarboot.verify=no'],
		['tarboot.manifest-min=2199', 'it was signed on \S+, and nothing before 2199 is taken'],
		map({ ["tarboot.layer=$_", 'it has a variable in a directory or query, but a signature is for the name of the file'] }
			'http://10.7.0.1/${mac}/layer.tar.xz', 'http://10.7.0.1/layer.tar.xz?m=${mac}')) {
		$r = try($TARBOOT, @netboot, @sign, '--append', $_->[0]);
		is($r->{exit}, 1, "--append $_->[0]: refused");
		like($r->{err}, qr/^tarboot: \S+: $_->[1]$/m, 'and says why');
	}
	is(try($TARBOOT, qw(netboot -o), $site, qw(--sign x --server 10.7.0.1 --subnet 10.7.0.0/24))->{exit}, 2, '--sign without an image: refused');
	my $path = new_dir();
	run(qw(sh -c), 'ln -s "$(command -v timeout)" "$0/"', $path);
	$r = do { local $ENV{PATH} = $path; try($TARBOOT, @netboot, @sign) };
	is($r->{exit}, 1, 'without minisign: refused');
	like($r->{err}, qr/^tarboot: minisign: it makes the signature for --sign, but is not installed\n  Install it \(Debian: minisign\)\.\n/m, 'and says so');
	ok(!-e $site, 'none of them leaves a directory');
	mkdir $site or die;
	is(try($TARBOOT, @netboot, '--stream', '--sign', scratch('stranger.key'))->{exit}, 1, 'into a directory that was there');
	is(join(' ', grep { !m{/\.\.?\z} } glob "$site/{*,.*}"), '', 'which stays empty');
}
{
	my $r = try($TARBOOT, @netboot, @sign);
	is($r->{exit}, 0, 'published and signed') or diag($r->{err});
	my $dir = "$site/http/images/lab/current";
	is(join(' ', sort map { s{.*/}{}r } glob "$dir/*"), 'boot.img entry.conf root.tar.xz root.tar.xz.manifest root.tar.xz.manifest.minisig vmlinuz', 'its files');
	my $version = readlink $dir;
	like(run(qw(minisign -V -p), scratch('holder.pub'), '-m', "$dir/root.tar.xz.manifest"),
		qr/^Trusted comment: tarboot name=lab version=$version date=20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m, 'minisign finds it right, and who, what, when');
	is(sprintf('%04o', (stat "$dir/root.tar.xz.manifest.minisig")[2] & 07777), '0644', 'everybody can read it');
	like(slurp("$dir/entry.conf"), qr/^signed = yes$/m, 'entry.conf says it');
	my $before = slurp("$dir/root.tar.xz.manifest.minisig");
	sleep 1;
	like(try($TARBOOT, @netboot, @sign)->{out}, qr/^signed lab$/m, 'the same again is signed again');
	is(readlink $dir, $version, 'which is no new version');
	isnt(slurp("$dir/root.tar.xz.manifest.minisig"), $before, 'but a new signature');
	$before = slurp("$dir/root.tar.xz.manifest.minisig");
	is(try($TARBOOT, @netboot, '--stream', '--sign', scratch('stranger.key'))->{exit}, 1, 'a key that is not trusted');
	is(slurp("$dir/root.tar.xz.manifest.minisig"), $before, 'leaves the signature that was there');
	is(join(' ', grep { /new/ } glob "$dir/*"), '', 'and nothing else');
}

# A key with a password: minisign asks for it once, whatever there is to sign; from a pipe it gets it once, and no more.
{
	run('sh', '-c', 'printf "secret\nsecret\n" | minisign -G -f -p "$0" -s "$1"', scratch('locked.pub'), scratch('locked.key'));
	my $layer = write_layer('etc/a');
	my @all = ('--layer', $layer, '--layer', write_layer('etc/b'), '--machine-layer', "52:54:00:00:00:01=$layer");
	my $piped = sub { my ($given, @command) = @_; return try('sh', '-c', 'printf "%s\n" "$0" | "$@"', $given, $TARBOOT, @command) };
	is(pack_it('--stream', '--trust', scratch('locked.pub'))->{exit}, 0, 'an image that trusts it');
	my $r = $piped->('wrong', @netboot, '--stream', '--sign', scratch('locked.key'), @all);
	is($r->{exit}, 1, 'a wrong password');
	like($r->{err}, qr/: minisign could not sign with it$/m, 'is told');
	unlike(slurp("$site/netboot.conf"), qr/machine-layer/, 'and nothing is published');
	ok(!-e "$site/http/layers" && !-e "$site/.signing", 'nor left');
	$r = $piped->('secret', @netboot, '--stream', '--sign', scratch('locked.key'), @all);
	is($r->{exit}, 0, 'the right one, once') or diag($r->{err});
	is(scalar(() = $r->{err} =~ /Password/g), 1, 'which is asked for once');
	my @signed = (map({ "$site/http/images/lab/current/$_" } qw(root.tar.xz layer-1.tar.xz layer-2.tar.xz)),
		glob "$site/http/layers/machine-*.tar.xz");
	is(scalar @signed, 4, 'root, layers of all, and of one');
	like(run(qw(minisign -V -p), scratch('locked.pub'), '-m', "$_.manifest"), qr/verified/, "signed: $_") for @signed;
	is(join(' ', map { (stat "$_.manifest.minisig")[2] & 07777 } @signed), '420 420 420 420', 'for everybody to read');
	my @machine = glob "$site/http/layers/machine-*.img";
	my %have = map { $_->{name} => $_->{data} } newc_read($machine[0] // die 'no initrd');
	my ($name) = $signed[3] =~ m{([^/]+)\z};
	is($have{"tarboot/layers/$name.manifest.minisig"}, slurp("$signed[3].manifest.minisig"), 'its initrd has the signature, too');
	is($piped->('secret', 'netboot', '-o', $site, '--machine-layer', '52:54:00:00:00:01=none')->{exit}, 0, 'back');
	run('rm', '-r', "$site/http/images/lab");
}
is(pack_it('--stream')->{exit}, 0, 'an image without keys');
is(try($TARBOOT, @netboot, '--stream')->{exit}, 0, 'can be published without a signature');
like(try($TARBOOT, @netboot, '--stream', '--append', 'tarboot.manifest-min=2026')->{err},
	qr/^tarboot: --append: tarboot.manifest-min= counts only where the boot part has keys, and this one has none$/m, 'a date counts for nothing there');
like(try($TARBOOT, @netboot, @sign)->{out}, qr/^published lab$/m, 'and with one, which is another version');
like(try($TARBOOT, @netboot, '--stream', '--sign', scratch('stranger.key'))->{out}, qr/^signed lab$/m, 'and by another key');
like(run(qw(minisign -V -p), scratch('stranger.pub'), '-m', "$site/http/images/lab/current/root.tar.xz.manifest"), qr/verified/, 'whose signature is there then');
try($TARBOOT, @netboot, @sign);

# ---- on the host ----

my $dir = new_dir();
my $tar = "$dir/root.tar.xz";
run('cp', glob("$site/http/images/lab/current/root.tar.xz*"), $dir);
my %right = map { $_ => slurp($_) } glob "$dir/*";
my $nth   = 0;

sub with_files {
	my (%change) = @_;
	unlink glob "$dir/*";
	my %files = (%right, %change);
	defined $files{$_} and spew($_, $files{$_}) for keys %files;
	return;
}

my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1, ReuseAddr => 1) or die "listen: $!";
my $port = $server->sockport;
close $server;
my $pid = fork // die "fork: $!";
exec $busybox, 'httpd', '-f', '-p', "127.0.0.1:$port", '-h', $dir or POSIX::_exit(127) if !$pid;
END { local $?; kill 'TERM', $pid if $pid }
for (1 .. 100) { last if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port"); select undef, undef, undef, 0.1 }

# By file and by URL, with both commands.
sub each_way {
	my ($name, $exit, $says, @trust) = @_;
	for my $from ($tar, "http://127.0.0.1:$port/root.tar.xz") {
		my $r = try($TARBOOT, 'verify', $from, @trust);
		is($r->{exit}, $exit, "$name: verify $from") or diag($r->{err});
		like($r->{err}, $says, "$name: says why");
		my $to = scratch('to' . ++$nth);
		$r = try($TARBOOT, 'unpack', $from, $to, @trust);
		is($r->{exit}, $exit, "$name: unpack $from") or diag($r->{err});
		is(-e "$to/sbin/init" ? 1 : 0, $exit ? 0 : 1, "$name: " . ($exit ? 'nothing is unpacked' : 'it is unpacked'));
	}
	return;
}

my $manifest = "$tar.manifest";
each_way('signed', 0, qr/^\z/, @TRUST);
each_way('by another key', 1, qr/^tarboot: \S+\.manifest: it is signed with key $ID, which is not trusted: it must be key $STRANGER$/m, '--trust', scratch('stranger.pub'));
each_way('by one of two', 0, qr/^\z/, '--trust', scratch('stranger.pub'), @TRUST);
each_way('since a date', 0, qr/^\z/, @TRUST, '--manifest-min', '2026-11');
each_way('before a date', 1, qr/^tarboot: \S+\.manifest: it was signed on 20\S+Z, and nothing before 2199-01-01 is taken$/m, @TRUST, '--manifest-min', '2199-01-01');
like(run($TARBOOT, 'verify', $tar, @TRUST), qr/^manifest: signed with key $ID: lab \d{8}-\d{6} of 20\d\d-\S+Z$/m, 'and verify says who signed what, and when');
refuses('--manifest-min alone', 2, "tarboot: verify: --manifest-min counts only with --trust\n  Try `tarboot verify --help`.\n", 'verify', $tar, '--manifest-min', '2026');
with_files("$manifest.minisig" => undef);
each_way('unsigned', 1, qr/^tarboot: \S+\.minisig: (?:it is not there|the server does not have it), and --trust asks for a signature/m, @TRUST);
each_way('unsigned, and nobody asks', 0, qr/^\z/);
with_files($manifest => $right{$manifest} =~ s/^inodes=\K/1/mr =~ s/^text-digest=.*\n//mr);
each_way('a changed manifest', 1, qr/^tarboot: \S+\.manifest: its signature, with key $ID, is not of this manifest: one of them was changed\n/m, @TRUST);
with_files($manifest => undef);
each_way('no manifest', 1, qr/^tarboot: \S+\.manifest: (?:it is not there|the server does not have it), and --trust asks for a signed manifest$/m, @TRUST);
{
	# Signed, but it says nothing of the payload but its size.
	unlink glob "$dir/*";
	spew($_, $right{$_}) for keys %right;
	spew($manifest, 'payload-bytes=' . length($right{$tar}) . "\n");
	run(qw(minisign -S -H -s), scratch('holder.key'), '-m', $manifest, qw(-t x));
	each_way('a manifest without Blocks', 1, qr/^tarboot: \S+\.manifest: it lists no Blocks, so its signature says nothing of the payload$/m, @TRUST);
	with_files();
	run(qw(minisign -S -H -s), scratch('holder.key'), '-m', $manifest);
	each_way('signed by hand, with minisign\'s own comment', 0, qr/^\z/, @TRUST);
	like(run($TARBOOT, 'verify', $tar, @TRUST), qr/^manifest: signed with key $ID, whose comment has neither a name nor a date$/m, 'and verify says that nothing more is known');
	my $UNSAID = qr/^tarboot: \S+\.manifest: it does not say when it was signed, and nothing before 2026-11-30 is taken\n  Publish it again with .*, or sign it by `minisign -S -H -s KEYFILE -t 'tarboot name=NAME version=VERSION date=YYYY-MM-DDThh:mm:ssZ' -m MANIFEST`, with today's date\.$/m;
	each_way('which has no date', 1, $UNSAID, @TRUST, '--manifest-min', '2026-11-30');
	run(qw(minisign -S -H -s), scratch('holder.key'), '-m', $manifest, qw(-t), 'tarboot name=lab date=2026-11-30T10:00:00Z');
	like(run($TARBOOT, 'verify', $tar, @TRUST), qr/^manifest: signed with key $ID: lab of 2026-11-30T10:00:00Z$/m, 'a comment without a version');
	for my $case ([ 'as docs/security.md says', 'tarboot name=lab version=20261130-1 date=2026-11-30T00:00:00Z', 0 ],
		[ 'with a day', 'tarboot name=lab version=20261130-1 date=2026-11-30', 0 ],
		[ 'with two dates', 'tarboot name=lab version=20261130-1 date=2026-11-30 date=2026-11-30T00:00:00Z', 1 ]) {
		my ($how, $comment, $exit) = @$case;
		with_files();
		run(qw(minisign -S -H -s), scratch('holder.key'), '-m', $manifest, '-t', $comment);
		each_way("signed by hand, $how", $exit, $exit ? $UNSAID : qr/^\z/, @TRUST, '--manifest-min', '2026-11-30');
		my $date = $exit ? ', without a date' : ' of 2026-11-30T00:00:00Z';
		like(run($TARBOOT, 'verify', $tar, @TRUST), qr/^manifest: signed with key $ID: lab 20261130-1$date$/m, "signed by hand, $how: verify says so");
	}
	with_files();
	my $other = spew(scratch('own.manifest'), $right{$manifest});
	my @own = ('verify', "http://127.0.0.1:$port/root.tar.xz", '--manifest', $other);
	is(try($TARBOOT, @own)->{exit}, 0, 'a manifest of one\'s own');
	refuses('with --trust', 1, "tarboot: $other.minisig: it is not there, and --trust asks for a signature\n"
		. "  Copy it, too: it lies beside the manifest where that was published. Or make it: `minisign -S -H -s KEYFILE "
		. "-t 'tarboot name=NAME version=VERSION date=YYYY-MM-DDThh:mm:ssZ' -m MANIFEST`.\n", @own, @TRUST);
	run('cp', "$manifest.minisig", "$other.minisig");
	is(try($TARBOOT, @own, @TRUST)->{exit}, 0, 'it must be signed, too');
	is(try($TARBOOT, @own, '--trust', scratch('stranger.pub'))->{exit}, 1, 'by that key');
}
{
	# What one server has in place of a signature keeps nobody from the next one's. That one fails, too: but both are tried, once.
	my $first = new_dir();
	run('cp', glob("$dir/*"), $first);
	mkdir "$dir/bad";
	run('cp', glob("$first/*"), "$dir/bad");
	for my $bad ('x' x 5000, 'no signature') {
		spew("$dir/bad/root.tar.xz.manifest.minisig", $bad);
		my $r = try($TARBOOT, 'verify', "http://127.0.0.1:$port/bad/root.tar.xz,http://127.0.0.1:$port/root.tar.xz", @TRUST);
		is($r->{exit}, 0, 'the second server has a right one') or diag($r->{err});
		$r = try($TARBOOT, 'verify', "http://127.0.0.1:$port/bad/root.tar.xz,http://127.0.0.1:$port/none/root.tar.xz", @TRUST);
		is($r->{exit}, 1, 'or none');
		like($r->{err}, qr/^tarboot: warning: \S+: .*: the manifest of the next server is tried$/m, 'which was tried');
	}
}
refuses('an image', 1, "tarboot: --trust: $image is an image, and has its manifest in it\n  Leave it out.\n", 'unpack', $image, scratch('never'), @TRUST);

# ---- whom an image trusts ----

my $todo = "  Pack it with these keys (`tarboot pack --trust FILE.pub`), or give all that it trusts.\n";
my @verify = ('verify', $image);
refuses('an image without keys', 1, "tarboot: $image: its boot part trusts no key: it takes only the root that it was packed with\n$todo", @verify, @TRUST);
is(pack_it('--stream', @TRUST, '--trust', scratch('stranger.pub'), '--manifest-min', '2026-11-29')->{exit}, 0, 'one with two keys');
refuses('another key', 1, "tarboot: $image: its boot part trusts key $STRANGER, which is none of --trust\n$todo", @verify, @TRUST);
like(run($TARBOOT, @verify, @TRUST, '--trust', scratch('stranger.pub'), '--manifest-min', '2026-11'),
	qr/^keys: right: its boot part takes only a root that is signed with one of these$/m, 'both, and an earlier date');
refuses('a later date', 1, "tarboot: $image: its boot part takes what was signed before 2026-12, too\n  Pack it with `tarboot pack --manifest-min DATE`.\n",
	@verify, @TRUST, '--trust', scratch('stranger.pub'), '--manifest-min', '2026-12');
done_testing();
