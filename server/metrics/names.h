// The name and help text of every metric. docs/metrics.md describes them, and a test compares
// names, types and labels with tests/golden/metrics.txt.
#pragma once

namespace syncline::metrics {

struct Description {
  const char* name;
  const char* help;
};

// Metrics of a stream, with the labels namespace, stream and generation.
inline constexpr Description kRecordsReceived = {"syncline_records_received_total",
                                                 "Records received from callers."};
inline constexpr Description kRecordsCommitted = {
    "syncline_records_committed_total", "Records whose transaction has committed durably."};
inline constexpr Description kRecordsRejected = {"syncline_records_rejected_total",
                                                 "Records written to rejected_record, by reason."};
inline constexpr Description kValuesChanged = {
    "syncline_values_changed_total",
    "Values of committed records that became NULL or "
    "were truncated because they did not fit, by change."};
inline constexpr Description kFieldsUndeclared = {
    "syncline_fields_undeclared_total",
    "Fields of committed records that the stream does not declare."};
inline constexpr Description kBytesReceived = {"syncline_bytes_received_total",
                                               "Bytes of record payload received from callers."};
inline constexpr Description kFlushSeconds = {
    "syncline_flush_seconds", "Duration of one data transaction, from COPY to COMMIT."};
inline constexpr Description kFlushRows = {"syncline_flush_rows", "Rows per data transaction."};
inline constexpr Description kFinalizeSeconds = {"syncline_finalize_seconds",
                                                 "Time to finalize a stream, by phase."};
inline constexpr Description kSwapLockWait = {"syncline_swap_lock_wait_seconds",
                                              "Time that a swap waited for the table's lock."};
inline constexpr Description kSwapRetries = {
    "syncline_swap_retries_total", "Swap attempts that did not get the table's lock in time."};
inline constexpr Description kStreamState = {
    "syncline_stream_state",
    "State of the stream: 1 open, 2 finalizing, 3 completed, 4 incomplete, 5 cancelled."};
inline constexpr Description kDurableOffset = {
    "syncline_durable_offset", "Records below the durable offset, summed over all writers."};
inline constexpr Description kLastSuccess = {"syncline_last_success_timestamp_seconds",
                                             "Time when the stream was last completed."};

inline constexpr Description kUncommittedAge = {
    "syncline_uncommitted_age_seconds",
    "Age of the oldest record that is received and not committed."};

// Metrics of the process, under Prometheus's conventional names.
inline constexpr Description kProcessMemory = {"process_resident_memory_bytes",
                                               "Resident memory of the process."};
inline constexpr Description kProcessThreads = {"process_threads",
                                                "Number of threads of the process."};
inline constexpr Description kProcessCpu = {"process_cpu_seconds_total",
                                            "User and system CPU time of the process."};
inline constexpr Description kProcessDescriptors = {"process_open_fds",
                                                    "Number of open file descriptors."};
inline constexpr Description kProcessMaxDescriptors = {"process_max_fds",
                                                       "Limit for process_open_fds."};

// Metrics of the server.
inline constexpr Description kOpenStreams = {
    "syncline_open_streams", "StreamRecords and AppendRecords calls that are open now."};
inline constexpr Description kConnections = {"syncline_connections",
                                             "Client connections that are open now."};
inline constexpr Description kConnectionsRefused = {
    "syncline_connections_refused_total",
    "Client connections that were closed at once because there were too many."};
inline constexpr Description kAuthenticationFailures = {
    "syncline_authentication_failures_total",
    "Calls that were refused because of their credentials, by reason."};
inline constexpr Description kCallsRefused = {
    "syncline_calls_refused_total",
    "Calls that were refused because of a limit or a drain, by reason."};
inline constexpr Description kReady = {
    "syncline_ready", "1 if calls can be served: the database answers and the ledger is prepared."};
inline constexpr Description kMaxOpenStreams = {"syncline_max_open_streams",
                                                "Limit for syncline_open_streams."};
inline constexpr Description kMaxConnections = {"syncline_max_connections",
                                                "Limit for syncline_connections."};
inline constexpr Description kMemoryBudget = {"syncline_memory_budget_bytes",
                                              "Limit for syncline_buffered_bytes."};
inline constexpr Description kCertificateExpiry = {
    "syncline_tls_certificate_expiry_timestamp_seconds",
    "Time when the served certificate expires."};
inline constexpr Description kBufferedBytes = {"syncline_buffered_bytes",
                                               "Bytes of records held in memory now."};
inline constexpr Description kBufferedHighWater = {
    "syncline_buffered_high_water_bytes",
    "Maximum bytes of records held in memory since the server started."};
inline constexpr Description kBackpressure = {
    "syncline_backpressure_seconds_total",
    "Time that calls waited for the memory budget, summed over calls."};
inline constexpr Description kFencedWriters = {
    "syncline_fenced_writers_total", "Writer calls that a newer call of the same writer replaced."};
inline constexpr Description kUnknownFields = {
    "syncline_unknown_fields_total",
    "Unknown fields of callers' messages, which the server ignored."};
inline constexpr Description kPgConnections = {
    "syncline_pg_connections", "Connections to PostgreSQL that are open now, by state."};
inline constexpr Description kBuildInfo = {"syncline_build_info",
                                           "Always 1; the label is the version."};

}  // namespace syncline::metrics
