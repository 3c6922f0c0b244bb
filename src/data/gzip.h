// Inflates a gzip file whose own header tells how long the contents must be.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace bitsieve {

// Inflates header_size bytes, asks total_size(header) for the exact length of the contents, then inflates up to one
// byte more than that: enough to see that the contents are too long without ever holding what a bomb unpacks to.
std::string inflate_gzip(std::string_view compressed, std::size_t header_size,
                         const std::function<std::uint64_t(std::string_view header)>& total_size,
                         const std::string& origin);

}  // namespace bitsieve
