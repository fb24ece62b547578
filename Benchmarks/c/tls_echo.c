#define _GNU_SOURCE
// A TLS echo server of OpenSSL and epoll alone: what the work costs without a loop.
//
//     tls_echo PORT CERTIFICATE KEY
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

typedef struct {
    SSL *ssl;
    int fd;
    size_t kept; // bytes that the peer does not take yet
    unsigned char bytes[65536];
} connection;

static void end(connection *c) {
    SSL_free(c->ssl);
    close(c->fd);
    free(c);
}

/// False when the connection is over.
static bool serve(connection *c) {
    for (;;) {
        while (c->kept) {
            int n = SSL_write(c->ssl, c->bytes, (int)c->kept);
            if (n <= 0) return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_WRITE;
            c->kept -= (size_t)n;
            memmove(c->bytes, c->bytes + n, c->kept);
        }
        int n = SSL_read(c->ssl, c->bytes, sizeof c->bytes);
        if (n <= 0) return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ;
        c->kept = (size_t)n;
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return 64;
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_chain_file(context, argv[2]) != 1) return 1;
    if (SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) != 1) return 1;

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1024) < 0) return 1;
    int poller = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    puts("READY");
    fflush(stdout);

    struct epoll_event events[256];
    for (;;) {
        int ready = epoll_wait(poller, events, 256, -1);
        for (int e = 0; e < ready; e++) {
            connection *c = events[e].data.ptr;
            if (c) {
                if (!serve(c)) end(c);
                continue;
            }
            int fd;
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                c = calloc(1, sizeof *c);
                c->ssl = SSL_new(context);
                c->fd = fd;
                SSL_set_fd(c->ssl, fd);
                SSL_set_accept_state(c->ssl);
                struct epoll_event added = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
                epoll_ctl(poller, EPOLL_CTL_ADD, fd, &added);
            }
        }
    }
}
