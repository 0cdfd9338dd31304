#include "server/rpc/read_gate.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/time/clock.h"

namespace syncline::rpc {
namespace {

// Time in which a message of 16 MiB arrives at 27 MB/s.
constexpr absl::Duration kPatience = absl::Milliseconds(600);
// The same for the spare place, which is to be free again soon, and while there are silent calls.
constexpr absl::Duration kShortPatience = absl::Milliseconds(200);
// The age from which a place counts as unused while too little of a message is received to keep it.
constexpr absl::Duration kUnusedAge = absl::Milliseconds(50);
// The time in which a slow read must receive a message of the size of its place.
constexpr absl::Duration kLongestRead = absl::Seconds(10);

}  // namespace

int64_t ReadGate::NewCall() {
  MutexLock lock(&mutex_);
  return ++next_call_;
}

bool ReadGate::Fits(int64_t bytes) const {
  return held_bytes_ == 0 || held_bytes_ + bytes <= capacity_bytes_;
}

void ReadGate::Take(int64_t call, int64_t bytes, bool spare, ReadSource source) {
  const int64_t before = source.received == nullptr ? 0 : source.received().value_or(0);
  if (spare) {
    spare_taken_ = true;
  } else {
    held_bytes_ += bytes;
  }
  places_[call] = {bytes, absl::Now(), /*arrived=*/false, spare, std::move(source), before};
}

bool ReadGate::IsNew(const void* connection) const {
  if (connection == nullptr) return false;
  return std::none_of(
             places_.begin(), places_.end(),
             [&](const auto& place) { return place.second.source.connection == connection; }) &&
         std::none_of(waiters_.begin(), waiters_.end(),
                      [&](const Waiter& waiter) { return waiter.source.connection == connection; });
}

bool ReadGate::SpareFits(int64_t bytes, const void* connection) const {
  if (spare_taken_ || arrived_ > 0 || bytes > spare_bytes_) return false;
  return slow_ || !silent_.empty() || (IsNew(connection) && HasUnusedPlace(absl::Now()));
}

bool ReadGate::HasUnusedPlace(absl::Time now) const {
  return std::any_of(places_.begin(), places_.end(), [now](const auto& place) {
    return now - place.second.since >= kUnusedAge && !IsReceiving(place.second, now);
  });
}

bool ReadGate::IsReceiving(const Place& place, absl::Time now) {
  const double part = absl::FDivDuration(now - place.since, kLongestRead);
  if (place.source.received == nullptr || part >= 1) return false;
  const std::optional<int64_t> received = place.source.received();
  if (!received.has_value()) return false;
  return static_cast<double>(*received - place.received_before) >=
         part * static_cast<double>(place.bytes);
}

ReadGate::Places::iterator ReadGate::Free(Places::iterator place) {
  if (place->second.arrived) --arrived_;
  if (place->second.spare) {
    spare_taken_ = false;
  } else {
    held_bytes_ -= place->second.bytes;
  }
  return places_.erase(place);
}

void ReadGate::Enter(int64_t call, int64_t bytes, std::function<void()> start, ReadSource source) {
  {
    MutexLock lock(&mutex_);
    const bool fits = waiters_.empty() && Fits(bytes);
    if (!fits && !SpareFits(bytes, source.connection)) {
      waiters_.push_back({call, bytes, std::move(start), std::move(source)});
      return;
    }
    Take(call, bytes, /*spare=*/!fits, std::move(source));
  }
  start();
}

void ReadGate::Arrive(int64_t call, int64_t bytes) {
  std::vector<std::function<void()>> granted;
  {
    MutexLock lock(&mutex_);
    silent_.erase(call);
    Place& place = places_[call];
    if (!place.spare) held_bytes_ += bytes - place.bytes;
    if (!std::exchange(place.arrived, true)) ++arrived_;
    place.bytes = bytes;
    granted = Grant();
  }
  for (const auto& start : granted) start();
}

void ReadGate::Leave(int64_t call) {
  std::vector<std::function<void()>> granted;
  std::function<void()> dropped;  // destroyed after the lock
  {
    MutexLock lock(&mutex_);
    silent_.erase(call);
    const auto place = places_.find(call);
    if (place != places_.end()) {
      Free(place);
    } else {
      const auto waiter = std::find_if(waiters_.begin(), waiters_.end(),
                                       [call](const Waiter& one) { return one.call == call; });
      if (waiter == waiters_.end()) return;
      dropped = std::move(waiter->start);
      waiters_.erase(waiter);
    }
    granted = Grant();
  }
  for (const auto& start : granted) start();
}

void ReadGate::Tick(absl::Time now) {
  std::vector<std::function<void()>> granted;
  {
    MutexLock lock(&mutex_);
    slow_ = false;
    for (auto place = places_.begin(); place != places_.end();) {
      const bool spare = place->second.spare;
      const absl::Duration patience = spare || !silent_.empty() ? kShortPatience : kPatience;
      const bool late = !place->second.arrived && now - place->second.since >= patience;
      const bool wanted = spare || !waiters_.empty();
      const bool silent = late && wanted && !IsReceiving(place->second, now);
      if (silent && !spare) silent_.insert(place->first);
      if (late && wanted && !silent && !spare) slow_ = true;
      place = silent ? Free(place) : std::next(place);
    }
    granted = Grant();
  }
  for (const auto& start : granted) start();
}

std::vector<std::function<void()>> ReadGate::Grant() {
  std::vector<std::function<void()>> granted;
  while (!waiters_.empty()) {
    const auto next = newest_next_ ? std::prev(waiters_.end()) : waiters_.begin();
    if (!Fits(next->bytes)) break;
    newest_next_ = !newest_next_;
    Take(next->call, next->bytes, /*spare=*/false, std::move(next->source));
    granted.push_back(std::move(next->start));
    waiters_.erase(next);
  }
  return granted;
}

int64_t ReadGate::held_bytes() const {
  MutexLock lock(&mutex_);
  return held_bytes_;
}

int64_t ReadGate::waiting() const {
  MutexLock lock(&mutex_);
  return static_cast<int64_t>(waiters_.size());
}

}  // namespace syncline::rpc
