// What the tests of this folder share.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "data/image.h"

namespace bitsieve {

inline std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

inline std::uint32_t crc_of(const Image& image) {
  return static_cast<std::uint32_t>(crc32(0, image.pixels.data(), static_cast<uInt>(image.pixels.size())));
}

// The generator of make_pillow_vectors.py.
inline Image noise_image(std::uint32_t seed, int channels, int height, int width) {
  Image image{height, width, channels, {}};
  for (int i = 0; i < height * width * channels; ++i) {
    seed = seed * 1664525u + 1013904223u;
    image.pixels.push_back(static_cast<std::uint8_t>(seed >> 24));
  }
  return image;
}

inline std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

// A directory that goes with the test. Messages are compared with its name replaced by DIR.
class TempDir : public ::testing::Test {
 protected:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "bitsieve_data_XXXXXX").string();
    dir_ = mkdtemp(name.data());
  }
  ~TempDir() override { std::filesystem::remove_all(dir_); }
  std::string write(const std::string& name, const std::string& bytes) const {
    write_file_atomically(path(name), bytes);
    return path(name);
  }
  std::string path(const std::string& name) const { return dir_ + "/" + name; }
  std::string error_of(const std::function<void()>& body) const {
    std::string message = message_of(body);
    for (std::size_t at; (at = message.find(dir_)) != std::string::npos;) message.replace(at, dir_.size(), "DIR");
    return message;
  }
  std::string dir_;
};

}  // namespace bitsieve
