// A benchmark's result as a report shows it.
#pragma once

#include <string>
#include <string_view>

namespace cbr::bench {

/// What the page of a report takes of a result file's text, as JSON: report/src/data.ts has its
/// form. `name` stands for the file in messages, `shown` in the page. Throws InputError in one line
/// that names the file, the place in it and what is wrong.
[[nodiscard]] std::string result_for_report(std::string_view text, const std::string& name,
                                            const std::string& shown);

}  // namespace cbr::bench
