// Every metric's name, help and labels, once. docs/metrics.md says what to watch;
// tests/golden/metrics.txt pins them.
#pragma once

namespace syncline::metrics {

struct Description {
  const char* name;
  const char* help;
};

// Labelled namespace, stream, generation.
inline constexpr Description kRecordsReceived = {"syncline_records_received_total",
                                                 "Records taken in from callers."};
inline constexpr Description kRecordsCommitted = {
    "syncline_records_committed_total", "Records whose transaction has committed durably."};
inline constexpr Description kRecordsRejected = {"syncline_records_rejected_total",
                                                 "Records written to rejected_record, by reason."};
inline constexpr Description kValuesChanged = {"syncline_values_changed_total",
                                               "Values of committed records that became NULL or "
                                               "were cut because they did not fit, by change."};
inline constexpr Description kFieldsUndeclared = {
    "syncline_fields_undeclared_total",
    "Fields of committed records that the stream does not declare."};
inline constexpr Description kBytesReceived = {"syncline_bytes_received_total",
                                               "Bytes of record payload taken in from callers."};
inline constexpr Description kFlushSeconds = {
    "syncline_flush_seconds", "Time of one data transaction, from its COPY to its commit."};
inline constexpr Description kFlushRows = {"syncline_flush_rows", "Rows of one data transaction."};
inline constexpr Description kFinalizeSeconds = {"syncline_finalize_seconds",
                                                 "Time to finalise a stream, by phase."};
inline constexpr Description kSwapLockWait = {"syncline_swap_lock_wait_seconds",
                                              "Time that a swap waited for the table's lock."};
inline constexpr Description kSwapRetries = {
    "syncline_swap_retries_total", "Tries of a swap that did not get the table's lock in time."};
inline constexpr Description kStreamState = {
    "syncline_stream_state",
    "State of the stream: 1 open, 2 finalizing, 3 completed, 4 incomplete, 5 cancelled."};
inline constexpr Description kDurableOffset = {
    "syncline_durable_offset", "Records of all writers below their durable offsets."};
inline constexpr Description kLastSuccess = {"syncline_last_success_timestamp_seconds",
                                             "When the stream was last completed."};

inline constexpr Description kUncommittedAge = {
    "syncline_uncommitted_age_seconds",
    "How long the oldest record has waited that is received and not committed."};

// Of the process, by the names that other programs give them.
inline constexpr Description kProcessMemory = {"process_resident_memory_bytes",
                                               "Memory of the process."};
inline constexpr Description kProcessThreads = {"process_threads", "Threads of the process."};
inline constexpr Description kProcessCpu = {"process_cpu_seconds_total",
                                            "Processor time of the process, user and system."};
inline constexpr Description kProcessDescriptors = {"process_open_fds",
                                                    "Descriptors that the process has open."};
inline constexpr Description kProcessMaxDescriptors = {"process_max_fds",
                                                       "The limit of process_open_fds."};

// Of the server.
inline constexpr Description kOpenStreams = {"syncline_open_streams",
                                             "StreamRecords calls that are open now."};
inline constexpr Description kConnections = {"syncline_connections",
                                             "Connections of callers that are open now."};
inline constexpr Description kConnectionsRefused = {
    "syncline_connections_refused_total",
    "Connections that were closed at once because there were too many."};
inline constexpr Description kAuthenticationFailures = {
    "syncline_authentication_failures_total",
    "Calls that were refused for their credentials, by reason."};
inline constexpr Description kReady = {
    "syncline_ready", "1 when calls can be served: the database answers and the ledger stands."};
inline constexpr Description kMaxOpenStreams = {"syncline_max_open_streams",
                                                "The limit of syncline_open_streams."};
inline constexpr Description kMaxConnections = {"syncline_max_connections",
                                                "The limit of syncline_connections."};
inline constexpr Description kMemoryBudget = {"syncline_memory_budget_bytes",
                                              "The limit of syncline_buffered_bytes."};
inline constexpr Description kCertificateExpiry = {
    "syncline_tls_certificate_expiry_timestamp_seconds",
    "When the certificate that is served ends."};
inline constexpr Description kBufferedBytes = {"syncline_buffered_bytes",
                                               "Bytes of records held in memory now."};
inline constexpr Description kBufferedHighWater = {
    "syncline_buffered_high_water_bytes",
    "The most bytes of records ever held in memory since the server started."};
inline constexpr Description kBackpressure = {
    "syncline_backpressure_seconds_total", "Time that calls waited for the memory budget, summed."};
inline constexpr Description kFencedWriters = {
    "syncline_fenced_writers_total", "Writer calls that a newer call of the same writer replaced."};
inline constexpr Description kUnknownFields = {
    "syncline_unknown_fields_total",
    "Fields of callers' messages that this server does not know and ignored."};
inline constexpr Description kPgConnections = {
    "syncline_pg_connections", "Connections to PostgreSQL that are open now, by state."};
inline constexpr Description kBuildInfo = {"syncline_build_info",
                                           "Always 1; the label tells the version."};

}  // namespace syncline::metrics
