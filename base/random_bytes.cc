#include "base/random_bytes.h"

#include <openssl/rand.h>

#include <cstdlib>

namespace syncline {

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  auto* const data = reinterpret_cast<unsigned char*>(bytes.data());
  if (RAND_bytes(data, static_cast<int>(count)) != 1) std::abort();
  return bytes;
}

}  // namespace syncline
