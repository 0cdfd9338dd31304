// Handles Ctrl-C (SIGINT) and SIGTERM: the first signal asks the command to end in an orderly way,
// and the second one kills it.
//
// Only `write` and `load` install the handler; every other verb may be killed at any time. The
// functions are thread-safe, except InstallInterruptHandler, which is called once before other
// threads exist.
#pragma once

#include "absl/time/time.h"

namespace syncline::client {

// From now on the first signal is recorded, and the second one has its default effect.
void InstallInterruptHandler();

// Returns whether a signal has arrived.
bool Interrupted();

// Sleeps for `duration` or until a signal arrives. Returns true if one has arrived.
bool SleepUnlessInterrupted(absl::Duration duration);

// Returns a descriptor that becomes and stays readable when a signal arrives, or -1 if no handler
// is installed.
int InterruptFd();

}  // namespace syncline::client
