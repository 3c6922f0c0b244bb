#include "base/error.h"

namespace bitsieve {

Error::Error(const std::string& message, ErrorKind kind) : std::runtime_error(message), kind_(kind) {}

}  // namespace bitsieve
