/* A WebSocket that sends readings; the client speaks the protocol by hand. The readings look random but follow a formula. */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <greenpatch-web.h>
#include "http_client.h"

#define MAGIC "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

static int send_reading(struct gp_websocket *ws, int x)
{
	char text[64];
	int n = snprintf(text, sizeof text, "{\"x\": %d, \"y\": %d}", x, x * 7 % 5 + 1);

	return gp_websocket_send(ws, GP_WEBSOCKET_TEXT, text, (size_t)n);
}

static int readings(struct gp_http_request *r, void *arg)
{
	struct gp_websocket_message m;
	struct gp_websocket *ws;
	int x = 0, e = gp_websocket_accept(&ws, r, NULL);

	while (!e && !(e = gp_websocket_receive(ws, &m, GP_NEVER))) {
		for (int wanted = atoi(m.data); wanted && !e; wanted--) {
			e = send_reading(ws, x++);
			if (!e)
				e = gp_sleep(20 * GP_MSEC);
		}
	}
	return e == -ESHUTDOWN ? 0 : e;
}

/* A short one, masked as a client's must be. */
static void send_frame(struct client *c, int opcode, const char *payload, size_t n)
{
	unsigned char frame[128] = { (unsigned char)(0x80 | opcode), (unsigned char)(0x80 | n), 'm', 'a', 's', 'k' };

	for (size_t i = 0; i < n; i++)
		frame[6 + i] = (unsigned char)(payload[i] ^ frame[2 + i % 4]);
	gp_send_all(c->fd, frame, 6 + n, 0, GP_NEVER);
}

static void show_frame(struct client *c, bool payload)
{
	int first = client_byte(c), second = client_byte(c);
	size_t n = (size_t)(second & 0x7f);
	char data[128];

	client_bytes(c, data, n);
	printf("frame: final %d, opcode %d, masked %d", first >> 7, first & 15, second >> 7);
	printf(payload ? ", %s\n" : "\n", data);
}

static void upgrade(struct client *c)
{
	unsigned char key[32], hash[SHA_DIGEST_LENGTH], proof[32];
	char text[512], joined[128];
	struct reply r;

	EVP_EncodeBlock(key, (const unsigned char *)"sixteen byte key", 16);
	snprintf(text, sizeof text,
	         "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
	         (char *)key);
	gp_send_all(c->fd, text, strlen(text), 0, GP_NEVER);
	client_head(c, &r);
	snprintf(joined, sizeof joined, "%s%s", (char *)key, MAGIC);
	SHA1((unsigned char *)joined, strlen(joined), hash);
	EVP_EncodeBlock(proof, hash, sizeof hash);
	printf("status line: %s\n", r.line);
	printf("upgrade: %s\n", r.upgrade);
	printf("accept header is right: %s\n", strcmp(r.accept, (char *)proof) ? "no" : "yes");
}

int main(void)
{
	struct gp_http_server *server = gp_http_server_new("127.0.0.1:0", readings, NULL, NULL);
	static const int wanted[] = { 3, 2 };
	struct client c;

	gp_http_server_start(server);
	client_open(&c, gp_server_address(gp_http_server_base(server)));
	upgrade(&c);
	for (int i = 0; i < 2; i++) {
		char number[2] = { (char)('0' + wanted[i]) };

		printf("asking for %d readings\n", wanted[i]);
		send_frame(&c, 1, number, 1);
		for (int k = 0; k < wanted[i]; k++)
			show_frame(&c, true);
	}

	send_frame(&c, 9, "are you there", 13);
	show_frame(&c, true);

	send_frame(&c, 8, "\x03\xe8", 2);
	show_frame(&c, false);
	printf("then the server closes: %s\n", client_byte(&c) < 0 ? "yes" : "no");
	client_close(&c);
	gp_http_server_stop(server, gp_after(GP_SEC));
	gp_http_server_free(server);
	return 0;
}
