// Inflates a gzip file whose own header tells how long the contents must be.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace bitsieve {

// Deflate's best case: 2 bits, a length and a distance, stand for 258 bytes. No file makes more bytes from each of its
// own, so what is announced can be checked before memory is taken for it.
inline constexpr std::uint64_t deflate_ratio = 258 * 8 / 2;

// Inflates header_size bytes, asks total_size(header) for the exact length of the contents, then inflates up to one
// byte more than that: enough to see that the contents are too long without ever holding what a bomb unpacks to.
// Throws Error naming `origin`, among others when the announced length is beyond what so small a file can hold.
std::string inflate_gzip(std::string_view compressed, std::size_t header_size,
                         const std::function<std::uint64_t(std::string_view header)>& total_size,
                         const std::string& origin);

}  // namespace bitsieve
