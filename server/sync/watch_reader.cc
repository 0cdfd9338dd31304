#include "server/sync/watch_reader.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/monotonic_time.h"
#include "base/status_macros.h"
#include "server/model/access_token.h"
#include "server/sync/sync_errors.h"
#include "server/write/write_errors.h"

namespace syncline::sync {
namespace {

// Interval at which all syncs are read, whatever the notifications: they may be lost.
constexpr absl::Duration kTick = absl::Seconds(1);
// Interval at which the thread notices that the server is drained.
constexpr absl::Duration kSlice = absl::Milliseconds(250);
// Interval at which watches that wait for the budget are served.
constexpr absl::Duration kPostponed = absl::Milliseconds(50);
// Interval after which another page may exceed the budget although the last one that did was not
// taken.
constexpr absl::Duration kExtraInterval = absl::Seconds(1);
constexpr absl::Duration kRetryInterval = absl::Milliseconds(500);

}  // namespace

WatchReader::WatchReader(write::WatchSource* source, WatchReaderOptions options)
    : source_(source),
      options_(std::move(options)),
      pages_(std::make_shared<MemoryBudget>(options_.page_budget_bytes)),
      thread_(std::make_unique<Thread>("watches", [this] { Run(); })) {}

WatchReader::~WatchReader() { Stop(); }

void WatchReader::Add(absl::FunctionRef<void(WatchInbox::Content*)> add) {
  if (inbox_.Add(add)) source_->Wake();
}

void WatchReader::Open(int64_t id, WatchRequest request, std::shared_ptr<WatchCall> call) {
  Add([&](WatchInbox::Content* content) {
    content->opened.push_back({id, std::move(request), std::move(call)});
  });
}

void WatchReader::Taken(int64_t id) {
  Add([id](WatchInbox::Content* content) { content->taken.push_back(id); });
}

void WatchReader::Close(int64_t id) {
  Add([id](WatchInbox::Content* content) { content->closed.push_back(id); });
}

void WatchReader::Stop() {
  Add([](WatchInbox::Content* content) { content->stop = true; });
  thread_.reset();
}

void WatchReader::Run() {
  while (true) {
    WatchInbox::Content requests = inbox_.Take(GetInboxPause());
    const bool stop = requests.stop;
    TakeRequests(std::move(requests));
    if (stop) break;
    now_ = MonotonicNow();
    const bool watched = !watches_.empty() || !opened_.empty();
    if (watched && now_ < retry_at_) continue;
    if (watched) {
      const absl::Status status = RunRound();
      if (status.ok()) {
        failing_since_ = absl::InfiniteDuration();
      } else {
        TakeError(status);
      }
      RemoveUnwatched();
    }
    // The round may have ended the last watch.
    if (watches_.empty() && opened_.empty()) source_->Close();
  }
  EndAll(Draining());
  source_->Close();
}

void WatchReader::TakeRequests(WatchInbox::Content requests) {
  for (WatchInbox::Opened& opened : requests.opened) opened_.push_back(std::move(opened));
  for (const int64_t id : requests.taken) {
    const auto watch = watches_.find(id);
    if (watch == watches_.end()) continue;
    watch->second.sending = false;
    watch->second.page_bytes = 0;
    ready_.insert(watch->second.sync_no);
  }
  for (const int64_t id : requests.closed) {
    opened_.erase(std::remove_if(opened_.begin(), opened_.end(),
                                 [id](const auto& opened) { return opened.id == id; }),
                  opened_.end());
    const auto watch = watches_.find(id);
    if (watch == watches_.end()) continue;
    syncs_.at(watch->second.sync_no).watches.erase(&watch->second);
    watches_.erase(watch);
  }
  RemoveUnwatched();
}

absl::Duration WatchReader::GetInboxPause() const {
  if (watches_.empty() && opened_.empty()) return absl::InfiniteDuration();
  return std::max(absl::ZeroDuration(), retry_at_ - MonotonicNow());
}

absl::Duration WatchReader::GetPause() const {
  if (!opened_.empty() || !ready_.empty() || !dirty_.empty()) return absl::ZeroDuration();
  const absl::Duration slice = postponed_.empty() ? kSlice : kPostponed;
  return std::clamp(tick_at_ - now_, absl::ZeroDuration(), slice);
}

absl::Status WatchReader::RunRound() {
  ++round_;
  SYNCLINE_ASSIGN_OR_RETURN(const write::Changes changes, source_->Wait(GetPause()));
  now_ = MonotonicNow();
  MarkDirty(changes);
  SYNCLINE_RETURN_IF_ERROR(AttachOpened());
  SYNCLINE_RETURN_IF_ERROR(Refresh());
  SYNCLINE_RETURN_IF_ERROR(ServeReady());
  if (now_ - drained_at_ >= options_.drain_patience) {
    AbortSending();
  } else if (!postponed_.empty()) {
    AbortStuck();
  }
  return absl::OkStatus();
}

void WatchReader::MarkDirty(const write::Changes& changes) {
  dirty_.merge(locked_);
  locked_.clear();
  bool all = changes.all;
  if (now_ >= tick_at_) {
    tick_at_ = now_ + kTick;
    all = true;
  }
  if (last_round_ == 0 && options_.drained()) {
    last_round_ = round_;
    drained_at_ = now_;
    all = true;
  }
  if (all) {
    for (const auto& [sync_no, sync] : syncs_) dirty_.insert(sync_no);
    return;
  }
  for (const int64_t sync_no : changes.sync_nos) {
    if (syncs_.count(sync_no) > 0) dirty_.insert(sync_no);
  }
}

absl::Status WatchReader::AttachOpened() {
  std::set<std::string> unknown;
  for (const WatchInbox::Opened& opened : opened_) {
    if (sync_nos_.count(opened.request.sync_id) == 0) unknown.insert(opened.request.sync_id);
  }
  if (!unknown.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::vector<SyncIdentity> found,
                              source_->FindSyncs({unknown.begin(), unknown.end()}));
    for (const SyncIdentity& identity : found) {
      syncs_.emplace(identity.sync_no, Sync{WatchedSync(identity, &options_.encode), {}});
      sync_nos_[identity.sync_id] = identity.sync_no;
    }
  }
  for (WatchInbox::Opened& opened : opened_) {
    const auto sync_no = sync_nos_.find(opened.request.sync_id);
    if (sync_no == sync_nos_.end()) {
      opened.call->End(write::UnknownSync(opened.request.sync_id));
    } else {
      Attach(std::move(opened), &syncs_.at(sync_no->second));
    }
  }
  opened_.clear();
  return absl::OkStatus();
}

