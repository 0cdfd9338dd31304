// Matchers for absl::Status and absl::StatusOr: IsOk(), StatusIs(code) and StatusIs(code, reason).
//
//   EXPECT_OK(database->Ping());
//   EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable, "DB_UNREACHABLE"));
//   ASSERT_OK_AND_ASSIGN(auto connection, Connection::Open(options));
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/error.h"
#include "base/status_macros.h"

namespace syncline::testing {

inline absl::Status ToStatus(const absl::Status& status) { return status; }
template <typename T>
absl::Status ToStatus(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

inline std::string Described(const absl::Status& status) {
  return status.ToString() + " (reason \"" + GetReason(status) + "\")";
}

MATCHER(IsOk, negation ? "is an error" : "is OK") {
  const absl::Status status = ToStatus(arg);
  *result_listener << Described(status);
  return status.ok();
}

MATCHER_P(StatusIs, code, "has code " + absl::StatusCodeToString(code)) {
  const absl::Status status = ToStatus(arg);
  *result_listener << Described(status);
  return status.code() == code;
}

MATCHER_P2(StatusIs, code, reason,
           "has code " + absl::StatusCodeToString(code) + " and reason " + std::string(reason)) {
  const absl::Status status = ToStatus(arg);
  *result_listener << Described(status);
  return status.code() == code && GetReason(status) == reason;
}

}  // namespace syncline::testing

#define EXPECT_OK(expression) EXPECT_THAT(expression, ::syncline::testing::IsOk())
#define ASSERT_OK(expression) ASSERT_THAT(expression, ::syncline::testing::IsOk())

// Declares or assigns `target` from an absl::StatusOr. Ends the test if it is an error.
#define ASSERT_OK_AND_ASSIGN(target, expression) \
  ASSERT_OK_AND_ASSIGN_INNER(SYNCLINE_CONCAT(assert_ok_value_, __LINE__), target, expression)
#define ASSERT_OK_AND_ASSIGN_INNER(holder, target, expression) \
  auto holder = (expression);                                  \
  ASSERT_OK(holder);                                           \
  target = std::move(holder).value()
