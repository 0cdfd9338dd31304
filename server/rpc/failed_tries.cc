#include "server/rpc/failed_tries.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"

namespace syncline::rpc {
namespace {

// Attempts without a delay, for a mistyped token or a program that starts before its token is
// active.
constexpr int kUndelayedAttempts = 5;
constexpr absl::Duration kFirstDelay = absl::Seconds(1);
constexpr absl::Duration kMaxDelay = absl::Seconds(10);
constexpr absl::Duration kForgetAfter = absl::Minutes(10);
constexpr size_t kMaxPeers = 10'000;
constexpr size_t kMaxWaiting = 10'000;

}  // namespace

absl::Duration FailedTries::CountAndGetDelay(const std::string& peer, absl::Time now) {
  if (peers_.size() >= kMaxPeers && peers_.count(peer) == 0) {
    // A client with that many addresses is not slowed down by a delay per address anyway.
    peers_.erase(std::min_element(peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
      return a.second.last < b.second.last;
    }));
  }
  Peer& known = peers_[peer];
  if (now - known.last > kForgetAfter) known.tries = 0;
  known.last = now;
  ++known.tries;
  if (known.tries <= kUndelayedAttempts) return absl::ZeroDuration();
  absl::Duration delay = kFirstDelay;
  for (int i = kUndelayedAttempts + 1; i < known.tries && delay < kMaxDelay; ++i) delay *= 2;
  return std::min(delay, kMaxDelay);
}

void FailedTries::Answer(const std::string& peer, absl::Time now, std::function<void()> answer) {
  {
    MutexLock lock(&mutex_);
    const absl::Duration delay = CountAndGetDelay(peer, now);
    if (delay > absl::ZeroDuration() && !stopped_ && waiting_.size() < kMaxWaiting) {
      waiting_.emplace(now + delay, std::move(answer));
      return;
    }
  }
  answer();
}

void FailedTries::Tick(absl::Time now) {
  std::vector<std::function<void()>> due;
  {
    MutexLock lock(&mutex_);
    const auto end = waiting_.upper_bound(now);
    for (auto it = waiting_.begin(); it != end; ++it) due.push_back(std::move(it->second));
    waiting_.erase(waiting_.begin(), end);
  }
  for (const std::function<void()>& answer : due) answer();
}

void FailedTries::Stop() {
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
  }
  Tick(absl::InfiniteFuture());
}

std::string GetPeerAddress(absl::string_view peer) {
  return std::string(peer.substr(0, peer.rfind(':')));
}

std::string GetLastForwardedFor(absl::string_view header) {
  const size_t comma = header.rfind(',');
  return std::string(absl::StripAsciiWhitespace(
      comma == absl::string_view::npos ? header : header.substr(comma + 1)));
}

}  // namespace syncline::rpc
