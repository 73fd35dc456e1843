# Writes FILE, the source of git_description(), for the sources in FOLDER.
execute_process(COMMAND git -C ${FOLDER} describe --always --tags
                OUTPUT_VARIABLE description OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
string(REGEX REPLACE "[^-A-Za-z0-9._/+]" "" description "${description}")
file(CONFIGURE OUTPUT ${FILE} @ONLY CONTENT [[
#include "git_description.h"

namespace cbr::tool {

std::string_view git_description() noexcept {
  return "@description@";
}

}  // namespace cbr::tool
]])
