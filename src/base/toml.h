// Reading TOML, with one line for what is no TOML. A header alone: who includes it links toml++.
#pragma once
#include <toml++/toml.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/error.h"

namespace bitsieve {

// Throws Error with origin and line.
inline toml::table parse_toml(std::string_view text, const std::string& origin) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    std::string reason(error.description());
    std::replace_if(
        reason.begin(), reason.end(), [](unsigned char c) { return c < ' '; }, ' ');
    fail("'{}' line {}: {}", origin, error.source().begin.line, reason);
  }
}

}  // namespace bitsieve
