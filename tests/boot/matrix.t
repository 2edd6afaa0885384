#!/usr/bin/perl
# The matrix: roots of several Debians and inits, with their own kernel and the newest, by both ways (in the image, fetched over
# HTTP), each booted to its own end state with all that Whole.pm looks at. What came of a cell is left in build/matrix, from where
# `make matrix` brings the table of docs/compatibility.md up to date. TARBOOT_MATRIX=PATTERN chooses cells by their names, as '13.*stream';
# with it, a root that cannot be made is a failure. Without it there are two, of the root that all tests boot; a third is 10-systemd.t.
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use FindBin;
use lib $FindBin::RealBin;
use JSON::PP qw(decode_json);
use POSIX qw(strftime);
use Test::More;
use Image;
use Layouts;
use Loopback;
use Modules;
use Whole;

# made: how scripts/make-demo-root makes it (arch aarch64: machine and kernel are for that, too); change: what is done to it then;
# kernels: all but its own; made_at_boot: see prepare_root().
my @ROOTS = (
	{ root => 'Debian 11', made => { suite => 'bullseye' }, kernels => ['newest'] },
	{ root => 'Debian 12', made => {}, kernels => ['newest'] },
	{ root => 'Debian 12', made => {}, init => 'busybox', change => \&busybox_init },
	{ root => 'Debian 13', made => { suite => 'trixie' }, kernels => ['newest'] },
	{ root => 'Debian testing', made => { suite => 'testing' }, kernels => ['newest'] },
	{ root => 'Debian sid', made => { suite => 'sid' } },
	{ root => 'Debian 13 for i386', made => { suite => 'trixie', arch => 'i386' } },
	{ root => 'Debian 12 for arm64', made => { arch => 'aarch64' }, arch => 'aarch64' },
	{ root => 'Debian 13, only /usr', made => { suite => 'trixie' }, change => \&only_usr,
		append => 'systemd.condition-first-boot=no systemd.hostname=tarboot-demo', made_at_boot => [qw(. bin lib sbin lib64 etc var root tmp)] },
	{ root => 'Debian 13 as Fedora', made => { suite => 'trixie' }, change => \&as_fedora },
	{ root => 'Debian 13 as Arch', made => { suite => 'trixie' }, change => \&as_arch, made_at_boot => ['boot'] },
	{ root => 'Debian 13 as Alpine', made => { suite => 'trixie' }, init => 'busybox', change => \&as_alpine },
	{ root => 'Debian 13 as openSUSE', made => { suite => 'trixie' }, change => \&as_opensuse, made_at_boot => ['boot'] },
	{ root => 'Debian 13 as Gentoo', made => { suite => 'trixie' }, change => \&as_gentoo, made_at_boot => ['usr/src'] },
	map { { root => 'Debian 13', made => { suite => 'trixie', init => $_ }, init => $_ } } qw(sysvinit openrc runit busybox finit));
