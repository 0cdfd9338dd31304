// Whether a sanitizer makes the program many times slower, for tests that choose their number of
// random cases by it.
#pragma once

namespace syncline::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace syncline::testing
