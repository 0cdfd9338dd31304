// The file of bearer tokens.
//
// A line is `name salt sha256 schemas owner expiry`, six words: the hexadecimal SHA-256 of the salt
// followed by the token; schemas with commas between, or `*` for all; the owner of the token's
// syncs, or `-`; a date (2027-01-31, a time as in RFC 3339) or `never`. A line of one word is a
// plain token, as in earlier versions: all schemas, no owner. Blank lines and those that begin with
// `#` do not count.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/access_token.h"

namespace syncline::config {

struct Tokens {
  std::vector<AccessToken> tokens;
  int plain = 0;  // how many of them the file holds as they are
};

// Errors: FAILED_PRECONDITION TOKEN_FILE: it cannot be read, holds no token, or a line is not as
// above, with the line's number.
absl::StatusOr<Tokens> ReadTokens(const std::string& path);

// A new token of 32 random bytes.
struct NewToken {
  std::string token;  // what the caller sends
  std::string line;   // what goes into the file
};
// `name`, `schemas`, `owner` and `expiry` are words as in the file.
// Errors: INVALID_ARGUMENT when one is not.
absl::StatusOr<NewToken> MakeToken(absl::string_view name, absl::string_view schemas,
                                   absl::string_view owner, absl::string_view expiry);

// Notices that the file changed, also when it is another file of the same name, as Kubernetes
// replaces a secret. For one thread.
class TokenFileWatch {
 public:
  // `tokens` are what the file held when it was read last.
  TokenFileWatch(std::string path, std::vector<AccessToken> tokens);

  // The tokens when they are others than before. Errors as ReadTokens, once until the file can be
  // read again; nullopt meanwhile: a file that is being replaced takes nobody's token away.
  absl::StatusOr<std::optional<Tokens>> Look();

 private:
  const std::string path_;
  std::vector<AccessToken> tokens_;
  bool failing_ = false;
};

}  // namespace syncline::config
