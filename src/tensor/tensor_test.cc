#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "tensor/npy.h"

namespace bitsieve {
namespace {

std::string npy(std::string header, const std::string& body) {
  header.resize(118, ' ');
  std::string bytes("\x93NUMPY\x01\x00\x76\x00", 10);
  return bytes + header + body;
}

TEST(Shape, CountsAndRefusesOverflow) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 3, 4}), 24);
  EXPECT_EQ(element_count({0, 5}), 0);
  EXPECT_THROW(element_count({std::int64_t{1} << 30, std::int64_t{1} << 30}), Error);
  EXPECT_THROW(element_count({-1}), Error);
}

TEST(Shape, Broadcasts) {
  EXPECT_EQ(broadcast_shape({8, 1, 6}, {7, 1}), (Shape{8, 7, 6}));
  EXPECT_THROW(broadcast_shape({2}, {3}), Error);
}

TEST(Npy, ReadsBytesAndFloats) {
  const Tensor a =
      parse_npy(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }", "\x01\x02\x03\xff"), "a");
  EXPECT_EQ(a.shape, (Shape{2, 2}));
  EXPECT_EQ(a.data, (std::vector<float>{1, 2, 3, 255}));
  const float value = 1.5f;
  std::string body(4, '\0');
  std::memcpy(body.data(), &value, 4);
  EXPECT_EQ(parse_npy(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", body), "a").data[0], 1.5f);
}

TEST(Npy, RefusesBadFiles) {
  EXPECT_THROW(parse_npy("", "a"), Error);
  EXPECT_THROW(parse_npy("not numpy at all", "a"), Error);
  EXPECT_THROW(parse_npy(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (1,), }", "x"), "a"), Error);
  EXPECT_THROW(parse_npy(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (9,), }", "x"), "a"), Error);
  EXPECT_THROW(parse_npy(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }", "x"), "a"),
               Error);
  EXPECT_THROW(parse_npy(npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "12345678"), "a"), Error);
  const std::string whole = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", "x");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(parse_npy(whole.substr(0, length), "a"), Error);
}

}  // namespace
}  // namespace bitsieve
