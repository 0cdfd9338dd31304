// The migrations to the versions 1 to 6 of the ledger, for the list of ledger_schema.cc. They were
// released, so they never change.
#pragma once

namespace syncline::postgres {

extern const char kMigration1[];
extern const char kMigration2[];
extern const char kMigration3[];
extern const char kMigration4[];
extern const char kMigration5[];
extern const char kMigration6[];

}  // namespace syncline::postgres
