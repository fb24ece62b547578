// The client of a TLS echo server: CONNECTIONS at once, each sends SIZE bytes, waits until
// they are back, and begins again. Prints how many messages came back in SECONDS.
//
//     tls_load PORT CONNECTIONS SIZE SECONDS
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    SSL *ssl;
    int fd;
    size_t sent, received;
} client;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static _Noreturn void die(const char *what) {
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

int main(int argc, char **argv) {
    if (argc != 5) return 64;
    int count = atoi(argv[2]);
    size_t size = (size_t)atol(argv[3]);
    double seconds = atof(argv[4]);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    client *clients = calloc((size_t)count, sizeof *clients);
    unsigned char *out = malloc(size), *in = malloc(size);
    memset(out, 'x', size);
    int poller = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        SSL *ssl = SSL_new(context);
        SSL_set_fd(ssl, fd);
        if (SSL_connect(ssl) != 1) die("SSL_connect");
        fcntl(fd, F_SETFL, O_NONBLOCK);
        clients[i] = (client){.ssl = ssl, .fd = fd};
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = (uint32_t)i};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }

    unsigned long messages = 0;
    double start = now(), end = start + seconds;
    struct epoll_event events[256];
    while (now() < end) {
        int ready = epoll_wait(poller, events, 256, 1000);
        for (int e = 0; e < ready; e++) {
            client *c = &clients[events[e].data.u32];
            for (;;) {
                bool progress = false;
                if (c->sent < size) {
                    int n = SSL_write(c->ssl, out + c->sent, (int)(size - c->sent));
                    if (n > 0) c->sent += (size_t)n, progress = true;
                    else if (SSL_get_error(c->ssl, n) == SSL_ERROR_SSL) die("SSL_write");
                }
                int n = SSL_read(c->ssl, in, (int)(size - c->received));
                if (n > 0) c->received += (size_t)n, progress = true;
                else if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ) die("SSL_read");
                if (c->received == size) messages++, c->sent = c->received = 0;
                if (!progress) break;
            }
        }
    }
    printf("%lu %f\n", messages, now() - start);
    return 0;
}
