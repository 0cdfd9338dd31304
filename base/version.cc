#include "base/version.h"

namespace syncline {

absl::string_view Version() { return SYNCLINE_VERSION; }

}  // namespace syncline
