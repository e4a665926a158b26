/* Fetches pages with libcurl's easy interface, a handle and a thread for each line of work, as the examples of libcurl
 *do.
 *
 *	http_fetch URL THREADS PAGES
 *
 * Thread t fetches URL/t/0, URL/t/1 ... one after the other over one connection; then one page with a time limit that
 *is too short, and one from a port where nobody listens. Prints what came back, thread by thread.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 500 };

struct fetcher {
	int number, fetched, failed;
	long connections;
	size_t bytes;
	unsigned long sum; /* of all that came, FNV-1a */
	CURLcode too_slow, refused, unknown;
};

static const char *base;
static int pages;

static size_t take(char *data, size_t size, size_t count, void *arg)
{
	struct fetcher *f = arg;

	for (size_t i = 0; i < size * count; i++)
		f->sum = (f->sum ^ (unsigned char)data[i]) * 1099511628211ul;
	f->bytes += size * count;
	return size * count;
}

static size_t ignore(char *data, size_t size, size_t count, void *arg)
{
	(void)data;
	(void)arg;
	return size * count;
}

static void *fetch(void *arg)
{
	struct fetcher *f = arg;
	CURL *curl = curl_easy_init();
	char url[256];
	long status, opened;

	f->sum = 14695981039346656037ul;
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
	for (int page = 0; page < pages; page++) {
		snprintf(url, sizeof url, "%s/%d/%d", base, f->number, page);
		curl_easy_setopt(curl, CURLOPT_URL, url);
		if (curl_easy_perform(curl) == CURLE_OK &&
		    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200)
			f->fetched++;
		else
			f->failed++;
		curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &opened);
		f->connections += opened;
	}
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 50L);
	f->too_slow = curl_easy_perform(curl);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 60000L);
	curl_easy_setopt(curl, CURLOPT_URL, "http://localhost:1/");
	f->refused = curl_easy_perform(curl);
	memset(url, 'x', 70);
	url[70] = 0;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	f->unknown = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct fetcher fetchers[MOST_THREADS];
	static pthread_t threads[MOST_THREADS];
	int count, failed = 0;

	if (argc != 4 || (count = atoi(argv[2])) < 1 || count > MOST_THREADS)
		return fputs("http_fetch URL THREADS PAGES\n", stderr), 2;
	base = argv[1];
	pages = atoi(argv[3]);
	curl_global_init(CURL_GLOBAL_ALL);
	for (int i = 0; i < count; i++) {
		fetchers[i].number = i;
		if (pthread_create(&threads[i], NULL, fetch, &fetchers[i]))
			return perror("pthread_create"), 1;
	}
	for (int i = 0; i < count; i++) {
		struct fetcher *f = &fetchers[i];

		pthread_join(threads[i], NULL);
		printf("%d: %d pages over %ld connections, %zu bytes, sum %016lx; %s; %s; %s\n", i, f->fetched,
		       f->connections, f->bytes, f->sum, curl_easy_strerror(f->too_slow),
		       curl_easy_strerror(f->refused), curl_easy_strerror(f->unknown));
		failed += f->failed;
	}
	curl_global_cleanup();
	return failed ? 1 : 0;
}
