// App: construction of its tickers.
#include <optional>
#include <string>
#include <utility>

#include "base/log.h"
#include "server/app_parts.h"
#include "server/config/token_file.h"

namespace syncline {
namespace {

constexpr absl::Duration kHealthInterval = absl::Seconds(1);
constexpr absl::Duration kFileInterval = absl::Seconds(1);
// Interval for waking parked lanes, for making room while callers wait for memory, and for sending
// delayed answers.
constexpr absl::Duration kShortInterval = absl::Milliseconds(50);
// Without --flush_interval a lane flushes when its queue is empty, and at this age if records keep
// arriving.
constexpr absl::Duration kBusyFlushAge = absl::Seconds(1);
// Interval for freeing buffers that were not needed since the last time.
constexpr absl::Duration kUnusedInterval = absl::Seconds(1);
constexpr absl::Duration kSweepInterval = absl::Seconds(10);
// Interval for numbering checkpoints and waking watchers.
constexpr absl::Duration kAnnounceInterval = absl::Milliseconds(50);
constexpr absl::Duration kTidyInterval = absl::Seconds(10);
constexpr absl::Duration kVacuumInterval = absl::Seconds(1);
// A sync that was not used for this time is removed, and loaded from the ledger when it is used
// again.
constexpr absl::Duration kForgetSyncsAfter = absl::Minutes(1);

void LogPlainTokens(const std::string& file, int plain) {
  if (plain == 0) return;
  Log(LogLevel::kWarning, "auth_tokens_plain")
      .Field("file", file)
      .Field("tokens", plain)
      .Field("message",
             "every reader of the file has these tokens; syncline-server --make_token prints lines "
             "that do not contain the token");
}

}  // namespace

void App::Parts::BuildTickers() {
  const bool when_idle = config.load.flush_interval == absl::ZeroDuration();
  const absl::Duration flush_age = when_idle ? kBusyFlushAge : config.load.flush_interval;
  flush_ticker = std::make_unique<Ticker>(std::vector<Ticker::Task>{
      {flush_age / 4, [this, flush_age] { registry->FlushOlderThan(flush_age); }},
      {kShortInterval,
       [this] {
         delayed.RunDue();
         if (budget.waiters() > 0) {
           registry->FlushIdle();
           registry->FailLocked(budget);
         }
         failed_tries.Tick(absl::Now());
         gate.Tick(absl::Now());
       }},
      {kUnusedInterval,
       [this] {
         registry->NoteAges();
         open_calls.Tick(absl::Now());
         blocks.FreeUnused();
         texts.FreeUnused();
       }},
      {kSweepInterval,
       [this] {
         metrics->Sweep();
         registry->ForgetIdle(kForgetSyncsAfter);
       }},
  });
  BuildFileTicker();
}

void App::Parts::BuildDatabaseTickers() {
  // Its own ticker, because a database that does not answer must not stop the other tasks.
  database_ticker = std::make_unique<Ticker>(std::vector<Ticker::Task>{
      {config.load.writer_lease / 4,
       [this] {
         silence->RunCheck([this] { return store->RenewLease(config.load.writer_lease).ok(); });
       }},
      {kHealthInterval,
       [this] {
         silence->RunCheck([this] {
           const bool ready = readiness->Check();
           server->SetServing(ready);
           return ready;
         });
       }},
  });
  // Their own tickers, because a sweep or a vacuum takes long and numbers of checkpoints must not.
  announce_ticker = std::make_unique<Ticker>(
      std::vector<Ticker::Task>{{kAnnounceInterval, [this] { upkeep->Announce(); }}});
  upkeep_ticker = std::make_unique<Ticker>(std::vector<Ticker::Task>{
      {kTidyInterval, [this] { upkeep->Tidy(); }}, {kVacuumInterval, [this] { vacuum->Run(); }}});
  // Its own ticker, because this task unblocks the others.
  silence_ticker = std::make_unique<Ticker>(
      std::vector<Ticker::Task>{{kHealthInterval, [this] { silence->Probe(); }}});
}

void App::Parts::BuildFileTicker() {
  std::vector<Ticker::Task> files;
  if (!config.auth.file.empty()) {
    std::vector<rpc::Authenticator*> readers = {&authenticator};
    if (config.metrics_auth.file.empty()) readers.push_back(&metrics_authenticator);
    files.push_back(WatchTokens(config.auth, readers));
  }
  if (!config.metrics_auth.file.empty()) {
    files.push_back(WatchTokens(config.metrics_auth, {&metrics_authenticator}));
  }
  if (certificate != nullptr) {
    files.push_back({kFileInterval, [this] { certificate->Look().IgnoreError(); }});
  }
  // Its own ticker, because a file system may not answer either.
  if (!files.empty()) file_ticker = std::make_unique<Ticker>(std::move(files));
}

Ticker::Task App::Parts::WatchTokens(const config::TokenConfig& tokens,
                                     std::vector<rpc::Authenticator*> authenticators) {
  // A metrics scraper stores its token in plain text anyway, so hashing it here gains nothing.
  const bool warns = &tokens == &config.auth;
  if (warns) LogPlainTokens(tokens.file, tokens.plain_tokens);
  const auto watch = std::make_shared<config::TokenFileWatch>(tokens.file, tokens.tokens);
  return {kFileInterval,
          [watch, authenticators = std::move(authenticators), warns, file = tokens.file] {
            const absl::StatusOr<std::optional<config::Tokens>> read = watch->Look();
            if (!read.ok()) {
              Log(LogLevel::kWarning, "auth_tokens_kept").Error(read.status());
              return;
            }
            if (!read->has_value()) return;
            for (rpc::Authenticator* const one : authenticators) one->Replace((*read)->tokens);
            Log(LogLevel::kInfo, "auth_tokens_replaced")
                .Field("tokens", static_cast<int64_t>((*read)->tokens.size()));
            if (warns) LogPlainTokens(file, (*read)->plain);
          }};
}

}  // namespace syncline
