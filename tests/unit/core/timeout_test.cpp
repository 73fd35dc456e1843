// Every limit of the library is a Timeout; what it means is the same everywhere.
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <type_traits>

#include <gtest/gtest.h>

#include <cbr/types.h>

namespace cbr {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

template <typename Rep, typename Period = std::ratio<1>>
using Duration = std::chrono::duration<Rep, Period>;
using Picoseconds = Duration<std::int64_t, std::pico>;

constexpr nanoseconds hundred_years = std::chrono::days(36500);

constexpr bool for_ever(const Timeout& timeout) {
  return !timeout.has_value() && !timeout.value().has_value();
}
constexpr bool is(const Timeout& timeout, nanoseconds limit) {
  return timeout.has_value() && timeout.value() == limit;
}

// All of it can be reckoned by the compiler, which would find an overflow.

TEST(Timeout, AbsentIsForEver) {
  static_assert(for_ever(Timeout()));
  static_assert(for_ever(Timeout{}));
  static_assert(for_ever({}));
  static_assert(for_ever(std::nullopt));
  static_assert(for_ever(std::optional<std::chrono::milliseconds>()));
  static_assert(for_ever(std::optional<Duration<double>>()));
}

TEST(Timeout, TakesEveryUnit) {
  static_assert(is(5ns, 5ns));
  static_assert(is(5us, 5000ns));
  static_assert(is(5ms, 5'000'000ns));
  static_assert(is(5s, 5'000'000'000ns));
  static_assert(is(1min, 60s));
  static_assert(is(1h, 3600s));
  static_assert(is(std::chrono::days(1), 24h));
  static_assert(is(Duration<std::int64_t, std::ratio<1, 3>>(3), 1s));
  static_assert(is(Duration<double>(0.25), 250ms));
  static_assert(is(Duration<float, std::milli>(1.5F), 1500us));
  static_assert(is(Duration<long double, std::micro>(2.5L), 2500ns));
  static_assert(is(Duration<std::uint8_t, std::milli>(200), 200ms));
  static_assert(is(Duration<std::uint64_t, std::nano>(7), 7ns));
  static_assert(is(Picoseconds(7000), 7ns));
}

TEST(Timeout, AnOptionalDurationIsItsValue) {
  static_assert(is(std::optional(5ms), 5ms));
  static_assert(is(std::optional(0ms), 0ns));
  static_assert(is(std::optional(-5ms), 0ns));
  static_assert(is(std::optional(Duration<double>(0.5)), 500ms));
  static_assert(for_ever(std::optional(std::chrono::hours::max())));
}

TEST(Timeout, ZeroAndLessIsZero) {
  static_assert(is(0ns, 0ns));
  static_assert(is(0h, 0ns));
  static_assert(is(-1ns, 0ns));
  static_assert(is(-1h, 0ns));
  static_assert(is(nanoseconds::min(), 0ns));
  static_assert(is(std::chrono::hours::min(), 0ns));
  static_assert(is(std::chrono::years::min(), 0ns));
  static_assert(is(Picoseconds(-1), 0ns));
  static_assert(is(Duration<double>(0.0), 0ns));
  static_assert(is(Duration<double>(-0.0), 0ns));
  static_assert(is(Duration<double>(-1e300), 0ns));
  static_assert(is(Duration<double>(std::numeric_limits<double>::lowest()), 0ns));
}

TEST(Timeout, MoreThanAHundredYearsIsForEver) {
  static_assert(for_ever(nanoseconds::max()));
  static_assert(for_ever(std::chrono::microseconds::max()));
  static_assert(for_ever(std::chrono::milliseconds::max()));
  static_assert(for_ever(std::chrono::seconds::max()));
  static_assert(for_ever(std::chrono::minutes::max()));
  static_assert(for_ever(std::chrono::hours::max()));
  static_assert(for_ever(std::chrono::years::max()));
  static_assert(for_ever(std::chrono::years(300)));
  static_assert(for_ever(std::chrono::years(101)));
  static_assert(is(std::chrono::years(99), nanoseconds(std::chrono::years(99))));
  static_assert(is(hundred_years, hundred_years));
  static_assert(for_ever(hundred_years + 1us));
  static_assert(for_ever(Duration<std::uint64_t, std::nano>(1ULL << 63U)));
  static_assert(for_ever(Duration<std::uint64_t>(std::numeric_limits<std::uint64_t>::max())));
  static_assert(
      is(Picoseconds::max(), std::chrono::duration_cast<nanoseconds>(Picoseconds::max())));
}

TEST(Timeout, FloatingPointHasItsOwnEnds) {
  using Double = std::numeric_limits<double>;
  static_assert(for_ever(Duration<double>(Double::infinity())));
  static_assert(for_ever(Duration<double, std::nano>(Double::infinity())));
  static_assert(for_ever(Duration<float>(std::numeric_limits<float>::infinity())));
  static_assert(for_ever(Duration<double>(Double::max())));
  static_assert(for_ever(Duration<double, std::nano>(9.3e18)));
  static_assert(for_ever(Duration<double, std::nano>(9223372036854775808.0)));
  static_assert(for_ever(Duration<double>(36500.001 * 24 * 3600)));
  static_assert(is(Duration<double>(36500.0 * 24 * 3600), hundred_years));
  static_assert(is(Duration<double>(-Double::infinity()), 0ns));
  static_assert(is(Duration<double>(Double::quiet_NaN()), 0ns));
  static_assert(is(Duration<double>(-Double::quiet_NaN()), 0ns));
  static_assert(is(Duration<float, std::nano>(std::numeric_limits<float>::quiet_NaN()), 0ns));
  static_assert(for_ever(std::optional(Duration<double>(Double::infinity()))));
}

TEST(Timeout, LessThanANanosecondIsStillAWait) {
  static_assert(is(Picoseconds(1), 1ns));
  static_assert(is(Picoseconds(999), 1ns));
  static_assert(is(Picoseconds(1001), 1ns));
  EXPECT_TRUE(is(Duration<double>(1e-10), 1ns)) << "whatever the type";
  EXPECT_TRUE(is(Duration<float, std::nano>(0.25F), 1ns));
  EXPECT_TRUE(is(Duration<double>(std::numeric_limits<double>::denorm_min()), 1ns));
}

TEST(Timeout, EqualTimesAreEqual) {
  static_assert(Timeout(1000us) == Timeout(1ms));
  static_assert(Timeout(1ms) != Timeout(1us));
  static_assert(Timeout() == Timeout(std::chrono::hours::max()));
  static_assert(Timeout() != Timeout(0ms));
  static_assert(Timeout(-3ms) == Timeout(0ms));
}

TEST(Timeout, ItsEndLiesThatMuchAfterNow) {
  constexpr TimePoint now(123s);
  static_assert(Timeout(5ms).after(now) == now + 5ms);
  static_assert(Timeout(5ms).after(TimePoint()) == TimePoint(5ms));
  static_assert(Timeout(1ns).after(now) == now + 1ns);
  static_assert(Timeout().after(now) == no_deadline);
  static_assert(Timeout(std::chrono::hours::max()).after(now) == no_deadline);
  static_assert(Timeout(0ns).after(now) == no_wait);
  static_assert(Timeout(-5s).after(now) == no_wait);
}

TEST(Timeout, ItsEndNeverOverflows) {
  constexpr TimePoint last = TimePoint::max();
  // Near the late end of the clock.
  static_assert(Timeout(5ms).after(last) == no_deadline);
  static_assert(Timeout(1ns).after(last) == no_deadline);
  static_assert(Timeout(5ms).after(last - 5ms) == no_deadline);
  static_assert(Timeout(5ms).after(last - 6ms) == last - 1ms);
  static_assert(Timeout(5ms).after(last - 5ms - 1ns) == last - 1ns);
  static_assert(Timeout(hundred_years).after(last - hundred_years) == no_deadline);
  static_assert(Timeout(hundred_years).after(last - hundred_years - 1ns) == last - 1ns);
  static_assert(Timeout(hundred_years).after(TimePoint(hundred_years)) ==
                TimePoint(2 * hundred_years));
  static_assert(Timeout().after(last) == no_deadline);
  static_assert(Timeout(0ns).after(last) == no_wait);
  // Before the clock's zero, and at its early end.
  static_assert(Timeout(5ms).after(TimePoint(-3ms)) == TimePoint(2ms));
  static_assert(Timeout(5ms).after(TimePoint::min()) == TimePoint::min() + 5ms);
  static_assert(Timeout(hundred_years).after(TimePoint::min()) == TimePoint::min() + hundred_years);
  static_assert(Timeout(hundred_years).after(TimePoint(-1h)) == TimePoint(hundred_years - 1h));
  static_assert(Timeout().after(TimePoint::min()) == no_deadline);
}

TEST(Timeout, OnlyDurationsConvertToIt) {
  static_assert(std::is_convertible_v<std::chrono::milliseconds, Timeout>);
  static_assert(std::is_convertible_v<Duration<double>, Timeout>);
  static_assert(std::is_convertible_v<std::optional<std::chrono::seconds>, Timeout>);
  static_assert(std::is_convertible_v<std::nullopt_t, Timeout>);
  static_assert(!std::is_constructible_v<Timeout, int>, "of which unit?");
  static_assert(!std::is_constructible_v<Timeout, double>);
  static_assert(!std::is_constructible_v<Timeout, bool>);
  static_assert(!std::is_constructible_v<Timeout, std::nullptr_t>);
  static_assert(!std::is_constructible_v<Timeout, TimePoint>, "a moment is no limit");
  static_assert(!std::is_convertible_v<Timeout, bool>, "zero is a limit");
  static_assert(std::is_trivially_copyable_v<Timeout>);
}

}  // namespace
}  // namespace cbr
