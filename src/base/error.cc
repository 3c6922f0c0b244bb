#include "base/error.h"

namespace bitsieve {
namespace {

// Names from files may hold line ends and other control characters; a message stays one line.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = ' ';
  }
  return text;
}

}  // namespace

Error::Error(const std::string& message, ErrorKind kind) : std::runtime_error(one_line(message)), kind_(kind) {}

}  // namespace bitsieve
