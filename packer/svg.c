/* Plain text, formatted by hand. */
#include "svg.h"

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
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '<' || c == '&' || c == '>' || c == '"')
			fprintf(out, "&#%u;", c);
		else
			fputc(c >= 0x20 && c < 0x7f ? c : '?', out);
	}
}
