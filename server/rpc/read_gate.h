// ReadGate: limits how many bytes of large messages are being received at the same time.
//
// gRPC receives a whole message once a read has started, whatever its size, and the memory budget
// counts a message only when it is complete. So a read that may bring a large message starts only
// when the gate has room for it. A read whose message does not arrive within 0.6 s loses its place
// while others wait, so that silent callers do not delay them; within 0.2 s as long as there is
// such a call, because others are probably silent, too. A read that receives so much that all of
// its place would be received within 10 s is slow, not silent, and keeps its place until then.
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline::rpc {

// Messages of up to this size do not need the gate: gRPC receives as much even without a read.
inline constexpr int64_t kSmallMessageBytes = 1 << 20;

// Where the messages of a call come from.
struct ReadSource {
  // The call's connection; it is only compared. Null if that is not known.
  const void* connection = nullptr;
  // Returns how many bytes of messages that have not arrived yet the connection has received, plus
  // a constant; nullopt if that is not known. Called with the gate's lock held. Without it, a read
  // that takes long counts as silent.
  std::function<std::optional<int64_t>()> received = nullptr;
};

class ReadGate {
 public:
  // Beyond the capacity there is one spare place of at most `spare_bytes`.
  explicit ReadGate(int64_t capacity_bytes, int64_t spare_bytes = 0)
      : capacity_bytes_(capacity_bytes), spare_bytes_(spare_bytes) {}

  // Returns the key of a new call. A call has at most one place.
  int64_t NewCall();

  // Takes a place of `bytes` for the call and calls `start`: immediately on this thread if there is
  // room, otherwise later on a thread that frees room. A call that would wait gets the spare place
  // if that is free, no message that has arrived waits for memory, and either there are silent or
  // slow calls, or a place has been held for 50 ms by a call that receives too little to keep it
  // and no other call of the connection waits or has a place. So a call that has just begun to send
  // does not wait for such calls, and the many calls of one caller do not take the spare place from
  // another. Of those that wait, the newest and the oldest take turns. More bytes than the capacity
  // are granted alone.
  void Enter(int64_t call, int64_t bytes, std::function<void()> start, ReadSource source = {});
  // The call's message has arrived and has `bytes`: its place is kept, whatever the capacity, until
  // Leave.
  void Arrive(int64_t call, int64_t bytes);
  // Frees the place of the call, or stops waiting for one. Has no effect if it has none.
  void Leave(int64_t call);

  // Frees the spare place if its read is silent, and the other places of silent reads if others
  // wait. Call it at least every 100 ms.
  void Tick(absl::Time now);

  // Bytes of all places but the spare one.
  int64_t held_bytes() const;
  int64_t waiting() const;

 private:
  struct Place {
    int64_t bytes = 0;
    absl::Time since;
    bool arrived = false;
    bool spare = false;
    ReadSource source;
    int64_t received_before = 0;  // at `since`
  };
  struct Waiter {
    int64_t call = 0;
    int64_t bytes = 0;
    std::function<void()> start;
    ReadSource source;
  };

  using Places = std::map<int64_t, Place>;

  bool Fits(int64_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns whether no call of the connection waits or has a place.
  bool IsNew(const void* connection) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns whether a place is held by a call that receives too little.
  bool HasUnusedPlace(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns whether Enter may give the spare place to a call of the connection.
  bool SpareFits(int64_t bytes, const void* connection) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Frees a place and returns the next one.
  Places::iterator Free(Places::iterator place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Take(int64_t call, int64_t bytes, bool spare, ReadSource source)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns whether so much of the message is received that the place is kept.
  static bool IsReceiving(const Place& place, absl::Time now);
  // Gives places to waiting calls and returns their functions.
  std::vector<std::function<void()>> Grant() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int64_t capacity_bytes_;
  const int64_t spare_bytes_;
  mutable Mutex mutex_;
  int64_t next_call_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t held_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // without the spare place
  bool spare_taken_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t arrived_ ABSL_GUARDED_BY(mutex_) = 0;       // places of messages that have arrived
  std::set<int64_t> silent_ ABSL_GUARDED_BY(mutex_);  // calls that lost their place while reading
  bool slow_ ABSL_GUARDED_BY(mutex_) = false;         // the last Tick found a slow read
  Places places_ ABSL_GUARDED_BY(mutex_);             // by call
  std::deque<Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
  bool newest_next_ ABSL_GUARDED_BY(mutex_) = true;
};

}  // namespace syncline::rpc
