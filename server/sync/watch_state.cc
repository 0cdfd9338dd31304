#include "server/sync/watch_state.h"

namespace syncline::sync {
namespace {

constexpr absl::Duration kProgressInterval = absl::Seconds(1);

}  // namespace

void WatchState::TakePage(const std::shared_ptr<const EventPage>& page,
                          std::vector<EncodedEvent>* events) {
  // Each event keeps the page, so that the budget counts it until it is sent.
  for (const std::string& event : page->events) events->emplace_back(page, &event);
  sequence_ = page->last_sequence;
  if (!page->more) complete_round_ = page->round;
}

void WatchState::TakeSnapshot(const SyncSnapshot& snapshot, absl::Duration now,
                              std::vector<EncodedEvent>* events) {
  if (ended_ || complete_round_ < snapshot.round) return;
  if (snapshot.progress_no != progress_no_ && now - progress_at_ >= kProgressInterval) {
    events->push_back(snapshot.progress);
    progress_no_ = snapshot.progress_no;
    progress_at_ = now;
  }
  if (finished_.size() < snapshot.finished.size()) finished_.resize(snapshot.finished.size());
  for (size_t stream = 0; stream < snapshot.finished.size(); ++stream) {
    if (snapshot.finished[stream] == nullptr || finished_[stream]) continue;
    events->push_back(snapshot.finished[stream]);
    finished_[stream] = true;
  }
  if (snapshot.end == nullptr) return;
  events->push_back(snapshot.end);
  ended_ = true;
}

}  // namespace syncline::sync
