#!/usr/bin/perl
# The command line of every subcommand: help, wrong usage (exit 2), failures (exit 1), and the one form
# that messages have.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../engine";
use Engine;
use Test::More;

my $TARBOOT  = build_path('tarboot');
my @COMMANDS = qw(pack inspect verify unpack run kernel-check netboot serve timeline);

sub helps {
	my ($r, $pattern, $name) = @_;
	return ok($r->{exit} == 0 && $r->{out} =~ $pattern && $r->{err} eq '', $name)
		|| diag("exit $r->{exit}\n$r->{out}$r->{err}");
}

# ---- help ----

helps(try($TARBOOT, $_), qr/^Usage: tarboot COMMAND/m, "tarboot $_") for qw(--help -h help);
helps(try($TARBOOT, $_), qr/\Atarboot \d+\.\d+\.\d+\n\z/, "tarboot $_") for qw(--version -V version);
for my $command (@COMMANDS) {
	my $r = try($TARBOOT, $command, '--help');

	helps($r, qr/^Usage: tarboot $command /, "$command --help");
	is(try($TARBOOT, $command, '-h')->{out}, $r->{out}, "$command -h is the same");
	is(try($TARBOOT, 'help', $command)->{out}, $r->{out}, "help $command is the same");
	like(try($TARBOOT, '--help')->{out}, qr/^  $command /m, "$command is in the list");
}

# Every line fits a screen of 80 columns.
is((grep { length > 79 } split /\n/, try($TARBOOT, $_, '--help')->{out})[0], undef, "$_ --help fits a screen") for @COMMANDS;
like(try($TARBOOT, 'pack', '--help')->{out} =~ s/\s+/ /gr, qr/xz: normal \([^()]*; 125 MiB [^()]*\), fast \([^()]* the time, [^()]*; \d+ MiB\) or best \([^()]* the time, [^()]*; \d+ MiB\)\. zstd: normal \([^()]*; \d+ MiB\), fast \([^()]* the time, [^()]*; \d+ MiB\) or best \([^()]* the time, [^()]*; \d+ MiB\)/,
	'pack --help tells time, size and memory of each level of each compression');
is(try($TARBOOT, 'pack', '-l', 'no', '--help', '--no-such')->{exit}, 0, 'help is shown whatever else is there');
is(try('sh', '-c', '"$0" "$1" --help >/dev/full', $TARBOOT, $_)->{exit}, 1, "$_ --help that nobody gets fails") for qw(pack serve);

# ---- wrong usage: exit 2, the whole message, nothing on stdout ----

