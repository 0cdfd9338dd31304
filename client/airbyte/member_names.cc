#include "client/airbyte/member_names.h"

#include "absl/strings/str_replace.h"

namespace syncline::client {

std::string NameMembers(absl::string_view words) {
  return absl::StrReplaceAll(
      words, {{"with --server", "with \"server\" in the configuration"},
              {"with --token_file", "with \"token_file\" in the configuration"},
              {"--schema_policy keep", "\"schema_policy\": \"keep\" in the configuration"},
              {"--replace_strategy", "\"replace_strategy\" in the configuration"},
              {"--connection_id", "\"connection_id\" in the configuration"}});
}

}  // namespace syncline::client
