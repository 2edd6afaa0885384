# Bars and lines as plain SVG files, readable on a screen and on paper.
package Plot;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(bars_svg lines_svg xy_svg);

my ($WIDTH, $LEFT, $RIGHT) = (960, 300, 70);    # of the picture, of the labels, behind the bars
my ($ROW, $BAR, $TOP)      = (24, 16, 92);

sub _escape {
	my ($text) = @_;
	my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');
	return $text =~ s/([&<>"])/$entity{$1}/gr;
}

sub _text {
	my ($x, $y, $text, @attributes) = @_;
	return sprintf qq{<text x="%.1f" y="%.1f"%s>%s</text>\n}, $x, $y,
		join('', map { " $_" } @attributes), _escape($text);
}

sub _rect {
	my ($x, $y, $width, $height, $colour) = @_;
	return sprintf qq{<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>\n}, $x, $y,
		$width, $height, $colour;
}

# 1, 2 or 5 times a power of ten, so that there are 4 to 10 lines
sub _step {
	my ($most) = @_;
	my $step = 10**int(log($most) / log(10) - 1);
	for (1, 2, 5, 10, 20, 50) {
		return $step * $_ if $most / ($step * $_) <= 10;
	}
	return $step * 100;
}

sub _legend {
	my ($legend) = @_;
	my ($x, $svg) = (16, '');

	for (@$legend) {
		my ($colour, $text) = @$_;
		$svg .= _rect($x, 52, 12, 12, $colour) . _text($x + 18, 62, $text);
		$x += 40 + 7 * length $text;
	}
	return $svg;
}

sub _grid {
	my ($most, $bottom) = @_;
	my ($step, $svg) = (_step($most), '');

	for (my $at = 0; $at <= $most; $at += $step) {
		my $x = $LEFT + $at / $most * ($WIDTH - $LEFT - $RIGHT);
		$svg .= sprintf qq{<path d="M%.1f %dV%d" stroke="#ddd"/>\n}, $x, $TOP, $bottom;
		$svg .= _text($x, $TOP - 6, sprintf('%g', $at), 'text-anchor="middle"', 'fill="#555"');
	}
	return $svg . _text($WIDTH - 16, $TOP - 6, 's', 'text-anchor="end"', 'fill="#555"');
}

sub _begin {
	my ($height, %arg) = @_;
	return qq{<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $WIDTH $height" width="$WIDTH" }
		. qq{height="$height" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="13" }
		. qq{fill="#111">\n} . _rect(0, 0, $WIDTH, $height, '#fff')
		. _text(16, 24, $arg{title}, 'font-size="17"', 'font-weight="bold"') . _text(16, 42, $arg{subtitle}, 'fill="#555"');
}

# Named arguments: title, subtitle; legend: [colour, text]...; rows: [heading] or [label, value,
# colour]. Values are seconds.
sub bars_svg {
	my (%arg) = @_;
	my ($most) = sort { $b <=> $a } map { $_->[1] } grep { @$_ > 1 } @{ $arg{rows} };
	my ($y, $bars) = ($TOP, '');

	for (@{ $arg{rows} }) {
		my ($label, $value, $colour) = @$_;
		$y += $ROW;
		if (!defined $value) {
			$y += 6;
			$bars .= _text(16, $y - 7, $label, 'font-weight="bold"',
				'stroke="#fff" stroke-width="5" paint-order="stroke"');    # over the grid
			next;
		}
		my $length = $value / $most * ($WIDTH - $LEFT - $RIGHT);
		$bars .= _text($LEFT - 8, $y - 7, $label, 'text-anchor="end"');
		$bars .= _rect($LEFT, $y - $ROW + ($ROW - $BAR) / 2, $length, $BAR, $colour);
		$bars .= _text($LEFT + $length + 6, $y - 7, sprintf '%.2f', $value);
	}
	my $height = $y + 16;
	return _begin($height, %arg) . _legend($arg{legend})
		. _grid($most, $y) . $bars . "</svg>\n";
}

# ---- lines ----

my ($PANEL, $PANEL_HEIGHT, $PANEL_TOP) = (300, 300, 110);
my %LINE = (xz => '#d55e00', zstd => '#0072b2');

sub _log10 { my ($n) = @_; return log($n) / log(10) }

# One panel, with both axes in decades.
sub _panel {
	my ($left, $panel) = @_;
	my @points = map { @{ $_->{points} } } @{ $panel->{lines} };
	my ($most_x)    = sort { $b <=> $a } map { $_->[0] } @points;
	my ($low, $high) = (sort { $a <=> $b } map { $_->[1] } @points)[0, -1];
	my $from = int(_log10($low) + 100) - 100;
	my $x    = sub { $left + _log10($_[0]) / _log10($most_x) * ($PANEL - 50) };
	my $y    = sub { $PANEL_TOP + $PANEL_HEIGHT - (_log10($_[0]) - $from) / (_log10($high) - $from) * $PANEL_HEIGHT };
	my $svg  = _text($left, $PANEL_TOP - 12, $panel->{title}, 'font-weight="bold"');

	for my $decade ($from .. int(_log10($high))) {
		my $at = $y->(10**$decade);
		$svg .= sprintf qq{<path d="M%.1f %.1fh%d" stroke="#ddd"/>\n}, $left, $at, $PANEL - 50;
		$svg .= _text($left - 4, $at + 4, 10**$decade . ' s', 'text-anchor="end"', 'fill="#555"', 'font-size="11"');
	}
	for my $n (grep { $_ <= $most_x } 1, 10, 100) {
		$svg .= sprintf qq{<path d="M%.1f %dv%d" stroke="#ddd"/>\n}, $x->($n), $PANEL_TOP, $PANEL_HEIGHT;
		$svg .= _text($x->($n), $PANEL_TOP + $PANEL_HEIGHT + 16, $n, 'text-anchor="middle"', 'fill="#555"', 'font-size="11"');
	}
	for (@{ $panel->{lines} }) {
		$svg .= sprintf qq{<path d="M%s" fill="none" stroke="%s" stroke-width="1.5" stroke-dasharray="%s"/>\n},
			join('L', map { sprintf '%.1f %.1f', $x->($_->[0]), $y->($_->[1]) } @{ $_->{points} }),
			$LINE{ $_->{kind} }, { 2 => 'none', 4 => '6 3', 8 => '2 2' }->{ $_->{weight} };
	}
	return $svg;
}

# Named arguments: title, subtitle; panels: { title, lines: { name, kind (xz, zstd), weight (2, 4, 8: cores), points: [x, y]... } }.
sub lines_svg {
	my (%arg) = @_;
	my ($x, $legend, $panels) = (16, '', '');

	for (@{ $arg{panels}[0]{lines} }) {
		$legend .= sprintf qq{<path d="M%d 60h28" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>\n}, $x,
			$LINE{ $_->{kind} }, { 2 => 'none', 4 => '6 3', 8 => '2 2' }->{ $_->{weight} };
		$legend .= _text($x + 34, 64, $_->{name});
		$x += 50 + 7 * length $_->{name};
	}
	$panels .= _panel(60 + $_ * $PANEL, $arg{panels}[$_]) for 0 .. $#{ $arg{panels} };
	my $height = $PANEL_TOP + $PANEL_HEIGHT + 44;
	return _begin($height, %arg) . $legend . $panels
		. _text($WIDTH - 16, $height - 8, 'machines', 'text-anchor="end"', 'fill="#555"') . "</svg>\n";
}

# ---- one thing by another ----

# Named arguments: title, subtitle; x, y: units; lines: { name, colour, points: [x, y]... }. Both axes begin at 0.
sub xy_svg {
	my (%arg) = @_;
	my ($left, $top, $width, $height) = (60, 84, $WIDTH - 84, 320);
	my @points = map { @{ $_->{points} } } @{ $arg{lines} };
	my ($most_x) = sort { $b <=> $a } map { $_->[0] } @points;
	my ($most_y) = sort { $b <=> $a } map { $_->[1] } @points;
	my $x   = sub { $left + $_[0] / $most_x * $width };
	my $y   = sub { $top + $height - $_[0] / $most_y * $height };
	my $svg = '';

	for (my $at = 0; $at <= $most_y; $at += _step($most_y)) {
		$svg .= sprintf qq{<path d="M%d %.1fh%d" stroke="#ddd"/>\n}, $left, $y->($at), $width;
		$svg .= _text($left - 6, $y->($at) + 4, $at, 'text-anchor="end"', 'fill="#555"');
	}
	for (my $at = 0; $at <= $most_x; $at += 128) {
		$svg .= _text($x->($at), $top + $height + 18, $at, 'text-anchor="middle"', 'fill="#555"');
	}
	$svg .= _text($left - 6, $top - 8, $arg{y}, 'text-anchor="end"', 'fill="#555"') . _text($left + $width, $top + $height + 34, $arg{x}, 'text-anchor="end"', 'fill="#555"');
	for (@{ $arg{lines} }) {
		my @at = map { [ $x->($_->[0]), $y->($_->[1]) ] } @{ $_->{points} };
		$svg .= sprintf qq{<path d="M%s" fill="none" stroke="%s" stroke-width="1.5"/>\n}, join('L', map { sprintf '%.1f %.1f', @$_ } @at), $_->{colour};
		for my $at (@at) { $svg .= sprintf qq{<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>\n}, @$at, $_->{colour} }
	}
	return _begin($top + $height + 44, %arg) . _legend([ map { [ $_->{colour}, $_->{name} ] } @{ $arg{lines} } ]) . $svg . "</svg>\n";
}

1;
