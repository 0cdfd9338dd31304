// RecordsReceiver: the receiving side of a StreamRecords or AppendRecords call, between gRPC's
// callback API and a WriterCall.
//
// Reads a message, acquires the memory for it, parses it, passes it on, and starts the next read
// only when the WriterCall permits it: not reading is the back-pressure. A read that may bring a
// large message also waits for the ReadGate. The call may end at any time, even while a read is
// outstanding; draining, fencing and failed lanes need this (decision 0008). Methods run on gRPC's
// threads and never block; blocking work runs on the claim pool. The reactors derive from it: they
// start the reads and send the answers. Owns itself until Over.
//
// The messages of both RPCs have the same fields, so both are read as StreamRecordsRequest.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/free_list.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "server/metrics/metrics.h"
#include "server/model/access_token.h"
#include "server/model/checkpoint.h"
#include "server/rpc/admission.h"
#include "server/rpc/message_reader.h"
#include "server/rpc/open_calls.h"
#include "server/rpc/open_connections.h"
#include "server/rpc/read_gate.h"
#include "server/sync/repeated_call.h"
#include "server/sync/sync_registry.h"
#include "server/sync/writer_call.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::rpc {

// Dependencies shared by all calls. Every pointer must outlive them.
struct ReceiverContext {
  sync::SyncRegistry* registry = nullptr;
  Admission* admission = nullptr;
  ThreadPool* claim_pool = nullptr;
  // Parses messages that have waited for memory.
  ThreadPool* parse_pool = nullptr;
  metrics::Metrics* metrics = nullptr;
  FreeStrings* texts = nullptr;
  MemoryBudget* budget = nullptr;
  ReadGate* gate = nullptr;
  OpenCalls* calls = nullptr;
  int64_t max_message_bytes = 0;
  // A call that waits for a message for longer than this is ended; zero: no limit.
  absl::Duration idle_timeout;
};

// Who makes a call.
struct StreamCaller {
  Identity identity;
  std::string key;  // of Admission
  // Null if it is not known.
  std::shared_ptr<ClientConnection> connection;
};

class RecordsReceiver : public OpenCall, public std::enable_shared_from_this<RecordsReceiver> {
 public:
  // `place` is that of a silent call; the header exchanges it for that of an open stream. `rpc` is
  // a literal, for the log.
  RecordsReceiver(const char* rpc, const ReceiverContext& context, StreamCaller caller,
                  Admission::Call place);

  // OpenCall
  void EndIfSilent(absl::Time now) override;
  void EndIfUnclaimed() override;

 protected:
  // Starts a read into `message`, which calls ReadDone. Called with a lock held, and never after
  // FinishCall.
  virtual void StartReadInto(grpc::ByteBuffer* message) = 0;
  // The writer is open, or the stream was completed before (`epoch` is 0). Called once, before the
  // first batch is read, and not if the call fails earlier.
  virtual void OnOpened(int64_t epoch, int64_t durable_offset) = 0;
  // The call has committed something; committed() has the new state. Called on several threads at
  // the same time, with no lock held.
  virtual void OnCommitted() = 0;
  // Ends the RPC. Called once, with no lock held. If the status is OK the answer is made of
  // `summary`.
  virtual void FinishCall(const absl::Status& status, const sync::CallSummary& summary) = 0;

  // Starts reading. `self` is a reference to this object; call it once.
  void Begin(std::shared_ptr<RecordsReceiver> self);
  // For the reactor's OnReadDone, OnCancel and OnDone. Over may destroy this object.
  void ReadDone(bool ok);
  void Cancelled();
  void Over();

  // Returns what the call has committed so far.
  sync::CallSummary committed() const;

 private:
  // The caller has half-closed the call, or it has ended.
  void OnInputEnd(bool header_seen);
  // Acquires the memory for the message that has arrived, then calls Parse.
  void Receive(bool header_seen);
  // `bytes` are acquired.
  void Parse(int64_t bytes);
  // Frees the message that has arrived, and its place at the gate.
  void DropMessage();
  void OnMessage(v1::StreamRecordsRequest message, BudgetCharge* charge);
  void OnHeader(const v1::StreamHeader& header);
  // Exchanges the place for that of an open stream.
  absl::Status TakeStreamPlace();
  void OnBatch(std::unique_ptr<v1::RecordBatch> records, BudgetCharge* charge);
  // --- Checkpoints (receive_checkpoint.cc) ---
  void OnCheckpoint(v1::Checkpoint checkpoint, BudgetCharge* charge);
  // Adds a checkpoint with streams that this process does not know, once the ledger has been read
  // on the claim pool. `bytes` are acquired.
  void FindPositions(v1::Checkpoint checkpoint, int64_t bytes);
  // Adds the checkpoint to the open call, or ends the call with the error of `positions`.
  void AddCheckpoint(v1::Checkpoint checkpoint,
                     absl::StatusOr<std::vector<CheckpointPosition>> positions);
  // Checks the caller, claims the writer and starts reading. Blocks; runs on the claim pool.
  void Open(const v1::StreamHeader& header);
  // Continues as a repeated call, because the stream has been completed. Blocks.
  void Repeat(sync::StreamSession& session, const v1::StreamHeader& header);

  std::shared_ptr<sync::WriterCall> call() const;
  bool is_repeated() const;
  // Starts the next read, if necessary after the gate has given a place.
  void ReadNext();
  void StartReading();
  // Commits what the call has accepted and ends it with `status`. Ends it immediately if it is not
  // open yet.
  void EndWith(const absl::Status& status);
  void FinishOnce(const absl::Status& status, const sync::CallSummary& summary);

  const char* const rpc_;
  const ReceiverContext context_;
  const StreamCaller caller_;
  const int64_t gate_key_;
  // The next four are used by one read at a time.
  MessageReader reader_;
  // The size that the next message may well have. Half a dozen small ones make it small.
  int64_t expected_bytes_;
  bool gated_ = false;                     // has, or had, a place at the gate for the message
  int64_t row_bytes_ = 0;                  // charged for the rows of the message
  std::shared_ptr<RecordsReceiver> self_;  // reset by Over
  grpc::ByteBuffer request_;  // bytes of the outstanding read, or of the message that has arrived
  std::string sync_id_;

  mutable Mutex mutex_;
  std::string name_ ABSL_GUARDED_BY(mutex_);  // "sync/stream/writer" for the log
  std::unique_ptr<Admission::Call> place_ ABSL_GUARDED_BY(mutex_);  // until Over
  // When the outstanding read began; infinitely late if there is none.
  absl::Time reading_since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  // The owner of the request for memory that waits, or null.
  const void* waits_for_memory_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool header_seen_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<sync::StreamSession> session_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<sync::WriterCall> call_ ABSL_GUARDED_BY(mutex_);
  // Set instead of call_ if the stream has been completed.
  std::optional<sync::RepeatedCall> repeated_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::rpc
