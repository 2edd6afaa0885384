#!/usr/bin/perl
# A root with what other machines leave in it boots as if it had been made for this one: without waiting for disks that
# are not there, as no container, not for the first time, under the name that the kernel line gives. Its payload is zstd:
# this is the boot of a whole system from one.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;
use Guest;
use Image;

need_programs(qw(qemu-system-x86_64 tar));

my %PLANTED = (
	'.dockerenv'   => '',
	'.dockerinit'  => '',
	'etc/crypttab' => "luks UUID=0b9c4b5e-0000-0000-0000-000000000001 none luks\ncswap /dev/sdx2 /dev/urandom swap\n",
	'etc/fstab'    => <<'END',
UUID=0b9c4b5e-0000-0000-0000-000000000002 / ext4 defaults 0 1
"UUID=0b9c4b5e-0000-0000-0000-000000000003" /srv/a ext4 defaults 0 2
UUID="0b9c4b5e-0000-0000-0000-000000000004" /srv/b ext4 defaults 0 2
/dev/mapper/luks /srv/c ext4 defaults 0 2
tank/d /srv/d zfs defaults 0 0
share /srv/e virtiofs defaults 0 0
share /srv/f 9p trans=virtio 0 0
share /srv/g vboxsf defaults 0 0
/srv/b/home /srv/h none bind 0 0
overlay /srv/i overlay lowerdir=/etc,upperdir=/srv/b/up,workdir=/srv/b/work 0 0
/old.swap none swap sw 0 0
/dev/sdx3 none swap sw 0 0
/dev/shm /srv/shm none bind 0 0
LABEL=gone /srv/j ext4 nofail,x-systemd.device-timeout=1s 0 0
END
	'etc/systemd/system/disabled-by-admin.service' =>
		"[Service]\nType=oneshot\nExecStart=/bin/true\n\n[Install]\nWantedBy=multi-user.target\n",
	'var/lib/swap-0' => "\0" x 4086 . 'SWAPSPACE2' . "\0" x 40_000_000);

my $root  = scratch('root');
my $image = scratch('image');
make_path($root, map { "$root/srv/$_" } 'a' .. 'j', 'shm');
run('tar', '-C', $root, qw(--xattrs --xattrs-include=* --numeric-owner -xpf), demo_root());
spew("$root/$_", $PLANTED{$_}) for keys %PLANTED;
unlink "$root/etc/machine-id";
my $overlay = tempdir(DIR => scratch());    # 0700
make_path("$overlay/etc");
spew("$overlay/etc/motd", "laid over\n");
run('chown', '-R', '1000:1000', $overlay);
note(tarboot('pack', '--compress=zstd', '--level=fast', '--overlay', $overlay, $root, '-o', $image));

my $guest = Guest->start(
	dir => scratch(), name => 'scrub', kernel => "$image.vmlinuz", initrd => $image, mem => 1024,
	append => 'systemd.hostname=lab7 mark.of.this.boot=1');
if (!ok($guest->wait_for(qr/^lab7 login:/m, 300) && $guest->log_in, 'it comes to a login, under the name of the kernel line')) {
	$guest->show_end(60);
	$guest->stop;
	done_testing();
	exit;
}

my ($found)    = $guest->text =~ /^tarboot: find payload: [\d.]+ s, (.*)$/m;
my ($unpacked) = $guest->text =~ /^tarboot: unpack root: [\d.]+ s, (.*)$/m;
like($found, qr{^[\d.]+ MiB of /rootfs\.tar\.zst$}, 'the payload is zstd');
like($unpacked, qr/, (?!1 )\d+ blocks, 2 threads, /, 'in frames, for both CPUs');
$guest->says('dmesg -n 1');    # what the kernel says late is no answer

sub answers {
	my ($command, $want, $name) = @_;
	return is($guest->says($command) =~ s/\n\z//r, $want, $name);
}

my $report = $guest->says('cat /run/tarboot/report.json');
like(tarboot('timeline', spew(scratch('report.json'), $report)), qr/^unpack root .*\n  worker 1 .*#.*\n  worker 2 .*#/m, 'its frames make a timeline');
answers('systemctl is-system-running --wait', 'running', 'systemd is running');
answers('systemctl --failed --no-legend --plain', '', 'no unit has failed');
answers('journalctl -b --no-pager -q -g "Timed out waiting|Dependency failed" | grep -v -e gone -e /srv/j', '', 'nothing was waited for in vain');
answers('systemd-detect-virt --container', 'none', 'this is no container');
answers('tr " " "\n" </proc/cmdline | grep mark', 'mark.of.this.boot=1', 'the kernel line is there');
answers('systemctl is-enabled disabled-by-admin.service', 'disabled', 'what the admin disabled stays so');
answers('ls /run/systemd/first-boot 2>/dev/null', '', 'this is no first boot');
answers('stat -c "%a %u:%g" /', '755 0:0', 'the root directory is everybody\'s to enter');
answers('findmnt -no FSTYPE /srv/shm', 'tmpfs', 'what needs no disk is mounted');
answers('cat /proc/swaps | wc -l; ls /old.swap /var/lib/swap-0 2>/dev/null', '1', 'there is no swap, as a file or in use');
answers('tail -n 1 /etc/motd; setpriv --reuid=nobody --clear-groups cat /etc/motd | tail -n 1', "laid over\nlaid over", 'the overlay is there for all');
answers('test -s /etc/machine-id && wc -c </etc/machine-id', '33', 'systemd has a machine-id of its own');
$guest->show_end unless Test::More->builder->is_passing;
$guest->stop;
done_testing();
