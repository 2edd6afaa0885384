#!/usr/bin/perl
# A real Debian on three quarters of the least RAM that it takes without zram: its login, what systemd says of the swap, and
# its end. tests/fault/zram.t has the cases around it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use JSON::PP;
use List::Util qw(max);
use Test::More;
use Guest;
use Image;

need_programs(qw(qemu-system-x86_64));

sub answers {
	my ($guest, $command, $want, $name) = @_;
	return is($guest->says($command, 120) =~ s/\n\z//r, $want, $name);
}

sub look_at_swap {
	my ($guest) = @_;

	answers($guest, 'systemctl is-system-running --wait', 'running', 'systemd is running');
	answers($guest, 'systemctl --failed --no-legend --plain', '', 'no unit has failed');
	answers($guest, 'systemctl is-active dev-zram0.swap', 'active', 'systemd knows the swap');
	answers($guest, 'tail -n +2 /proc/swaps | tr -s " \t" " " | cut -d" " -f 1,2,5', '/dev/zram0 partition 100', 'it is all there is, before any other');
	answers($guest, 'cat /proc/sys/vm/page-cluster', '0', 'pages are read one by one');
	answers($guest, 'cd / && md5sum --quiet -c /var/lib/dpkg/info/*.md5sums 2>&1 | grep -c "FAILED$"', '0',
		'each file that is there is as its package has it');
	my $json   = $guest->says('cat /run/tarboot/report.json');
	my $report = eval { decode_json($json) } or diag($json);
	cmp_ok($report->{zram}{stored_bytes}, '>', 1.5 * $report->{zram}{taken_bytes}, 'the report has it');
	like(tarboot('timeline', spew(scratch('report.json'), $json)), qr/^set up zram .*\n(?:.*\n)*\d+\.\d MiB of RAM hold \d+\.\d MiB by zram$/m, 'so has its timeline');
	return;
}

sub whole_boot {
	my ($image, $mem, %arg) = @_;
	my $guest = Guest->start(dir => scratch(), name => 'zram', kernel => "$image.vmlinuz", initrd => $image, mem => $mem, %arg);

	if (!ok($guest->wait_for(qr/login:/m, 300) && $guest->log_in, 'it comes to a login')) {
		$guest->show_end(60);
		$guest->stop;
		return;
	}
	like($guest->text, qr/^tarboot: set up zram: \d+\.\d+ s, up to \d+\.\d MiB in zram0, by zstd: [1-3]\.\d\d : 1 is expected$/m, 'init says what it does');
	like($guest->text, qr/^tarboot: zram: \d+\.\d MiB are in \d+\.\d MiB of RAM \((?:[2-9]\.\d\d|1\.[5-9]\d) : 1\)$/m, 'and what came of it');
	$guest->says('dmesg -n 1');    # what the kernel says late is no answer
	look_at_swap($guest);
	$guest->type("systemctl poweroff\r");
	ok($guest->wait_end(120), 'it powers off');
	like($guest->text, qr/reboot: Power down/, 'by itself');
	unlike($guest->text, qr/FAILED|[Dd]eactivating swap|[Ss]waps? deactivated, |remaining swap|Out of memory|oom-kill/, 'without a word of swap');
	$guest->show_end unless Test::More->builder->is_passing;
	return;
}

# The newest needs smp 1 in QEMU 7.2: Modules.pm
my %MORE = (bookworm => {}, $ENV{TARBOOT_TEST_ALL} ? (bullseye => {}, trixie => {}, sid => { smp => 1 }) : ());
for my $suite (sort keys %MORE) {
	my $root = $suite eq 'bookworm' ? demo_root() : eval { demo_root(suite => $suite) };
	subtest "Debian $suite" => sub {
		plan skip_all => "no root of Debian $suite can be made here" unless $root;
		my $image = scratch('image');
		note(tarboot('pack', '--force', '--level=fast', $root, '-o', $image));
		my ($least, $with_zram) = tarboot('inspect', $image) =~ /^machine  needs about (\d+)\.\d MiB of RAM to boot, with zram about (\d+)\.\d MiB; /m;
		cmp_ok($with_zram // 999, '<', $least // 0, 'inspect promises less with zram') or return;
		whole_boot($image, int(max($with_zram, 0.7 * $least)), %{ $MORE{$suite} });    # of a small root the image is most of it
	};
}
done_testing();
