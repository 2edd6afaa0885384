#!/usr/bin/perl
# A run of `tarboot netboot` that is refused, or fails, leaves what machines load as it was: all that can be wrong is asked first, and what
# goes, goes when nothing names it any more.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine", "$FindBin::RealBin/../netboot", $FindBin::RealBin;
use Engine;
use RawTar qw(file tar_end);
use File::Path qw(make_path);
use Net ();
use Netboot qw(netboot works_quietly);
use Test::More;

need_programs(qw(busybox b2sum minisign));
plan skip_all => 'not root: owners of files in layers' if $> != 0;
my $TARBOOT = build_path('tarboot');
our $site   = public('site');
my @NET     = qw(--server 10.7.0.1 --subnet 10.7.0.0/16);
my @mac     = map { "52:54:00:00:00:0$_" } 0 .. 5;
Net::servers();

# All that is in the site, with its bytes.
sub state { return run("cd '$site' && { find . -type f -exec b2sum -l 64 {} + ; find . ! -type f -printf '%p %l\\n'; } | sort") }

sub refuses {
	my ($name, $says, @arguments) = @_;
	my $before = state();
	Netboot::refuses($site, $name, 1, $says, @arguments);
	is(state(), $before, "$name: nothing is changed");
	return;
}

# ---- what is asked first ----

my $old = word_image('old', 'one');
my $new = word_image('new', 'one');
works_quietly($site, 'two images', $old, $new, @NET, '--boot', "$mac[1]=new");
my $newer = word_image('new', 'two');
my @hosts = ('--hosts', spew(scratch('room.csv'), "$mac[2],,pc2,new\n$mac[3],,pc3,nwe\n$mac[4],,pc4,new\n"));
my $no_entry = qr/^tarboot: nwe: the menu has no such entry\n  Give another with --default\.\n\z/;
refuses('the default goes, and a typo', $no_entry, '--remove', 'old', '--default', 'nwe');
refuses('an image, and a default that is none', $no_entry, $newer, '--default', 'nwe');
refuses('an image, and an entry that is none', qr/^tarboot: nwe: the menu has no such entry for $mac[2] to boot\n  Give another with --boot\.\n\z/, $newer, '--boot', "$mac[2]=nwe");
refuses('a room with an entry that is none', qr/^tarboot: nwe: the menu has no such entry for $mac[3] to boot\n/, @hosts);
refuses('an image, and a room', qr/^tarboot: nwe: the menu has no such entry for $mac[3] to boot\n/, $newer, @hosts);
refuses('an entry that goes', qr/^tarboot: new: it is the default of the menu or of a machine\n/, '--remove', 'new');
refuses('the default goes', qr/^tarboot: old: it is the default of the menu or of a machine\n/, $newer, '--remove', 'old');
refuses('what is not there goes', qr/^tarboot: \Q$site\E: it has no image none\n/, $newer, '--remove', 'none');
refuses('back to nothing', qr/^tarboot: old: there is no previous version to go back to\n/, $newer, '--rollback', 'old');
refuses('back, of what is not there', qr/^tarboot: \Q$site\E: it has no image none\n/, $newer, '--rollback', 'none');
refuses('a memory test that is not installed', qr/^tarboot: memtest: the menu has no such entry\n/, $newer, '--default', 'memtest') if !glob '/boot/{memtest86+*,mt86+x64}';
{
	my $version = readlink "$site/http/images/new/current";
	works_quietly($site, 'an image, and back at once', $newer, '--rollback', 'new');
	is(readlink "$site/http/images/new/current", $version, 'is the one before');
	ok(readlink "$site/http/images/new/previous" gt $version, 'and the new one is there');
	works_quietly($site, 'an image that is the default at once', word_image('third', 'one'), '--default', 'third');
}

# ---- what goes, goes last ----

