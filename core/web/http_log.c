/* http_log.c - dates, and the access log in the common format. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <greenpatch/io.h>
#include "core/web/http.h"

static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static char *two(char *at, int v)
{
	at[0] = (char)('0' + v / 10);
	at[1] = (char)('0' + v % 10);
	return at + 2;
}

size_t gp__http_date(char *buf, int64_t seconds)
{
	time_t t = seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	return (size_t)sprintf(buf, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday, tm.tm_mday % 100,
	                       months + 3 * tm.tm_mon, (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100,
	                       tm.tm_sec % 100);
}

/* The one form that has been written for thirty years. */
int64_t gp__http_date_read(const char *text)
{
	char month[4] = "", zone[4] = "";
	struct tm tm = { 0 };
	const char *m;

	if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d %3s", &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
	           &tm.tm_sec, zone) != 7 || strcmp(zone, "GMT") || strlen(month) != 3)
		return -1;
	m = strstr(months, month);
	if (!m || (m - months) % 3)
		return -1;
	tm.tm_mon = (int)(m - months) / 3;
	tm.tm_year -= 1900;
	return timegm(&tm);
}

void gp__http_dates(struct gp_http_server *s)
{
	struct timespec now;
	char *at = s->log_date;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec == s->date_second)
		return;
	s->date_second = now.tv_sec;
	gp__http_date(s->date, now.tv_sec);
	/* "Tue, 24 Nov 2026 17:20:05 GMT" */
	at = two(at, (s->date[5] - '0') * 10 + s->date[6] - '0');
	sprintf(at, "/%.3s/%.4s:%.8s +0000", s->date + 8, s->date + 12, s->date + 17);
}

/* A quote, a backslash or a control character in what came does not end or fake
 * a line. */
static size_t quoted(char *to, const char *from, size_t size)
{
	size_t n = 0;

	for (; *from && n + 5 < size; from++) {
		unsigned char c = (unsigned char)*from;

		if (c < ' ' || c >= 127)
			n += (size_t)sprintf(to + n, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			to[n++] = '\\', to[n++] = (char)c;
		else
			to[n++] = (char)c;
	}
	to[n] = 0;
	return n;
}

void gp__http_log(struct gp_http_request *r)
{
	struct gp_http_server *s = r->c->server;
	char peer[GP_ADDRESS_TEXT], target[1024], line[1400], *colon;
	int n;

	if (!s->options.log)
		return;
	gp__http_dates(s);
	gp_address_text(r->c->peer, peer, sizeof peer);
	colon = strrchr(peer, ':');
	if (colon)
		*colon = 0;
	quoted(target, *r->line ? r->line : "-", sizeof target);
	n = snprintf(line, sizeof line, "%s - - [%s] \"%s\" %d %llu\n", *peer ? peer : "-", s->log_date, target, r->status,
	             (unsigned long long)r->sent);
	s->options.log(line, (size_t)n, s->options.log_arg);
}

GP_API void gp_http_log_fd(const char *line, size_t n, void *arg)
{
	gp_write((int)(intptr_t)arg, line, n, gp_after(GP_SEC));
}
