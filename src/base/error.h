// The one exception type of the libraries. A message is one line: what is wrong, where, what would be right.
#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace bitsieve {

enum class ErrorKind {
  failure,  // the work failed: exit status 1
  usage,    // the command line is wrong: exit status 2
};

class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ErrorKind kind = ErrorKind::failure);
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// Throws Error with a formatted message.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace bitsieve
