// Notices that the system starts no more threads for this process, whichever library asks for one.
//
// gRPC 1.51 neither logs nor reports it: the work that was meant for the thread is never done, so
// calls never end, and a drain waits for them. Linking this file replaces the process's
// pthread_create by one that sends SIGTERM to the process when the real one fails.
#pragma once

namespace syncline {

// Returns whether a thread could not be started. Thread-safe.
bool HasThreadFailed();

}  // namespace syncline