void WatchReader::Attach(WatchInbox::Opened opened, Sync* sync) {
  const SyncIdentity& identity = sync->read.identity();
  if (!MayAccess(opened.request.caller, identity.owner)) {
    return opened.call->End(write::UnknownSync(opened.request.sync_id));
  }
  const int64_t after_sequence = opened.request.after_sequence;
  Watch watch{opened.id, std::move(opened.request), std::move(opened.call),
              WatchState(after_sequence), identity.sync_no};
  sync->watches.insert(&watches_.emplace(opened.id, std::move(watch)).first->second);
  dirty_.insert(identity.sync_no);
}

absl::Status WatchReader::Refresh() {
  if (dirty_.empty()) return absl::OkStatus();
  // The summary is read before the checkpoints are numbered, and these before their pages are read:
  // if a sync has ended, all of its checkpoints are then in the pages.
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<SyncMark> marks,
                            source_->ReadMarks({dirty_.begin(), dirty_.end()}));
  std::set<int64_t> removed = dirty_;
  std::vector<int64_t> existing;
  std::vector<int64_t> changed;
  for (const SyncMark& mark : marks) {
    removed.erase(mark.sync_no);
    existing.push_back(mark.sync_no);
    if (syncs_.at(mark.sync_no).read.TakeMark(mark, now_)) changed.push_back(mark.sync_no);
  }
  for (const int64_t sync_no : removed) {
    const std::set<Watch*> watches = syncs_.at(sync_no).watches;
    for (Watch* const watch : watches) End(watch, write::UnknownSync(watch->request.sync_id));
    dirty_.erase(sync_no);
  }
  if (existing.empty()) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(ReadSummaries(existing, changed));
  if (last_round_ == round_) {
    for (const int64_t sync_no : existing) syncs_.at(sync_no).read.RequirePages(round_);
  }
  ready_.merge(dirty_);
  dirty_.clear();
  return absl::OkStatus();
}

absl::Status WatchReader::ReadSummaries(const std::vector<int64_t>& existing,
                                        const std::vector<int64_t>& changed) {
  std::vector<SyncEntry> summaries;
  if (!changed.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(summaries, source_->ReadSummaries(changed));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const write::CheckpointNumbering numbering,
                            source_->NumberCheckpoints(existing));
  for (const int64_t sync_no : numbering.numbered) syncs_.at(sync_no).read.RequirePages(round_);
  locked_.insert(numbering.locked.begin(), numbering.locked.end());
  for (const SyncEntry& sync : summaries) {
    if (locked_.count(sync.sync_no) > 0) continue;
    syncs_.at(sync.sync_no).read.TakeSummary(sync, round_, now_);
  }
  return absl::OkStatus();
}

absl::Status WatchReader::ServeReady() {
  // Those that have waited for the budget come first, in the order in which they began to wait.
  std::vector<int64_t> order = std::exchange(postponed_, {});
  for (const int64_t sync_no : order) ready_.erase(sync_no);
  order.insert(order.end(), ready_.begin(), ready_.end());
  ready_.clear();
  for (const int64_t sync_no : order) {
    const auto sync = syncs_.find(sync_no);
    if (sync != syncs_.end()) SYNCLINE_RETURN_IF_ERROR(Serve(&sync->second));
  }
  return absl::OkStatus();
}

