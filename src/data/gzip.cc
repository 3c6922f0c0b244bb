#include "data/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace bitsieve {
namespace {

class Inflater {
 public:
  Inflater(std::string_view compressed, const std::string& origin) : rest_(compressed), origin_(origin) {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) fail("cannot read '{}': zlib does not start", origin);
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Makes `out` `size` bytes long, or shorter when the stream ends first.
  void fill_to(std::string& out, std::size_t size) {
    std::size_t have = out.size();
    out.resize(size);
    while (have < size && !ended_) {
      // zlib counts in unsigned int, so long buffers go in pieces.
      constexpr std::size_t piece = std::numeric_limits<uInt>::max();
      const auto in = static_cast<uInt>(std::min(rest_.size(), piece));
      const auto room = static_cast<uInt>(std::min(size - have, piece));
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest_.data()));
      stream_.avail_in = in;
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + have);
      stream_.avail_out = room;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      rest_.remove_prefix(in - stream_.avail_in);
      have += room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        ended_ = true;
      } else if (status == Z_BUF_ERROR) {
        fail("'{}' is truncated: its gzip stream does not end", origin_);
      } else if (status != Z_OK) {
        fail("'{}' is not a valid gzip file: {}", origin_, stream_.msg != nullptr ? stream_.msg : "bad data");
      }
    }
    out.resize(have);
  }

 private:
  z_stream stream_{};
  std::string_view rest_;
  const std::string& origin_;
  bool ended_ = false;
};

}  // namespace

std::string inflate_gzip(std::string_view compressed, std::size_t header_size,
                         const std::function<std::uint64_t(std::string_view)>& total_size, const std::string& origin) {
  Inflater inflater(compressed, origin);
  std::string out;
  inflater.fill_to(out, header_size);
  if (out.size() < header_size) return out;  // the caller's own length check words the error
  const std::uint64_t total = total_size(out);
  const std::uint64_t most = deflate_ratio * compressed.size();
  if (total > most) {
    fail("'{}' announces {} bytes; its {} bytes of gzip hold at most {}", origin, total, compressed.size(), most);
  }
  inflater.fill_to(out, static_cast<std::size_t>(total) + 1);
  return out;
}

}  // namespace bitsieve
