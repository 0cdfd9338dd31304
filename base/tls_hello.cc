#include "base/tls_hello.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>

namespace syncline {

std::string TlsClientHello() {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context.get()), SSL_free);
  BIO* const from_peer = BIO_new(BIO_s_mem());
  BIO* const to_peer = BIO_new(BIO_s_mem());
  SSL_set_bio(session.get(), from_peer, to_peer);  // the session owns both from here on
  SSL_set_connect_state(session.get());
  SSL_do_handshake(session.get());  // stops where it would wait for the peer
  ERR_clear_error();
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(to_peer, &bytes);
  return size > 0 ? std::string(bytes, static_cast<size_t>(size)) : std::string();
}

}  // namespace syncline