absl::Status WatchReader::Serve(Sync* sync) {
  if (sync->read.snapshot() == nullptr) return absl::OkStatus();
  std::vector<Watch*> current;
  std::map<PageKey, std::vector<Watch*>> behind;
  for (Watch* const watch : sync->watches) {
    if (watch->sending) continue;
    const WatchState& state = watch->state;
    if (!state.ended() &&
        state.NeedsPage(sync->read.last_sequence(), sync->read.required_round())) {
      behind[{state.sequence(), watch->request.with_state}].push_back(watch);
    } else {
      current.push_back(watch);
    }
  }
  for (Watch* const watch : current) SendNew(*sync, watch, {});
  for (const auto& [key, watches] : behind) {
    SYNCLINE_RETURN_IF_ERROR(ServePage(sync, key, watches));
  }
  return absl::OkStatus();
}

absl::Status WatchReader::ServePage(Sync* sync, const PageKey& key,
                                    const std::vector<Watch*>& watches) {
  const bool full = pages_->held_bytes() >= pages_->capacity_bytes();
  const bool may_exceed = full && (extra_.expired() || now_ - extra_at_ >= kExtraInterval);
  const absl::StatusOr<std::shared_ptr<const EventPage>> page =
      sync->read.GetPage(key, round_, !full || may_exceed, pages_, source_);
  if (may_exceed && page.ok() && *page != nullptr) {
    extra_ = *page;
    extra_at_ = now_;
  }
  if (!page.ok()) {
    if (IsRetryable(page.status())) return page.status();
    for (Watch* const watch : watches) End(watch, page.status());
    return absl::OkStatus();
  }
  if (*page == nullptr) {
    const int64_t sync_no = sync->read.identity().sync_no;
    if (postponed_.empty() || postponed_.back() != sync_no) postponed_.push_back(sync_no);
    return absl::OkStatus();
  }
  for (Watch* const watch : watches) {
    std::vector<EncodedEvent> events;
    watch->state.TakePage(*page, &events);
    watch->page_bytes = (*page)->bytes;
    SendNew(*sync, watch, std::move(events));
  }
  return absl::OkStatus();
}

void WatchReader::SendNew(const Sync& sync, Watch* watch, std::vector<EncodedEvent> events) {
  watch->state.TakeSnapshot(*sync.read.snapshot(), now_, &events);
  if (!events.empty()) {
    watch->sending = true;
    watch->since = now_;
    watch->call->Send(std::move(events));
  } else if (watch->state.ended()) {
    End(watch, absl::OkStatus());
  } else if (last_round_ > 0 && watch->state.complete_round() >= last_round_) {
    End(watch, Draining());
  }
}

void WatchReader::AbortStuck() {
  Watch* stuck = nullptr;
  for (auto& [id, watch] : watches_) {
    if (!watch.sending || now_ - watch.since < options_.stuck) continue;
    if (stuck == nullptr || watch.page_bytes > stuck->page_bytes) stuck = &watch;
  }
  if (stuck == nullptr || stuck->page_bytes == 0) return;
  Log(LogLevel::kWarning, "watch_stuck")
      .Field("sync_id", stuck->request.sync_id)
      .Field("bytes", stuck->page_bytes)
      .Field("message", "the caller takes no events, and other watches wait for their memory");
  stuck->page_bytes = 0;
  stuck->call->Abort();
}

void WatchReader::AbortSending() {
  for (auto& [id, watch] : watches_) {
    if (watch.sending) watch.call->Abort();
  }
}

void WatchReader::TakeError(const absl::Status& error) {
  for (const WatchInbox::Opened& opened : opened_) opened.call->End(error);
  opened_.clear();
  for (const auto& [sync_no, sync] : syncs_) dirty_.insert(sync_no);
  now_ = MonotonicNow();
  retry_at_ = now_ + kRetryInterval;
  if (failing_since_ == absl::InfiniteDuration()) {
    failing_since_ = now_;
    Log(LogLevel::kWarning, "watch_read_failed").Error(error);
  }
  if (IsRetryable(error) && !options_.drained() && now_ - failing_since_ < options_.outage) return;
  EndAll(error);
  failing_since_ = absl::InfiniteDuration();
}

void WatchReader::End(Watch* watch, const absl::Status& status) {
  const std::shared_ptr<WatchCall> call = watch->call;
  syncs_.at(watch->sync_no).watches.erase(watch);
  watches_.erase(watch->id);
  call->End(status);
}

void WatchReader::EndAll(const absl::Status& status) {
  for (const WatchInbox::Opened& opened : opened_) opened.call->End(status);
  opened_.clear();
  while (!watches_.empty()) End(&watches_.begin()->second, status);
}

void WatchReader::RemoveUnwatched() {
  for (auto sync = syncs_.begin(); sync != syncs_.end();) {
    if (!sync->second.watches.empty()) {
      ++sync;
      continue;
    }
    dirty_.erase(sync->first);
    locked_.erase(sync->first);
    sync_nos_.erase(sync->second.read.identity().sync_id);
    sync = syncs_.erase(sync);
  }
}

}  // namespace syncline::sync
