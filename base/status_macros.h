// Early return on errors, for code that does not use exceptions.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// The name of a variable and the target of an assignment cannot stand in parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)

#define SYNCLINE_CONCAT_INNER(a, b) a##b
#define SYNCLINE_CONCAT(a, b) SYNCLINE_CONCAT_INNER(a, b)

// Returns from the enclosing function if `expression`, an absl::Status, is not OK. The variable's
// name has a counter because the expression may contain a lambda that uses the macro, too.
#define SYNCLINE_RETURN_IF_ERROR(expression) \
  SYNCLINE_RETURN_IF_ERROR_INNER(SYNCLINE_CONCAT(status_value_, __COUNTER__), expression)
#define SYNCLINE_RETURN_IF_ERROR_INNER(holder, expression)               \
  do {                                                                   \
    if (absl::Status holder = (expression); !holder.ok()) return holder; \
  } while (false)

// Declares or assigns `target` from an absl::StatusOr, or returns its error.
#define SYNCLINE_ASSIGN_OR_RETURN(target, expression)                                     \
  SYNCLINE_ASSIGN_OR_RETURN_INNER(SYNCLINE_CONCAT(status_or_value_, __COUNTER__), target, \
                                  expression)
#define SYNCLINE_ASSIGN_OR_RETURN_INNER(holder, target, expression) \
  auto holder = (expression);                                       \
  if (!holder.ok()) return holder.status();                         \
  target = std::move(holder).value()

// NOLINTEND(bugprone-macro-parentheses)
