#include "server/rpc/checkpoint_positions.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "server/rpc/conversion.h"
#include "server/rpc/request_names.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

constexpr int kMaxPositions = 10000;

}  // namespace

absl::StatusOr<std::vector<CheckpointPosition>> GetCheckpointPositions(
    const v1::Checkpoint& checkpoint, absl::FunctionRef<bool(const StreamDescriptor&)> has_stream) {
  if (checkpoint.positions_size() > kMaxPositions) {
    return sync::InvalidRequest({{"checkpoint.positions", "must have at most 10,000 entries"}});
  }
  std::vector<CheckpointPosition> positions;
  std::vector<FieldViolation> violations;
  std::set<std::pair<StreamDescriptor, std::string>> seen;
  for (int i = 0; i < checkpoint.positions_size(); ++i) {
    const v1::Position& position = checkpoint.positions(i);
    const StreamDescriptor descriptor = FromProto(position.descriptor());
    const std::string field = absl::StrCat("checkpoint.positions[", i, "]");
    const std::string& writer = position.writer_id();
    if (position.offset() < 0) violations.push_back({field + ".offset", "must not be negative"});
    CheckWriterId(writer, field + ".writer_id", &violations);
    if (!has_stream(descriptor)) {
      violations.push_back({field + ".descriptor", "is not a stream of the sync"});
    }
    if (!seen.emplace(descriptor, writer).second) {
      violations.push_back({field, "names a writer that an earlier position names"});
    }
    positions.push_back({descriptor, writer, position.offset()});
  }
  if (!violations.empty()) return sync::InvalidRequest(std::move(violations));
  return positions;
}

}  // namespace syncline::rpc