sub is_wrong {
	my ($says, @arguments) = @_;
	my $command = (grep { $_ eq ($arguments[0] // '') } @COMMANDS)[0];
	my $help    = $command ? "tarboot $command --help" : 'tarboot --help';
	my $r       = try($TARBOOT, @arguments);
	my $name    = join ' ', 'tarboot', map { $_ eq '' ? "''" : $_ } @arguments;

	is($r->{exit}, 2, "$name: exit") or diag($r->{err});
	is($r->{err}, 'tarboot: ' . ($command ? "$command: " : '') . "$says\n  Try `$help`.\n", "$name: message");
	is($r->{out}, '', "$name: nothing on stdout");
	return;
}

is_wrong('no command given');
is_wrong('pakc: unknown command; did you mean pack?', 'pakc', 'x');
is_wrong('frobnicate: unknown command', 'frobnicate');
is_wrong('\033[31m\303\012: unknown command', "\e[31m\xc3\n");
is_wrong('pakc: unknown command; did you mean pack?', 'help', 'pakc');
is_wrong('--force: options go after the command', '--force', 'pack');

# What is wrong in the same way with all of them.
my %COUNT = (
	pack     => [ [ 'expected one ROOT, got none' ], [ 'expected one ROOT, got 3', qw(a b c) ] ],
	inspect  => [ [ 'expected one IMAGE, got none' ], [ 'expected one IMAGE, got 2', qw(a b) ],
		[ 'expected OLD and NEW for --diff, got 1', qw(--diff a) ] ],
	verify   => [ [ 'expected one IMAGE, got none' ], [ 'expected one IMAGE, got 2', qw(a b) ] ],
	unpack   => [ [ 'expected an IMAGE and a DIR, got none' ], [ 'expected an IMAGE and a DIR, got 1', qw(a) ],
		[ 'expected an IMAGE and a DIR, got 3', qw(a b c) ] ],
	run      => [ [ 'expected one IMAGE, got none' ], [ 'expected one IMAGE, got 2', qw(a b) ], [ 'expected one IMAGE, got none', qw(-- a) ] ],
	serve    => [ [ 'expected one DIR, got none' ], [ 'expected one DIR, got 2', qw(a b) ] ],
	netboot  => [ [ '-o DIR is missing' ], [ '-o DIR is missing', 'a' ] ],
	timeline => [ [ 'expected at least one REPORT.json, got none' ], [ 'expected at most 16 reports, got 17', ('x') x 17 ] ],
	'kernel-check' => [ [ 'expected one CONFIG, VMLINUZ, DIR or auto, got none' ],
		[ 'expected one CONFIG, VMLINUZ, DIR or auto, got 2', qw(a b) ] ]);
is(join(' ', sort keys %COUNT), join(' ', sort @COMMANDS), 'the table has all commands');
for my $command (@COMMANDS) {
	is_wrong($_->[0], $command, @$_[1 .. $#$_]) for @{ $COUNT{$command} };
	is_wrong('--no-such-option: unknown option', $command, '--no-such-option', 'x');
	is_wrong('--hepl: unknown option; did you mean --help?', $command, 'x', '--hepl');
	is_wrong('--help: this option takes no value',      $command, '--help=yes');
	is_wrong('-Z: unknown option',    $command, '-Z', 'x');
	is_wrong('-help: unknown option; did you mean --help?', $command, '-help');
	is_wrong('an argument is empty',           $command, '');
	is_wrong('--: unknown option',    $command, '--=x');
	for my $option (options_with_a_value($command)) {
		is_wrong("$option: this option needs a value", $command, 'x', $option);
		is_wrong("$option: the value is empty", $command, 'x', "$option=") if $option ne '--append' && $option ne '--cmdline';
		is_wrong("$option: this option needs a value, but --help is an option (to use it as the value: ${option}=--help)",
			$command, $option, '--help');
	}
}

# Long options of a command that take a value, by its help.
sub options_with_a_value { return try($TARBOOT, $_[0], '--help')->{out} =~ /^ +(?:-\w, )?(--[a-z-]+) [A-Z]/mg }

# The option is named as it was typed.
my @WRONG = (
	[ '-o: this option needs a value', qw(pack root -o) ],
	[ '-l: this option needs a value', qw(pack -l) ],
	[ '-T: this option needs a value', qw(pack -n -T) ],
	[ '-T: this option needs a value', qw(pack root -nT) ],
	[ '-Z: unknown option', qw(pack root -Zn) ],
	[ '-Z: unknown option', qw(pack root -nZ) ],
	[ '-o: the value is empty', 'pack', 'root', '-o', '' ],
	[ '-o: this option needs a value, but --force is an option (to use it as the value: --output=--force)', qw(pack root -o --force) ],
	[ '-o: this option needs a value, but -n is an option (to use it as the value: --output=-n)', qw(pack root -o -n) ],
	[ '--kern: this option needs a value', qw(pack root --kern) ],
	[ '--force: this option takes no value', qw(pack root --force=yes) ],
	[ '--forc: this option takes no value', qw(pack root --forc=) ],
	[ '--no-s: this may mean --no-scrub or --no-shell', qw(pack root --no-s) ],
	[ '--ex: this may mean --exclude, --exclude-from or --explain', qw(pack root --ex=x) ],
	[ '--exlude: unknown option; did you mean --exclude?', qw(pack root --exlude=x) ],
	[ '-output: unknown option; did you mean --output?', qw(pack root -output x) ],
	[ '--layer: unknown option; it is an option of netboot', qw(pack root -o x --layer dir) ],
	[ '--layer: unknown option; it is an option of netboot', qw(pack root -o x --layer=dir) ],
	[ '--append: unknown option; it is an option of run, netboot', qw(pack root -o x --append quiet) ],
	[ '--dry-run: unknown option; it is an option of pack', qw(netboot a -o x --dry-run) ],
	[ '--layr: unknown option', qw(pack root -o x --layr dir) ],
	[ "-o IMAGE is missing", qw(pack /tmp) ],
	[ "--level slow: it must be fast, normal or best", qw(pack root -o x -l slow) ],
	[ "--level slow: it must be fast, normal or best", qw(pack root --level slow -o) , 'x' ],
	[ "--compress gzip: it must be xz or zstd", qw(pack root -o x --compress gzip) ],
	[ "--compress zst: it must be xz or zstd", qw(pack root -o x -c zst) ],
	[ "--level 19: it must be fast, normal or best", qw(pack root -o x -c zstd -l 19) ],
	[ '--init sbin/init: it must be an absolute path in the root, of at most 255 characters', qw(pack root -o x --init sbin/init) ],
	[ '--init /' . 'x' x 255 . ': it must be an absolute path in the root, of at most 255 characters', qw(pack root -o x --init), '/' . 'x' x 255 ],
	[ '--init /a\012b: it must be an absolute path in the root, of at most 255 characters', qw(pack root -o x --init), "/a\nb" ],
	[ '--report x: the name must end in .svg or .json', qw(pack root -o x --report x) ],
	[ '--json reads the image back, but a dry run writes none', qw(pack root -n --json) ],
	[ '-q: unknown option', qw(inspect x -q) ],
	[ '--report x: the name must end in .svg or .json', qw(inspect a --report x) ],
	[ '--report cannot be combined with --diff', qw(inspect --diff a b --report x.svg) ],
	[ '--top -1: it must be a number from 0 to 1000000', qw(inspect a --top -1) ],
	[ '--accel hvf: it must be auto, tcg or kvm', qw(run a --accel hvf) ],
	[ '--cpus 0: it must be a number from 1 to 1024', qw(run a --cpus 0) ],
	[ '--memory lots: it must be a size, for example 512M or 2G', qw(run a -m lots) ],
	[ '--memory 0: it must be a size, for example 512M or 2G', qw(run a -m 0) ],
	[ '--timeout 0: it must be a number from 1 to 86400', qw(run a --until-login --timeout=0) ],
	[ '-kernel: unknown option; did you mean --kernel?', qw(run a -kernel vmlinuz) ],
	[ '-: QEMU cannot read standard input (for a file named -, give ./-)', qw(run -) ],
	[ '-: an image must be a file (for a file named -, give ./-)', qw(netboot -o /no/such a -) ],
	[ '--only x: unknown group', qw(kernel-check auto --only x) ],
	[ '--server x: it must be an IPv4 address, for example 192.168.7.1', qw(netboot -o /no/such --server x) ],
	[ '--append: tarboot.sise: unknown parameter; did you mean tarboot.size?', qw(netboot -o /no/such a --append), 'quiet tarboot.sise=1g' ],
	[ '--append: kernel parameter tarboot.size=abc: it must be a size like 1500m, 2g, 75% or auto', qw(netboot -o /no/such a --append tarboot.size=abc) ],
	[ '--append: tarboot.sise: unknown parameter; did you mean tarboot.size?', qw(run a -a tarboot.sise=1g) ],
	[ '--append: kernel parameter tarboot.rootfs=https://a/b: https: is not supported', qw(run a --append tarboot.rootfs=https://a/b) ],
	[ '--machine-layer x=y: it must be a MAC address, = and a directory or archive, for example 52:54:00:12:34:56=layers/pc1',
		qw(netboot -o /no/such --machine-layer x=y) ],
	[ '--machine-layer 52:54:00:12:34:56=: it must be a MAC address, = and a directory or archive, for example 52:54:00:12:34:56=layers/pc1',
		qw(netboot -o /no/such --machine-layer 52:54:00:12:34:56=) ],
	[ '--forget 52:54:00:12:34: it must be a MAC address, for example 52:54:00:12:34:56', qw(netboot -o /no/such --forget 52:54:00:12:34) ],
	[ '--layer: there may be 8', qw(netboot -o /no/such a), map { ('--layer', $_) } 1 .. 9 ],
	[ '--append, --split, --stream and --layer are about an IMAGE, and none is given', qw(netboot -o /no/such --layer x) ],
	[ '--name, --title and --kernel need exactly one IMAGE', qw(netboot -o /no/such a b --name x) ],
);
is_wrong(@$_) for @WRONG;
for my $n ('0', '-1', '1025', 'two', '2x', ' 2', '+2', '99999999999999999999') {
	is_wrong("--threads $n: it must be a number from 1 to 1024", 'pack', '/tmp', '-o', 'x', "--threads=$n");
	is_wrong("--threads $n: it must be a number from 1 to 1024", 'verify', 'x', "--threads=$n");
}

# ---- failures ----

my $root = new_dir();
my $file = spew(scratch('file'), "just a text\n");
my $out  = new_dir();

sub fails {
	my ($name, $why, @arguments) = @_;
	my $r = try($TARBOOT, @arguments);

	fails_well($r, 1, $why, $name);
	is((grep { !/^(tarboot: |  \S)/ } split /\n/, $r->{err})[0], undef, "$name: the form of every line");
	return;
}

fails("$_ a file that is not there", qr{/no/such: .*No such file}, $_, '/no/such')
	for qw(inspect verify run);
fails("$_ a text", qr/\Q$file\E/, $_, $file) for qw(inspect verify run);
fails("$_ a directory", qr/\Q$root\E: .*regular file/, $_, $root) for qw(inspect verify);
fails("$_ /dev/null", qr{/dev/null}, $_, '/dev/null') for qw(inspect verify);
fails('unpack a text', qr/\Q$file\E/, 'unpack', $file, $root);
my $empty = xz_of(tar_member(name => './', type => '5') . tar_end());
fails('unpack into a file', qr/\Q$file\E: cannot open this directory: Not a directory\n  Check the path: a part of it is a file, and not a directory\.\n\z/, 'unpack', $empty, $file);
fails('unpack into what cannot be made', qr{/no/such/directory: cannot create this directory: No such file or directory\n  Create the directory above it first\.\n\z},
	'unpack', $empty, '/no/such/directory');
fails('pack what is not there', qr{/no/such: cannot find it: No such file or directory\n  Check the path: nothing is there\.\n\z}, 'pack', '/no/such', '-o', "$out/x");
# Before the root, or the image, is looked at.
fails('pack with a shell that is not there, of no root', qr{\Atarboot: /no/busybox: cannot read this busybox: No such file}, 'pack', '/no/such', '-o', "$out/x", '--shell', '/no/busybox');
fails('unpack nothing into what cannot be made', qr{\Atarboot: /no/dir: cannot create this directory: }, 'unpack', '/no/such', '/no/dir');
fails('unpack nothing', qr{\Atarboot: /no/such: cannot open it: }, 'unpack', '/no/such', "$out/made");
ok(!-e "$out/made", 'and the directory is gone');
fails('pack with an overlay that is not there',
	qr{\Atarboot: /no/over: cannot find this overlay: No such file or directory\n  Give a directory with the files that shall be laid over the root\.\n\z},
	'pack', '/no/such', '-o', "$out/x", '--overlay', '/no/over');
fails('pack with an overlay that is the running system', qr{\Atarboot: /: this is the running system\n}, 'pack', '/no/such', '-o', "$out/x", '--overlay', '/');
fails('pack a text', qr/\Q$file\E/, 'pack', $file, '-o', "$out/x");
fails('pack into a directory that is not there',
	qr{\Atarboot: /no/such/x: cannot write into its directory: No such file or directory\n  Create that directory first, or give another one\.\n\z}, 'pack', '--force', $root, '-o', '/no/such/x');
fails('pack with a kernel that is not there', qr{/no/such},
	'pack', '--force', $root, '-o', "$out/x", '--kernel', '/no/such');
fails('pack with a shell that is not there', qr{^tarboot: /no/such: cannot read this busybox: No such file or directory\n  Check the path: nothing is there\.\n\z}m,
	'pack', '--force', $root, '-o', "$out/x", '--shell', '/no/such');
fails('pack modules of a root that has none', qr{^tarboot: the root: it has no kernel modules\n  Install a kernel's modules in it, or pack it without --modules\.\n\z}m,
	'pack', '--force', $root, '-o', "$out/x", '--no-shell', '--modules', 'bogus');
fails('kernel-check of an empty file',
	qr{\Atarboot: \S+/nothing: it is empty\n  Give a whole kernel, or the file config-RELEASE of its package\.\n\z}, 'kernel-check', spew(scratch('nothing'), ''));
{
	# What is cut or damaged is not a matter of programs to install.
	my $whole = slurp(xz_of(tar_member(name => './', type => '5') . tar_member(name => './x', data => run('head', '-c', 300_000, '/dev/urandom')) . tar_end()));
	my $again = "Copy it again; build it again if what it was copied from is damaged, too\\.";
	my $cut   = spew(scratch('cut.tar.xz'), substr $whole, 0, 200_000);
	my $start = spew(scratch('start.tar.xz'), substr $whole, 0, 40);
	substr($whole, 100_000, 4) ^= "\xff" x 4;
	my $damaged = spew(scratch('damaged.tar.xz'), $whole);
	my %WHY = ($cut => 'it ends too early', $start => 'it ends too early', $damaged => '[^\n]+');
	fails('pack of ' . $_ =~ s{.*/}{}r, qr{^tarboot: \Q$_\E: its compressed data is cut short or damaged: $WHY{$_}\n  Copy or build it again\.\n\z}m,
		'pack', '--force', $_, '-o', "$out/x", '--no-shell') for sort keys %WHY;
	if (have_program('gzip')) {
		my $gz = spew(scratch('cut.tar.gz'), substr run('gzip', '-c', xz_of(tar_member(name => 'x', data => run('head', '-c', 100_000, '/dev/urandom')) . tar_end())), 0, 50_000);
		fails_well(try($TARBOOT, 'pack', '--force', $gz, '-o', "$out/x", '--no-shell'), 1,
			qr{^tarboot: \Q$gz\E: its compressed data is cut short or damaged: the program that decompresses it failed; run that by hand to see why\n  Copy or build it again\.\n\z}m,
			'pack of what gzip finds cut');
		# The second program must not hold the input of the first one open.
		my $twice = scratch('twice.tar.gz');
		run("gzip -c '" . spew(scratch('once.tar'), tar_member(name => 'x', data => run('head', '-c', 5_000_000, '/dev/urandom')) . tar_end()) . "' | gzip -c >'$twice'");
		my $packed = try({ limit => 60 }, $TARBOOT, 'pack', '--dry-run', '--force', '--kernel=none', '--no-shell', $twice);
		is($packed->{exit}, 0, 'pack of what gzip compressed twice') or diag $packed->{err};
	}
	fails('pack without the program', qr{^tarboot: \S+: cannot read it: Can't initialize filter; unable to run program "lzop -d"\n  Give a tar or cpio archive, plain or compressed, whose compression program is installed\.\n\z}m,
		'pack', '--force', spew(scratch('x.lzo'), "\x89LZO\0\r\n\x1a\n" . "\x10\x40" x 100), '-o', "$out/x") if !have_program('lzop');
	fails('verify of a cut one', qr{\Atarboot: \Q$cut\E: its (?:end is missing|Index, a stream header)[^\n]*\n  $again\n\z}, 'verify', $cut);
	fails('verify of a damaged one', qr{\Atarboot: \Q$damaged\E: Block 1 \(byte 12\) is damaged[^\n]*\n  $again\n\z}, 'verify', $damaged);
}
fails('pack with a shell that is no program', qr/\Q$file\E: .*static/,
	'pack', '--force', $root, '-o', "$out/x", '--shell', $file);

# The running system, however it is spelled.
fails("pack $_", qr/running system/, 'pack', '--force', $_, '-o', "$out/x") for '/', '//', '/.', '/proc/../';
SKIP: {
	skip 'not root: /proc/1/root cannot be read', 2 if $> != 0;
	fails('pack /proc/self/root', qr/running system/, 'pack', '--force', '/proc/self/root', '-o', "$out/x");
}
is(join(' ', map { s{.*/}{}r } glob "$out/*"), '', 'no failure left a file behind');

# What cannot be written is a failure, too.
SKIP: {
	skip 'no /dev/full', 2 unless -c '/dev/full';
	my $image = "$out/good.img";
	is(try($TARBOOT, 'pack', '--force', '--no-shell', $root, '-o', $image)->{exit}, 0, 'an image');
	my $r = try('sh', '-c', '"$0" inspect "$1" >/dev/full', $TARBOOT, $image);
	is($r->{exit}, 1, 'inspect into a full device fails');
}

# ---- --quiet, --json, terminals ----

my $image = "$out/quiet.img";
spew("$root/data", run('head', '-c', 2_000_000, '/dev/urandom'));
my @pack = ('pack', '--force', '--no-shell', $root, '-o', $image);
for my $command ([ @pack, '-q' ], [ @pack, '--quiet' ], [ 'verify', $image, '-q' ], [ 'unpack', $image, "$out/root", '-q' ]) {
	my $r = try($TARBOOT, @$command);
	is("$r->{exit} $r->{out}", '0 ', "$command->[0] $command->[-1] prints nothing");
	is((grep { !/^tarboot: warning: / } split /\n/, $r->{err})[0], undef, "$command->[0] $command->[-1]: only warnings");
}
my $json = try($TARBOOT, 'inspect', '--json', $image)->{out};
like($json, qr/\A\{\n  "image": .*"path": "data"/s, 'inspect --json');
is(try($TARBOOT, @pack, '--json')->{out}, $json, 'pack --json prints the same, and nothing else');
is(try($TARBOOT, @pack, '--json', '-q', '--report', "$out/report.json")->{out}, $json, 'with --quiet and --report, too');
is(slurp("$out/report.json"), $json, '--report has it in a file');
is(try('sh', '-c', '"$@" >/dev/full', 'sh', $TARBOOT, @pack, '--json')->{exit}, 1, 'a report that could not be written fails');
SKIP: {
	need(4, 'script');
	my $terminal = sub { return run('script', '-qec', "env $_[0] '$TARBOOT' verify '$image' $_[1] 2>&1", '/dev/null') };

	like($terminal->('TERM=vt100 NO_COLOR=1', ''), qr/\A\rverifying: .*\r\e\[Kwhole: /s, 'a terminal shows progress');
	unlike($terminal->('TERM=vt100', ''), qr/\e(?!\[K)/, 'no escape sequence but that for progress');
	like($terminal->('TERM=dumb', ''), qr/\Awhole: [^\e]*\z/, 'none at all with TERM=dumb');
	is($terminal->('TERM=vt100', '--quiet'), '', 'nothing with --quiet');
}

done_testing();
