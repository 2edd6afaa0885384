#!/usr/bin/perl
# timeline: reports as text and as a picture; what is no report. tests/unit/test_timeline.c has the rows and the bars,
# tests/boot/10-systemd.t a real report.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use JSON::PP;
use Test::More;

my $TARBOOT = build_path('tarboot');

# A report as init writes it.
sub report {
	my ($name, %change) = @_;
	my $start = 2;
	return spew(scratch($name), encode_json({
		init => '/sbin/init', failed_step => '', memory_total_bytes => 2 << 30, devices_seen_s => 2.4,
		steps => [ map { my $s = { name => $_, start_s => $start, duration_s => 0.5 }; $start += 0.5; $s }
			'plug in devices', 'unpack root', 'start <&> init' ],
		block_times => [ map { [ $_ % 4, 2.5 + $_ / 100, 2.6 + $_ / 100 ] } 0 .. 30 ],
		memory_samples => [ map { [ 2 + $_ / 100, 1e8 + $_ * 1e6 ] } 0 .. 100 ], %change }));
}

sub timeline { return try($TARBOOT, 'timeline', @_) }

my $one = report('one.json');
my $bad = report('bad.json', failed_step => 'unpack root');
subtest 'text' => sub {
	my $r = timeline($one);
	is($r->{exit}, 0, 'exit code');
	like($r->{out}, qr{^\S+/one\.json: 3\.500 s to /sbin/init\n}, 'heading');
	like($r->{out}, qr/^  worker 4 +\d\.\d+ s \| +#+ *\|$/m, 'workers');
	like($r->{out}, qr/^memory in use, at most +\d+\.\d MiB \|[ _.:=+*%\@#-]+\|$/m, 'memory');
	unlike($r->{out}, qr/zram/, 'nothing of zram where there is none');
	my $zram = report('zram.json', zram => { device => 'zram0', stored_bytes => 228 << 20, taken_bytes => 79 << 20 });
	like(timeline($zram)->{out}, qr/^79\.0 MiB of RAM hold 228\.0 MiB by zram$/m, 'and what it held');
	like(timeline($zram, '-o', '-')->{out}, qr/>79\.0 MiB of RAM hold 228\.0 MiB by zram</, 'in a picture, too');
	$r = timeline($one, $bad);
	like($r->{out}, qr/one\.json: .*\n\n\S+bad\.json: 3\.500 s to the failure of unpack root\n/s, 'two boots');
};
subtest 'a report that steers a terminal' => sub {
	my $hostile = spew(scratch("host\e[31mile.json"),
		slurp($bad) =~ s/"failed_step":"\Kunpack root/\e[31mu\302\233/r =~ s/"name":"\Kunpack root/\302\233\303\251/r);
	my $r = timeline($hostile);
	is($r->{exit}, 0, 'exit code') or diag($r->{err});
	like($r->{out}, qr{/host\\033\[31mile\.json: 3\.500 s to the failure of \\033\[31mu\\302\\233\n}, 'names');
	like($r->{out}, qr{^\\302\\233\303\251 +0\.500 s}m, 'steps');
	unlike($r->{out}, qr/\e|\302\233/, 'nothing else');
	like(timeline($hostile, '-o', '-')->{out}, qr{>\\302\\233\303\251</text>}, 'nor in a picture');
};
subtest 'a picture' => sub {
	my $svg = scratch('boot.svg');
	for my $reports ([$one], [$one, $bad], [ map { report("m$_.json") } 1 .. 16 ]) {
		my $r = timeline(@$reports, '-o', $svg);
		is($r->{exit}, 0, scalar(@$reports) . ' boots') or diag($r->{err});
		my $text = slurp($svg);
		like($text, qr{\A<svg xmlns="http://www.w3.org/2000/svg" .*</svg>\n\z}s, 'it is SVG');
		my @open = $text =~ /<(\w+)[^>]*[^\/]>/g;
		my @close = $text =~ m{</(\w+)>}g;
		is(join(' ', sort @open), join(' ', sort @close), 'each element is closed');
		like($text, qr/start &#60;&#38;&#62; init/, 'names do it no harm');
		unlike($text, qr/nan|inf/, 'each number is one');
		is(scalar(() = $text =~ /#c0392b/g), @$reports == 2 ? 1 : 0, 'a failure is red');
	}
};

sub fails {
	my ($name, $exit, $like, @arguments) = @_;
	my $r = timeline(@arguments);
	is($r->{exit}, $exit, "$name: exit code");
	like($r->{err}, $like, "$name: says why");
	is($r->{out}, '', "$name: nothing else");
	return;
}
my $svg = spew(scratch('old.svg'), 'old');
fails('no report', 1, qr{/no\.json: it is not the report of a boot\n  Give the /run/tarboot/report\.json}, '-o', $svg,
	$one, spew(scratch('no.json'), '{"steps": 3}'));
is(slurp($svg), 'old', 'the old picture stays');
fails('nothing there', 1, qr{/nowhere: cannot read it: No such file}, '/nowhere');
fails('nowhere to write', 1, qr{/nowhere/x\.svg}, '-o', '/nowhere/x.svg', $one);
fails('no argument', 2, qr/expected at least one REPORT\.json, got none/);
fails('too many', 2, qr/expected at most 16 reports, got 17/, ($one) x 17);
done_testing();
