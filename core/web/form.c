/* form.c - what is encoded in targets, queries and forms. Called from anywhere. */
#include <errno.h>
#include <string.h>
#include "core/web/http.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

ssize_t gp__url_decode(char *to, const char *from, size_t n, bool plus)
{
	char *out = to;

	for (size_t i = 0; i < n; i++) {
		char c = from[i];

		if (c == '%') {
			if (i + 2 >= n || hex(from[i + 1]) < 0 || hex(from[i + 2]) < 0)
				return -1;
			c = (char)(hex(from[i + 1]) << 4 | hex(from[i + 2]));
			i += 2;
			if (!c)
				return -1;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		*out++ = c;
	}
	*out = 0;
	return out - to;
}

/* Whether n bytes are the name, encoded. */
static bool is_name(const char *at, size_t n, const char *name)
{
	char one[2];

	for (size_t i = 0; i < n; i++, name++) {
		size_t len = at[i] == '%' ? 3 : 1;

		if (i + len > n || gp__url_decode(one, at + i, len, true) != 1 || *one != *name)
			return false;
		i += len - 1;
	}
	return !*name;
}

GP_API ssize_t gp_form_value(const char *form, size_t n, const char *name, char *buf, size_t size)
{
	const char *end = form + n;

	if ((!form && n) || !name || !buf || !size)
		return -EINVAL;
	while (form < end) {
		const char *stop = memchr(form, '&', (size_t)(end - form)), *equals;

		stop = stop ? stop : end;
		equals = memchr(form, '=', (size_t)(stop - form));
		if (is_name(form, (size_t)((equals ? equals : stop) - form), name)) {
			const char *value = equals ? equals + 1 : stop;
			size_t len = (size_t)(stop - value), decoded = len;
			ssize_t r;

			for (size_t i = 0; i < len; i++)
				decoded -= value[i] == '%' ? 2 : 0;
			if (decoded + 1 > size || decoded > len)
				return decoded > len ? -EBADMSG : -ENOBUFS;
			r = gp__url_decode(buf, value, len, true);
			return r < 0 ? -EBADMSG : r;
		}
		form = stop + (stop < end);
	}
	return -ENOENT;
}