{
	# A script of the administrator's is not overwritten, which is found when the menu is new already.
	my $script = "$site/http/mac-" . ($mac[5] =~ tr/:/-/r) . '.ipxe';
	spew($script, "#!ipxe\n");
	my $r = netboot($site, '--remove', 'old', '--boot', "$mac[5]=new");
	is($r->{exit}, 1, 'a script of the administrator\'s');
	ok(-e "$site/http/images/old/current/initrd.img", 'the image that was to go is still there');
	unlink $script;
	works_quietly($site, 'without it', '--remove', 'old');
	ok(!-e "$site/http/images/old", 'it is gone');
	unlike(slurp("$site/http/menu.ipxe"), qr/images\/old/, 'from the menu, too');

	make_path(map { scratch($_) } qw(one two));
	spew(scratch("$_/own"), $_) for qw(one two);
	works_quietly($site, 'machines', '--boot', "$mac[2]=new", '--machine-layer', "$mac[4]=" . scratch('one'));
	my @layer = glob "$site/http/layers/machine-*";
	is(scalar @layer, 3, 'one with a layer');
	my $names = sub { return slurp("$site/http/mac-" . ($mac[4] =~ tr/:/-/r) . '.ipxe') =~ m{^set layer \S+/layers/([^#]+)#}m ? $1 : '' };
	my $before = $names->();
	my @again = ('--forget', $mac[4], '--machine-layer', "$mac[4]=" . scratch('two'));
	spew($script, "#!ipxe\n");
	$r = netboot($site, '--boot', "$mac[5]=new", @again);
	is($r->{exit}, 1, 'forgotten, with another layer: it fails');
	is($names->(), $before, 'its script names the one before');
	is(join(' ', grep { !-e } @layer), '', 'which is there');
	unlink $script;
	works_quietly($site, 'forgotten, with another layer', @again);
	isnt($names->(), $before, 'which its script names');
	is(join(' ', grep { !-e } @layer), '', 'that of before stays for a machine that has begun to boot');
	works_quietly($site, 'forgotten', '--forget', $mac[4]);
	ok(!-e "$site/http/layers", 'then all goes');
	like(works_quietly($site, 'one more', '--machine-layer', "$mac[4]=" . scratch('one')) . works_quietly($site, 'none', '--forget', $mac[4], '--machine-layer', "$mac[4]=none"),
		qr/^layer    $mac[4]: none any more$/m, 'forgotten, and no layer: says so');
}

# ---- what an earlier version took ----

{
	my $group = '01:00:5e:00:00:01';
	spew("$site/netboot.conf", slurp("$site/netboot.conf") . "host = $group=10.7.0.40,pc40\nboot = $group=new\n");
	my $r = netboot($site, '--timeout', 5);
	is($r->{exit}, 0, 'a netboot.conf with the MAC address of a group');
	is($r->{err}, "tarboot: warning: netboot.conf: the MAC address $group is that of a group, or all zeros, and no machine's: take it away with tarboot netboot --forget $group\n", 'is warned of');
	like(slurp("$site/netboot.conf"), qr/^host = $group=10\.7\.0\.40,pc40$/m, 'and stays');
	like(try($TARBOOT, 'serve', $site)->{err}, qr/^tarboot: warning: netboot\.conf: the MAC address $group .*\n(?:.*\n)*tarboot: (?:.*10\.7\.0\.1|nginx: )/, 'serve takes it, too');
	works_quietly($site, '--forget', '--forget', $group);
	unlike(slurp("$site/netboot.conf"), qr/$group/, 'takes it away');
}

# ---- signatures ----

run(qw(minisign -G -W -f -p), scratch("$_.pub"), '-s', scratch("$_.key")) for qw(first second);
{
	local $site = public('signed');
	my $keyed = word_image('keyed', 'one', '--stream', '--modules=none', map { ('--trust', scratch("$_.pub")) } qw(first second));
	my @sign  = ($keyed, '--stream', '--layer', scratch('two'), '--sign');
	works_quietly($site, 'signed', @sign, scratch('first.key'), @NET);
	my $dir = "$site/http/images/keyed/current";
	my @signed = map { "$dir/$_" } qw(root.tar.xz layer-1.tar.xz);
	my $signers = sub { return join ' ', map { my $file = $_; grep { try('minisign', '-V', '-p', scratch("$_.pub"), '-m', "$file.manifest")->{exit} == 0 } qw(first second) } @signed };
	is($signers->(), 'first first', 'with the first key');

	# The initrd of a machine's layer, which is made when the signatures are there, becomes too large: a signal ends all.
	my $tar = file('own', 'x' x 200_000) . tar_end();
	spew(scratch('large.tar'), $tar . "\0" x (-length($tar) % 512));
	my $before = state();
	my $blocks = (-s scratch('large.tar')) / 512;
	my $r = try('sh', '-c', "ulimit -f $blocks; exec \"\$@\"", 'sh', $TARBOOT, 'netboot', '-o', $site, @sign, scratch('second.key'), '--machine-layer', "$mac[1]=" . scratch('large.tar'));
	is($r->{signal} || $r->{exit} - 128, 25, 'signed again, and ended by SIGXFSZ') or diag($r->{err});
	is($signers->(), 'first first', 'the signatures are those of before');
	is(state(), $before, 'and nothing is left');

	# Ctrl-C when minisign asks for the password.
	my $path = new_dir();
	spew("$path/minisign", "#!/bin/sh\nls -A '$site/http/layers/.new' >'@{[ scratch('seen') ]}'\nkill -INT \$PPID\n", 0755);
	$r = do {
		local $ENV{PATH} = "$path:$ENV{PATH}";
		netboot($site, @sign, scratch('second.key'), map { ('--machine-layer', "$_=" . scratch('large.tar')) } @mac[1 .. 3]);
	};
	is($r->{signal} || $r->{exit} - 128, 2, 'ended by SIGINT') or diag($r->{err});
	is(scalar(() = slurp(scratch('seen')) =~ /\.manifest$/mg), 3, 'when the layers were made');
	is(state(), $before, 'nothing is left');
	like(works_quietly($site, 'signed again', @sign, scratch('second.key')), qr/^signed keyed$/m, 'with the second key');
	is($signers->(), 'second second', 'root and layers are');
	is(join(' ', sort map { s{.*/}{}r } glob "$dir/*"), 'boot.img entry.conf layer-1.tar.xz layer-1.tar.xz.manifest layer-1.tar.xz.manifest.minisig '
		. 'root.tar.xz root.tar.xz.manifest root.tar.xz.manifest.minisig vmlinuz', 'its files');
	is(join(' ', glob "$site/http/images/keyed/.new*"), '', 'and nothing beside');
}
{
	# The first image will be the default, and so its key counts for a machine that has no entry of its own.
	local $site = public('first');
	my ($one, $two) = map { word_image("of-$_", 'one', '--trust', scratch("$_.pub")) } qw(first second);
	my @layer = ('--machine-layer', "$mac[1]=" . scratch('one'), @NET, '--sign');
	my $r = netboot($site, $one, $two, @layer, scratch('second.key'));
	is($r->{exit}, 1, 'signed for the second image');
	like($r->{err}, qr/ it is signed with key \w+, which is not trusted: it must be key \w+\n/, 'which it does not boot');
	ok(!-e "$site/http/menu.ipxe", 'nothing is published');
	works_quietly($site, 'for the first', $one, $two, @layer, scratch('first.key'));

	# The version counts that will be there.
	@layer = ('--machine-layer', "$mac[2]=" . scratch('two'), '--sign');
	is(netboot($site, word_image('of-first', 'two', '--trust', scratch('second.pub')))->{exit}, 0, 'a version with the second key');
	refuses('back, and a layer with the second key', qr/ it is signed with key \w+, which is not trusted: /, '--rollback', 'of-first', @layer, scratch('second.key'));
	works_quietly($site, 'with the first', '--rollback', 'of-first', @layer, scratch('first.key'));
}

# ---- variables that iPXE would fill in ----

for my $line ('x="a tarboot.layer=${foo}"', 'x="a tarboot.layer=/${mac}/${net0/ip}"', '"tarboot.layer=/${mac}"', 'tarboot.layer=/${${mac}}') {
	my $r = netboot($site, '--append', $line, $new);
	like($r->{err}, qr/^tarboot: (?:--append: an iPXE script cannot have this kernel line\n  Use ASCII characters only, without the words &&, \|\| and ; and those that begin with #, and \$\{ only in tarboot\.layer=, with the variables of layers\.$|netboot: --append: .*no variable of a layer)/,
		"$line is refused");
}

# ---- many machines ----

{
	local $site = public('many');
	my @room = map { sprintf '02:00:00:00:%02x:%02x,,pc%d', $_ >> 8, $_ & 255, $_ } 1 .. 5000;
	my $file = spew(scratch('many.csv'), join("\n", @room) . "\n");
	works_quietly($site, 'an image', $new, @NET);
	# Seconds on a processor.
	my $r = try('sh', '-c', 'ulimit -t "$1"; shift; exec "$@"', 'sh', 3, $TARBOOT, 'netboot', '-o', $site, '--hosts', $file);
	is($r->{exit}, 0, '5000 machines in less than 3 seconds') or diag($r->{err}, $r->{signal});
	spew($file, join("\n", @room, $room[17]) . "\n");
	refuses('one of them again', qr/^tarboot: \Q$file\E: line 5001: this MAC address is in an earlier line, too\n  Correct that line\.\n\z/, '--hosts', $file);
}
done_testing();
