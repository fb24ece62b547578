// The contents of a certificate in plain C types. Like the rest of TLS, this file is in C, because
// all calls go through the table of openssl.h. The functions must not return memory that OpenSSL
// owns.
#define _GNU_SOURCE
#include "openssl.h"
#include "tls.h"

#include <stdlib.h>

enum {
    BIO_CTRL_PENDING = 10,
    /// The format of RFC 2253, in UTF-8: XN_FLAG_RFC2253 without ASN1_STRFLGS_ESC_MSB.
    NAME_FLAGS = 0x1 | 0x2 | 0x10 | 0x100 | 0x200 | 1 << 16 | 1 << 20 | 1 << 24,
    NID_subject_alt_name = 85,
    GEN_EMAIL = 1,
    GEN_DNS = 2,
    GEN_URI = 6,
    GEN_IPADD = 7,
};

void asyncio_certificate_free(void *certificate) { ossl.X509_free(certificate); }

char *asyncio_certificate_text(void *certificate, int which) {
    void *bio = ossl.BIO_new(ossl.BIO_s_mem());
    if (!bio) return NULL;
    switch (which) {
    case ASYNCIO_CERTIFICATE_SUBJECT:
        ossl.X509_NAME_print_ex(bio, ossl.X509_get_subject_name(certificate), 0, NAME_FLAGS);
        break;
    case ASYNCIO_CERTIFICATE_ISSUER:
        ossl.X509_NAME_print_ex(bio, ossl.X509_get_issuer_name(certificate), 0, NAME_FLAGS);
        break;
    default: ossl.i2a_ASN1_INTEGER(bio, ossl.X509_get_serialNumber(certificate));
    }
    long length = ossl.BIO_ctrl(bio, BIO_CTRL_PENDING, 0, NULL);
    char *text = malloc((size_t)length + 1);
    if (text) {
        int count = length > 0 ? ossl.BIO_read(bio, text, (int)length) : 0;
        text[count > 0 ? count : 0] = 0;
    }
    ossl.BIO_free(bio);
    return text;
}

int64_t asyncio_certificate_time(void *certificate, bool is_end) {
    struct tm time = {0};
    const void *stamp = is_end ? ossl.X509_get0_notAfter(certificate) : ossl.X509_get0_notBefore(certificate);
    return ossl.ASN1_TIME_to_tm(stamp, &time) == 1 ? timegm(&time) : 0;
}

void asyncio_certificate_names(
    void *certificate, void *context, void (*visit)(void *context, int type, const void *bytes, size_t count)) {
    void *names = ossl.X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    if (!names) return;
    for (int index = 0; index < ossl.OPENSSL_sk_num(names); index++) {
        int type = 0;
        void *value = ossl.GENERAL_NAME_get0_value(ossl.OPENSSL_sk_value(names, index), &type);
        // The other types are not strings.
        if (type != GEN_EMAIL && type != GEN_DNS && type != GEN_URI && type != GEN_IPADD) continue;
        visit(context, type, ossl.ASN1_STRING_get0_data(value), (size_t)ossl.ASN1_STRING_length(value));
    }
    ossl.GENERAL_NAMES_free(names);
}

int asyncio_certificate_der(void *certificate, unsigned char *bytes) {
    return ossl.i2d_X509(certificate, bytes ? &bytes : NULL);
}
