// The first Ctrl-C (SIGINT or SIGTERM) asks the command to end in good order; the second one kills
// it.
//
// Only `write` and `load` install it: every other verb may simply be killed. Functions are
// thread-safe, except InstallInterruptHandler, which is called once before other threads exist.
#pragma once

#include "absl/time/time.h"

namespace syncline::client {

// From now on the first signal is remembered and the second has its default effect.
void InstallInterruptHandler();

// Whether the signal came.
bool Interrupted();

// Sleeps for `duration` or until the signal comes. True when it came.
bool SleepUnlessInterrupted(absl::Duration duration);

// Becomes readable, and stays so, when the signal comes; -1 when no handler is installed.
int InterruptFd();

}  // namespace syncline::client
