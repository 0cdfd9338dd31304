// A client of the server: one channel with credentials and deadlines, and every call of the API.
//
// Thread-safe; calls block. Errors are those of call_error.h. Calls that may wait for the database
// (StartSync, StreamRecords, AppendRecords, CompleteStream, WatchSync) have no deadline; keepalive
// detects a dead peer within 40 s.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/append_call.h"
#include "client/outage_notice.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

struct TlsOptions {
  bool enabled = false;
  std::string ca_file;      // PEM; empty means the system's roots
  std::string cert_file;    // PEM; with key_file, for mutual TLS
  std::string key_file;     // PEM
  std::string server_name;  // name in the certificate, if it is not the address
  // The PEM texts themselves. Each takes precedence over its file.
  std::string ca_certificate;
  std::string client_certificate;
  std::string client_key;  // secret
};

struct ConnectionOptions {
  std::string server = "127.0.0.1:50051";
  std::string token_file;  // its content is sent as "authorization: Bearer ..."
  std::string token;       // the token itself; takes precedence over token_file
  TlsOptions tls;
  absl::Duration timeout = absl::Seconds(30);  // of read-only calls and CancelSync; 0: none
};

// One open StreamRecords call. For use by one thread at a time. The destructor cancels an
// unfinished call.
class RecordsCall {
 public:
  struct Impl;
  explicit RecordsCall(std::unique_ptr<Impl> impl);
  ~RecordsCall();

  // Blocks while the server does not read. Returns false if the call is broken; Finish returns the
  // error.
  bool Write(const v1::StreamRecordsRequest& request);

  // Half-closes the call and waits for the response. Must be the last call.
  absl::StatusOr<v1::StreamRecordsResponse> Finish();

 private:
  const std::unique_ptr<Impl> impl_;
};

// One open WatchSync call. The destructor cancels an unfinished call.
class WatchCall {
 public:
  struct Impl;
  explicit WatchCall(std::unique_ptr<Impl> impl);
  ~WatchCall();

  // Blocks until the next event. Returns false at the end of the call; Finish returns its status.
  bool Read(v1::WatchSyncResponse* event);
  absl::Status Finish();

  // Cancels the call. Thread-safe.
  void Cancel();

 private:
  const std::unique_ptr<Impl> impl_;
};

// Returns whether two descriptors name the same stream.
inline bool IsSameStream(const v1::StreamDescriptor& a, const v1::StreamDescriptor& b) {
  return a.name() == b.name() && a.namespace_() == b.namespace_();
}

class SyncClient {
 public:
  // Reads the files that `options` names. Does not connect yet. Errors: NOT_FOUND if a file cannot
  // be read, INVALID_ARGUMENT for a client certificate without its key or a key without its
  // certificate.
  static absl::StatusOr<std::unique_ptr<SyncClient>> Create(const ConnectionOptions& options);
  ~SyncClient();

  const std::string& server() const;
  // Returns the notice that all retries of this client's calls use.
  OutageNotice* outage();

  absl::StatusOr<v1::StartSyncResponse> StartSync(const v1::StartSyncRequest& request);
  absl::StatusOr<v1::CompleteStreamResponse> CompleteStream(
      const v1::CompleteStreamRequest& request);
  absl::StatusOr<v1::SyncSummary> GetSync(const std::string& sync_id);
  absl::StatusOr<v1::ListSyncsResponse> ListSyncs(const v1::ListSyncsRequest& request);
  absl::StatusOr<v1::SyncSummary> CancelSync(const std::string& sync_id);
  absl::StatusOr<v1::ListRejectedRecordsResponse> ListRejectedRecords(
      const v1::ListRejectedRecordsRequest& request);

  std::unique_ptr<RecordsCall> StreamRecords();
  std::unique_ptr<AppendCall> AppendRecords(AppendCall::OnAnswer on_answer);
  // Checkpoints up to `after_sequence` are omitted, and with `without_state` the states of all.
  std::unique_ptr<WatchCall> WatchSync(const std::string& sync_id, int64_t after_sequence,
                                       bool without_state = false);

  // Calls grpc.health.v1.Health. Returns UNAVAILABLE NOT_SERVING if the server runs but does not
  // serve.
  absl::Status CheckHealth();

 private:
  struct Impl;
  explicit SyncClient(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace syncline::client
