// The first bytes of a TLS connection.
#pragma once

#include <string>

namespace syncline {

// A ClientHello that any TLS server answers, were it with an alert.
std::string TlsClientHello();

}  // namespace syncline
