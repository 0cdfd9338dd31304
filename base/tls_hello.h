// The first message of a TLS handshake.
#pragma once

#include <string>

namespace syncline {

// Returns a ClientHello that any TLS server answers, possibly with an alert.
std::string TlsClientHello();

}  // namespace syncline
