// RecordsReceiver: receives checkpoints. Those that cover several writers may name streams that
// another replica has added to the sync; they are looked up on the claim pool.
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/rpc/checkpoint_positions.h"
#include "server/rpc/records_receiver.h"
#include "server/rpc/request_names.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {

void RecordsReceiver::OnCheckpoint(v1::Checkpoint checkpoint, BudgetCharge* charge) {
  const std::shared_ptr<sync::WriterCall> open = call();
  if (open == nullptr && !is_repeated()) {
    return EndWith(sync::ProtocolOrder("a checkpoint was sent before the header"));
  }
  if (const absl::Status valid = CheckCheckpoint(checkpoint); !valid.ok()) return EndWith(valid);
  // Everything before the checkpoint is durable already.
  if (open == nullptr) return ReadNext();
  bool all_known = true;
  absl::StatusOr<std::vector<CheckpointPosition>> positions =
      GetCheckpointPositions(checkpoint, [&](const StreamDescriptor& descriptor) {
        const bool known = context_.registry->HasStream(sync_id_, descriptor);
        all_known = all_known && known;
        return known;
      });
  if (!all_known) return FindPositions(std::move(checkpoint), charge->Give());
  AddCheckpoint(std::move(checkpoint), std::move(positions));
}

void RecordsReceiver::FindPositions(v1::Checkpoint checkpoint, int64_t bytes) {
  const auto held = std::make_shared<v1::Checkpoint>(std::move(checkpoint));
  // A group of the sync's own: its calls would all wait for the same locks of the ledger.
  const uint64_t group = sync::ClaimGroup(sync_id_, StreamDescriptor());
  const bool posted = context_.claim_pool->Post(group, [self = shared_from_this(), held, bytes] {
    const BudgetCharge charge(self->context_.budget, bytes);
    sync::SyncRegistry* const registry = self->context_.registry;
    const absl::Status read = registry->Reload(self->sync_id_);
    if (!read.ok()) return self->EndWith(read);
    const auto has_stream = [&](const StreamDescriptor& descriptor) {
      return registry->HasStream(self->sync_id_, descriptor);
    };
    absl::StatusOr<std::vector<CheckpointPosition>> positions =
        GetCheckpointPositions(*held, has_stream);
    self->AddCheckpoint(std::move(*held), std::move(positions));
  });
  if (posted) return;
  context_.budget->Release(bytes);
  EndWith(sync::Draining());
}

void RecordsReceiver::AddCheckpoint(v1::Checkpoint checkpoint,
                                    absl::StatusOr<std::vector<CheckpointPosition>> positions) {
  if (!positions.ok()) return EndWith(positions.status());
  call()->AddCheckpoint(std::move(*checkpoint.mutable_checkpoint_id()),
                        std::move(*checkpoint.mutable_state()), *std::move(positions),
                        [self = shared_from_this()] { self->ReadNext(); });
}

}  // namespace syncline::rpc
