// {fmt}, compiled once for the whole project; see cmake/CbrFmt.cmake.
#ifndef FMT_HEADER_ONLY
#include <fmt/format-inl.h>

// What the headers declare for others, and leave to one file.
template FMT_API fmt::detail::locale_ref::locale_ref(const std::locale& loc);
template FMT_API auto fmt::detail::locale_ref::get<std::locale>() const -> std::locale;
template FMT_API auto fmt::detail::thousands_sep_impl<char>(locale_ref)
    -> thousands_sep_result<char>;
template FMT_API auto fmt::detail::decimal_point_impl<char>(locale_ref) -> char;
template FMT_API auto fmt::detail::dragonbox::to_decimal<float>(float) noexcept
    -> decimal_fp<float>;
template FMT_API auto fmt::detail::dragonbox::to_decimal<double>(double) noexcept
    -> decimal_fp<double>;
#endif
