// The server as the command line sees it: one channel, every call of the contract, credentials and
// deadlines.
//
// Thread-safe; calls block. Errors are those of call_error.h. Calls that wait for the database
// (StartSync, StreamRecords, CompleteStream, WatchSync) have no deadline: keepalive notices a dead
// peer within 40 s.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

struct TlsOptions {
  bool enabled = false;
  std::string ca_file;      // PEM; empty means the system's roots
  std::string cert_file;    // PEM; with key_file, for mutual TLS
  std::string key_file;     // PEM
  std::string server_name;  // what the certificate must say when that is not the address
};

struct ConnectionOptions {
  std::string server = "127.0.0.1:50051";
  std::string token_file;  // its content is sent as "authorization: Bearer ..."
  std::string token;       // the same without a file; wins
  TlsOptions tls;
  absl::Duration timeout = absl::Seconds(30);  // for calls that only ask
};

// One open StreamRecords call. One thread at a time. The destructor cancels what was not finished.
class RecordsCall {
 public:
  struct Impl;
  explicit RecordsCall(std::unique_ptr<Impl> impl);
  ~RecordsCall();

  // Blocks while the server does not read. False when the call is broken: Finish says why.
  bool Write(const v1::StreamRecordsRequest& request);

  // Half-closes and waits for the answer. Last call.
  absl::StatusOr<v1::StreamRecordsResponse> Finish();

 private:
  const std::unique_ptr<Impl> impl_;
};

// One open WatchSync call.
class WatchCall {
 public:
  struct Impl;
  explicit WatchCall(std::unique_ptr<Impl> impl);
  ~WatchCall();

  // False at the end: Finish says whether it was a good one.
  bool Read(v1::WatchSyncResponse* event);
  absl::Status Finish();

  // Ends the call from any thread.
  void Cancel();

 private:
  const std::unique_ptr<Impl> impl_;
};

// Whether two descriptors name one stream.
inline bool IsSameStream(const v1::StreamDescriptor& a, const v1::StreamDescriptor& b) {
  return a.name() == b.name() && a.namespace_() == b.namespace_();
}

class SyncClient {
 public:
  // Reads the files named in `options`; does not connect yet.
  static absl::StatusOr<std::unique_ptr<SyncClient>> Create(const ConnectionOptions& options);
  ~SyncClient();

  const std::string& server() const;

  absl::StatusOr<v1::StartSyncResponse> StartSync(const v1::StartSyncRequest& request);
  absl::StatusOr<v1::CompleteStreamResponse> CompleteStream(
      const v1::CompleteStreamRequest& request);
  absl::StatusOr<v1::SyncSummary> GetSync(const std::string& sync_id);
  absl::StatusOr<v1::ListSyncsResponse> ListSyncs(const v1::ListSyncsRequest& request);
  absl::StatusOr<v1::SyncSummary> CancelSync(const std::string& sync_id);
  absl::StatusOr<v1::ListRejectedRecordsResponse> ListRejectedRecords(
      const v1::ListRejectedRecordsRequest& request);

  std::unique_ptr<RecordsCall> StreamRecords();
  std::unique_ptr<WatchCall> WatchSync(const std::string& sync_id, int64_t after_sequence);

  // Asks grpc.health.v1.Health; UNAVAILABLE when the server is up but does not serve.
  absl::Status CheckHealth();

 private:
  struct Impl;
  explicit SyncClient(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace syncline::client
