/* Large files are sent as they are, from any byte on: a machine asks for the rest with Range and If-Range. */
#include "site/site_http.h"

/* A cache between machines and server, as a room may have one, is to ask for these each time: what they say changes, and
 * that one of them is not there, too. */
#define CHANGING "(\\.ipxe|\\.minisig|/current/[^/]*|/uki-[^/]*\\.efi)$"

void site_http_print_nginx_site(const struct site_config *c)
{
	fprintf(c->out,
		"# /etc/nginx/sites-enabled/tarboot, or by nginx.conf beside this file\n"
		"server {\n\tlisten %s:%u;\n\troot %s/http;\n"
		"\t# large files, as they are, from any byte on: a machine asks for the rest with "
		"Range and If-Range\n"
		"\tsendfile on;\n\ttcp_nopush on;\n\tgzip off;\n\tetag on;\n"
		"\tdefault_type application/octet-stream;\n"
		"\tlocation ~ " CHANGING " { add_header Cache-Control no-cache always; }\n}\n",
		c->server, c->site->port, c->directory);
}

void site_http_print_nginx(const struct site_config *c)
{
	fprintf(c->out,
		"# nginx -c %s/config/nginx.conf\n"
		"worker_processes auto;\npid /run/tarboot-nginx.pid;\n"
		"# a connection and a file for each machine\n"
		"worker_rlimit_nofile 16384;\n"
		"events { worker_connections 4096; }\n"
		"http { include %s/config/nginx-site.conf; }\n",
		c->directory, c->directory);
}

/* An existing Apache has its own settings for what is inside IfModule. */
void site_http_print_apache(const struct site_config *c)
{
	fprintf(c->out,
		"# apache2 -f %s/config/apache.conf, or /etc/apache2/sites-enabled/tarboot.conf\n"
		"<IfModule !authz_core_module>\n"
		"\tLoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n"
		"\tLoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n"
		"\tLoadModule headers_module /usr/lib/apache2/modules/mod_headers.so\n"
		"\tServerRoot /etc/apache2\n\tServerName %s\n\tUser www-data\n\tGroup www-data\n"
		"\tPidFile /run/tarboot-apache.pid\n\tDefaultRuntimeDir /run\n\tErrorLog "
		"/dev/stderr\n"
		"</IfModule>\n"
		"Listen %s:%u\n"
		"<VirtualHost %s:%u>\n\tServerName %s\n\tDocumentRoot \"%s/http\"\n"
		"\t<Directory \"%s/http\">\n\t\tOptions FollowSymLinks\n\t\tAllowOverride None\n"
		"\t\tRequire all granted\n\t\tEnableSendfile On\n\t\tFileETag MTime Size\n"
		"\t</Directory>\n"
		"\t# in an existing Apache: a2enmod headers\n"
		"\t<IfModule headers_module>\n\t\t<LocationMatch \"" CHANGING "\">\n"
		"\t\t\tHeader always set Cache-Control no-cache\n"
		"\t\t</LocationMatch>\n\t</IfModule>\n</VirtualHost>\n",
		c->directory, c->server, c->server, c->site->port, c->server, c->site->port,
		c->server, c->directory, c->directory);
}

void site_http_print_lighttpd(const struct site_config *c)
{
	fprintf(c->out,
		"# lighttpd -D -f %s/config/lighttpd.conf\n"
		"server.bind = \"%s\"\nserver.port = %u\nserver.document-root = \"%s/http\"\n"
		"server.network-backend = \"sendfile\"\n"
		"mimetype.assign = ( \"\" => \"application/octet-stream\" )\n"
		"server.modules = ( \"mod_setenv\" )\n"
		"$HTTP[\"url\"] =~ \"" CHANGING "\" {\n"
		"\tsetenv.set-response-header = ( \"Cache-Control\" => \"no-cache\" )\n}\n",
		c->directory, c->server, c->site->port, c->directory);
}
