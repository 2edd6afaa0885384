# A root that machines fetch, booted with the boot part directly: tiny, with Debian's kernel and the modules of QEMU's
# network card. Its init tells on the second serial line what it finds, says ROOT IS UP on the console, and ends.
package Stream;

use strict;
use warnings;

use Exporter qw(import);
use FindBin;
use Test::More;
use Time::HiRes qw(sleep);
use lib "$FindBin::RealBin/../boot";
use Guest;
use Image;
use Modules;
use Net;

our @EXPORT = (@Net::EXPORT, qw(publish_root publish web dhcp fetching unplug plug_in two_at_once come_up fail_with report_of $WEB));
my @MODULES = qw(virtio_pci virtio_net);
our $WEB = 8080;      # port of web()

my $BOOT = 90;        # seconds for a boot that takes fifteen

my $INIT = <<'END';
#!/bin/sh
b=/bin/busybox
{
	$b cat /run/tarboot/report.json
	echo LINKS; $b ip -o link
	echo ADDRESSES; $b ip -o addr
	echo ROUTES; $b ip route; $b ip -6 route
	echo FILES; $b find /run/systemd /run/NetworkManager -type f -exec $b cat {} +
	echo DATA; $b md5sum </data
} >/dev/ttyS1 2>&1
echo "ROOT IS UP" >/dev/console
exec $b poweroff -f
END

# Packs a root with so many MiB of random data and publishes it. Returns the directory.
sub publish_root {
	my ($name, $megabytes, @options) = @_;

	return publish($name, tiny_root("root-$name", sub {
		spew("$_[0]/sbin/init", $INIT, 0755);
		run("head -c ${megabytes}M /dev/urandom >'$_[0]/data'");
		copy_modules('bookworm', $_[0], @MODULES);
	}), join(',', @MODULES), @options);
}

# Packs a root with these modules in its boot part, and puts payload, manifest (NAME.tar.xz, NAME.tar.xz.manifest), boot part
# (NAME.boot) and whole image (NAME.img) into a directory. Returns the directory.
sub publish {
	my ($name, $root, $modules, @options) = @_;
	my $dir   = public('http');
	my $image = "$dir/$name.img";

	mkdir $dir;
	tarboot('pack', $root, '-o', $image, '--kernel', 'none', '--stream', '--modules', $modules, '--level=fast', @options);
	my @members = newc_read($image);
	my $payload = pop @members;
	my ($file)  = $payload->{name} =~ m{(\.tar\.\w+)$};
	my ($manifest) = grep { $_->{name} =~ m{^/?tarboot/manifest$} } @members;
	spew("$dir/$name$file", $payload->{data});
	spew("$dir/$name$file.manifest", $manifest->{data});
	newc_write("$dir/$name.boot", @members);
	return $dir;
}

# The misbehaving web server, on all addresses.
sub web {
	my ($name) = @_;
	my $web = serve($name, repo_path('tests/netboot/web'), $WEB, public('http'));
	ok($web->wait_for(qr/^serving/, 20), "$name: the web server runs") or diag($web->text);
	return $web;
}

# dnsmasq for addresses (and names) on a bridge.
sub dhcp {
	my ($bridge, @options) = @_;
	my $dhcp = serve("dhcp-$bridge", 'dnsmasq', '-k', '--conf-file=/dev/null', '--log-facility=-',
		"--interface=$bridge", '--bind-interfaces',
		'--except-interface=lo', '--dhcp-leasefile=/dev/null', '--no-resolv', '--no-hosts', '--no-ping', '--user=root', @options);
	ok($dhcp->wait_for(qr/started/, 20), "dnsmasq on $bridge") or diag($dhcp->text);
	return $dhcp;
}

# Starts a machine that fetches (no_timer_check: on a busy machine, QEMU's timer is too late for the kernel's check): name of the root, number of the machine, then as machine(). urls: behind the server's.
sub fetching {
	my ($root, $n, %arg) = @_;
	my $append = "tarboot.rootfs=$arg{urls} tarboot.netwait=" . ($arg{netwait} // 60) . ' ' . ($arg{append} // '');

	return machine(name => $root . $n, mem => 384, mac => mac($n), kernel => kernel_of('bookworm') . '/vmlinuz',
		initrd => public("http/$root.boot"), %arg, append => "no_timer_check net.ifnames=0 $append");
}

# Pulls the cable of the n-th card. Before the kernel looks, right after the start.
sub unplug {
	my ($guest, $n) = @_;

	for (1 .. 100) {
		last if ($guest->monitor("set_link n$n off") // '') =~ /\(qemu\).*\(qemu\)/s;
		sleep 0.05;
	}
	return $guest;
}

sub plug_in {
	my ($guest, $n) = @_;
	$guest->monitor("set_link n$n on");
	return;
}

# Runs pairs of functions: one starts a guest, one gets and checks it. Two run at once, since they wait much.
sub two_at_once {
	my @running;

	while (my ($start, $check) = splice @_, 0, 2) {
		push @running, [ $check, $start->() ];
		next if @running < 2;
		my ($first, $guest) = @{ shift @running };
		$first->($guest);
	}
	$_->[0]->($_->[1]) for @running;
	return;
}

# It shall come up, with what the server has; like: what the console shall have. Returns what the new system saw.
sub come_up {
	my ($what, $guest, $root, @like) = @_;
	my $results = '';

	subtest $what => sub {
		ok($guest->wait_end($BOOT), 'it boots and powers off');
		my $text = $guest->text;
		ok($text =~ /^ROOT IS UP/m, 'the new system runs');
		ok($text !~ /FAILED|Kernel panic/, 'nothing failed');
		ok($text =~ $_, "it says $_") for @like;
		$results = $guest->results;
		my ($sum) = run('md5sum', scratch("root-$root/data")) =~ /^(\w+)/;
		like($results, qr/^DATA\n\Q$sum\E /m, 'what was fetched is what was packed');
		$guest->show_end(40) unless Test::More->builder->is_passing;
	};
	return $results;
}

# It shall fail; with: what the block says, in one line.
sub fail_with {
	my ($what, $guest, %want) = @_;

	subtest $what => sub {
		ok($guest->wait_end($BOOT), 'it ends');
		my ($block) = $guest->text =~ /^(tarboot: FAILED: .*?^  then: [^\n]+)/ms;
		$block =~ s/\n {8}/ /g if $block;    # lines that were broken
		my %line = ($block // '') =~ /^  (what|why|do|then): +(\S.*)$/mg;
		is($line{$_}, $want{$_}, $_) for grep { !ref $want{$_} } sort keys %want;
		like($line{$_} // '', $want{$_}, $_) for grep { ref $want{$_} } sort keys %want;
		ok($guest->text !~ /ROOT IS UP|Kernel panic/, 'nothing of the root was started');
		$guest->show_end(40) unless Test::More->builder->is_passing;
	};
	return;
}

# A number or text in the part "fetch" of the report.
sub report_of {
	my ($results, $name) = @_;
	my ($fetch) = $results =~ /"fetch": \{(.*?)\}/s;
	my ($value) = ($fetch // '') =~ /"$name": "?([^",}\s]+)/;
	return $value;
}

1;
