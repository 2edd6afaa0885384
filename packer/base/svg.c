/* Prints SVG as text. */
#include "base/svg.h"

#include <string.h>

#include "base/escape.h"

void svg_begin(FILE *out, double width, double height)
{
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n",
		width, height);
}

void svg_end(FILE *out)
{
	fputs("</svg>\n", out);
}

void svg_text(FILE *out, const char *text, size_t length)
{
	size_t n;

	for (; length > 0; text += n, length -= n) {
		n = escape_printable(text, length);
		if (n == 1 && strchr("<&>\"", *text))
			fprintf(out, "&#%u;", (unsigned)*text);
		else
			fwrite(n ? text : "?", n ? n : 1, 1, out);
		n = n ? n : 1;
	}
}
