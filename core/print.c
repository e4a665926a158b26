/* print.c - see print.h. */
#include <string.h>
#include "core/print.h"
#include "core/raw.h"

struct sink {
	char *at;  /* where the next byte goes */
	char *end; /* one behind the last usable byte */
};

static void put(struct sink *s, char c)
{
	if (s->at < s->end)
		*s->at++ = c;
}

static void put_text(struct sink *s, const char *t, int width, bool left)
{
	int len = (int)strlen(t);

	for (int i = len; !left && i < width; i++)
		put(s, ' ');
	while (*t)
		put(s, *t++);
	for (int i = len; left && i < width; i++)
		put(s, ' ');
}

static void put_number(struct sink *s, unsigned long v, unsigned base, bool minus, int width, bool left, char pad)
{
	char digits[32];
	int n = sizeof digits;

	digits[--n] = 0;
	do {
		digits[--n] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (pad == '0' && (int)sizeof digits - 1 - n < width - minus && n > 1)
		digits[--n] = '0';
	if (minus)
		digits[--n] = '-';
	put_text(s, digits + n, width, left);
}

size_t gp__vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct sink s = { buf, buf + size - 1 };

	for (; *fmt; fmt++) {
		bool left = false, is_long = false;
		char pad = ' ';
		int width = 0;

		if (*fmt != '%') {
			put(&s, *fmt);
			continue;
		}
		if (*++fmt == '-')
			left = true, fmt++;
		if (*fmt == '0')
			pad = '0', fmt++;
		while (*fmt >= '0' && *fmt <= '9')
			width = width * 10 + *fmt++ - '0';
		while (*fmt == 'l')
			is_long = true, fmt++;
		switch (*fmt) {
		case 's': put_text(&s, va_arg(ap, const char *), width, left); break;
		case 'd': {
			long v = is_long ? va_arg(ap, long) : va_arg(ap, int);

			put_number(&s, v < 0 ? -(unsigned long)v : (unsigned long)v, 10, v < 0, width, left, pad);
			break;
		}
		case 'u':
		case 'x': {
			unsigned long v = is_long ? va_arg(ap, unsigned long) : va_arg(ap, unsigned);

			put_number(&s, v, *fmt == 'x' ? 16 : 10, false, width, left, pad);
			break;
		}
		case 'p':
			put(&s, '0');
			put(&s, 'x');
			put_number(&s, (unsigned long)va_arg(ap, void *), 16, false, width, left, pad);
			break;
		case 0: fmt--; break;
		default: put(&s, *fmt); break;
		}
	}
	*s.at = 0;
	return (size_t)(s.at - buf);
}

size_t gp__format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = gp__vformat(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

int gp__stderr = 2;

static int print(int fd, const char *fmt, va_list ap)
{
	char line[512];
	size_t n = gp__format(line, sizeof line - 1, "%s", fd == 2 ? "greenpatch: " : "");
	long r;

	n += gp__vformat(line + n, sizeof line - 1 - n, fmt, ap);
	line[n++] = '\n';
	do {
		r = gp__raw(SYS_write, fd == 2 ? gp__stderr : fd, line, n);
	} while (r == -EINTR);
	return r < 0 ? (int)r : 0;
}

int gp__print(int fd, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = print(fd, fmt, ap);
	va_end(ap);
	return r;
}

void gp__say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(2, fmt, ap);
	va_end(ap);
}

void gp__out(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(1, fmt, ap);
	va_end(ap);
}

void gp__panic(const char *file, int line, const char *what)
{
	gp__say("%s:%d: this must hold and does not: %s", file, line, what);
	for (;;) {
		/* SIGABRT with its default action, whatever handler stands. */
		struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } dfl = { 0 };
		unsigned long none = 0;

		gp__raw(SYS_rt_sigaction, 6, &dfl, 0, 8);
		gp__raw(SYS_rt_sigprocmask, 2, &none, 0, 8);
		gp__raw(SYS_tgkill, gp__raw(SYS_getpid), gp__raw(SYS_gettid), 6);
	}
}