my %PACKAGE = (systemd => 'systemd', sysvinit => 'sysvinit-core', openrc => 'openrc', runit => 'runit', busybox => 'busybox-static', finit => 'finit');
my $PORT = 8000;
my $TARBOOT = eval { run('git', '-C', repo_path(), qw(describe --always --dirty)) =~ s/\s+\z//r } // 'a copy';

# ---- roots ----

# Modules of the newest kernel, for the network card and the debug shell's keyboard.
sub add_newest_modules {
	my ($root) = @_;
	copy_modules('sid', -l "$root/lib" ? "$root/usr" : $root, qw(virtio_pci virtio_net af_packet));
	return;
}

sub version_of {
	my ($root, $package) = @_;
	return slurp("$root/var/lib/dpkg/status") =~ /^Package: \Q$package\E\n(?:\S.*\n| .*\n)*?Version: (\S+)/m ? $1 =~ s/^\d+://r : '';
}

# ---- cells ----

sub cells_of {
	my ($r) = @_;
	my $init = $r->{init} // 'systemd';

	return map { my $kernel = $_; map { { root => $r->{root}, init => $init, kernel => $kernel, way => $_, name => "$r->{root}, $init, $kernel kernel, $_" } }
		qw(embedded stream) } 'own', @{ $r->{kernels} // [] };
}

sub record_path { return build_path('matrix', $_[0]{name} =~ s/\W+/-/gr) }

sub record {
	my ($cell, $result) = @_;
	make_path(build_path('matrix'));
	spew(record_path($cell), join "\t", (map { $_ // '' } @$cell{qw(root init version kernel release way)}), $result, strftime('%F', gmtime) . " $TARBOOT\n");
	return;
}

# Before the first boot: every cell has a record, and a chosen one none of an earlier run, also when this run ends before it.
sub record_all {
	my ($wanted) = @_;
	for my $cell (map { cells_of($_) } @ROOTS) {
		my $is_chosen = $cell->{name} =~ /$wanted/;
		record($cell, $is_chosen ? 'did not come to a boot' : 'not tried') if $is_chosen || !-e record_path($cell);
	}
	return;
}

# A static busybox for another machine, which `tarboot pack --stream` wants.
sub shell_for {
	my ($arch) = @_;
	return () unless $arch;
	my $busybox = scratch("busybox-$arch");
	run("tar -xOf '" . bare_root_of($arch) . "' --wildcards '*bin/busybox' >'$busybox' && chmod 755 '$busybox'");
	return ('--shell', $busybox);
}

sub pack_with {
	my ($root, $kernel, $arch) = @_;
	my $image = scratch("$kernel.img");
	my $said  = tarboot('pack', qw(--level fast --no-scrub --stream --modules virtio_net), $root, '-o', $image,
		shell_for($arch), $kernel eq 'own' ? () : ('--kernel', kernel_of('sid') . '/vmlinuz'));

	note($said);
	is(decode_json(tarboot('inspect', '--json', $image))->{manifest}{init}, '/sbin/init', 'its init is found');
	tarboot('netboot', $image, '-o', scratch('site'), qw(--stream --server 10.0.2.2 --subnet 10.0.2.0/24));
	return ($image, $said =~ /^kernel +\S+: (\S+)$/m ? $1 : die "tarboot pack does not name the kernel:\n$said");
}

sub boot_cell {
	my ($cell, $image) = @_;
	my $good = subtest $cell->{name} => sub {
		my $published = scratch("site/http/images/$cell->{kernel}/current");
		whole_boot(
			name => $cell->{name} =~ s/\W+/-/gr, arch => $cell->{arch}, kernel => "$image.vmlinuz", initrd => $cell->{way} eq 'stream' ? "$published/boot.img" : $image,
			# QEMU and this kernel: see booting() in Modules.pm
			$cell->{release} =~ /^(\d+)/ && $1 >= 7 ? (smp => 1) : (),
			$cell->{way} eq 'stream' ? (args => [ -nic => 'user,model=virtio-net-pci' ]) : (),
			append => join ' ', $cell->{append} // (),
			$cell->{way} eq 'stream' ? "tarboot.rootfs=http://10.0.2.2:$PORT/site/http/images/$cell->{kernel}/current/root.tar.xz" : ());
	};
	record($cell, $good ? 'boots' : 'fails');
	return;
}

sub boot_root {
	my ($r, $tar, @cells) = @_;
	remove_tree(scratch('site'), scratch('root'));
	my $root = unpack_root($tar, scratch('root'));
	my $version = version_of($root, $PACKAGE{ $cells[0]{init} });
	my %by_kernel;

	$r->{change}->($root) if $r->{change};
	add_newest_modules($root) if grep { $_->{kernel} eq 'newest' } @cells;
	prepare_root($root, init => $cells[0]{init}, made => $r->{made_at_boot}, arch => $r->{arch});
	push @{ $by_kernel{ $_->{kernel} } }, $_ for @cells;
	for my $kernel (sort keys %by_kernel) {
		my ($image, $release) = pack_with($root, $kernel, $r->{arch});
		for my $cell (@{ $by_kernel{$kernel} }) {
			@$cell{qw(version release append arch)} = ($version, $release, @$r{qw(append arch)});
			boot_cell($cell, $image);
		}
	}
	return;
}

# ---- the test ----

my $wanted = $ENV{TARBOOT_MATRIX} // ($ENV{TARBOOT_TEST_ALL} ? '.' : '^Debian 12, (systemd, own kernel, stream|busybox, own kernel, embedded)$');
need_programs(qw(qemu-system-x86_64 tar setfattr setfacl setcap mknod busybox ip));
my @todo = grep { @{ $_->[1] } } map { [ $_, [ grep { $_->{name} =~ /$wanted/ } cells_of($_) ] ] } @ROOTS;

sub tar_of { return build_path(demo_root_name(%{ $_[0]{made} })) }

# What needs the mirror, and then the test again, in a network of its own.
enter_loopback(sub {
	for (@todo) {
		eval { demo_root(%{ $_->[0]{made} }); 1 } or diag($@);
		eval { bare_root_of($_->[0]{arch}) } if $_->[0]{arch};
		eval { kernel_of('sid') } if grep { $_->{kernel} eq 'newest' } @{ $_->[1] };
	}
});
serve_loopback($PORT, scratch(''));
record_all($wanted);
for (@todo) {
	my ($r, $cells) = @$_;
	if (-e tar_of($r)) {
		eval { boot_root($r, tar_of($r), @$cells); 1 } or fail("$r->{root}, $cells->[0]{init}: $@");
	} else {
		record($_, 'no such root here') for @$cells;
		my $why = "$r->{root}, $cells->[0]{init}: it cannot be made here";
		SKIP: { defined $ENV{TARBOOT_MATRIX} ? fail($why) : skip $why, 1 }
	}
}
done_testing();
