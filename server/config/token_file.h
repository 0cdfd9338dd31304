// The file of bearer tokens: one a line, blank lines and the space around a token do not count.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace syncline::config {

// Errors: FAILED_PRECONDITION TOKEN_FILE: it cannot be read, or holds no token.
absl::StatusOr<std::vector<std::string>> ReadTokens(const std::string& path);

// Notices that the file changed, also when it is another file of the same name, as Kubernetes
// replaces a secret. For one thread.
class TokenFileWatch {
 public:
  // `tokens` are what the file held when it was read last.
  TokenFileWatch(std::string path, std::vector<std::string> tokens);

  // The tokens when they are others than before. Errors as ReadTokens, once until the file can be
  // read again; nullopt meanwhile: a file that is being replaced takes nobody's token away.
  absl::StatusOr<std::optional<std::vector<std::string>>> Look();

 private:
  const std::string path_;
  std::vector<std::string> tokens_;
  bool failing_ = false;
};

}  // namespace syncline::config
